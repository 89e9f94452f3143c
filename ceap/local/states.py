"""The Step Functions API, as far as pipes, tests and operators use it; moto's own never runs an execution here.

Error messages are those that AWS was recorded to answer (`docs/reference/conformance.md`).
"""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from ceap.cost.express import BILLED_MEMORY_MB, billed_ms
from ceap.local import history
from ceap.local.answers import Answer, ApiError, Document, Operation, serve_json
from ceap.local.calls import Request
from ceap.local.clock import CLOCK
from ceap.local.executions import DeployedMachine, Execution, Executions
from templates import budget

NAME_MAX: Final = 80
TOKEN_S: Final = 15 * 60
"""How long the token of a redrive counts. Source: botocore, "states" model, RedriveExecution."""
PAGE: Final = 100
PAGE_MAX: Final = 1000
STATUSES: Final = ("SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING")
_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f-\x9f<>{}\[\]?*\"#%\\^|~`$&,;:/]")
_START: Final = frozenset({"stateMachineArn", "name", "input"})

_T = TypeVar("_T")


class StepFunctions:
    """Serves the API for the state machines of one engine."""

    def __init__(self, executions: Executions) -> None:
        self._executions: Final = executions
        self._redrives: Final[dict[tuple[str, str], float]] = {}
        """When an execution was redriven, by its ARN and the caller's token."""
        self._operations: Final[Mapping[str, tuple[Operation, frozenset[str]]]] = {
            "StartSyncExecution": (self._start_sync_execution, _START),
            "StartExecution": (self._start_execution, _START),
            "StopExecution": (self._stop_execution, frozenset({"executionArn", "error", "cause"})),
            "RedriveExecution": (self._redrive_execution, frozenset({"executionArn", "clientToken"})),
            "DescribeExecution": (self._describe_execution, frozenset({"executionArn"})),
            "GetExecutionHistory": (
                self._get_execution_history,
                frozenset({"executionArn", "reverseOrder", "maxResults", "nextToken", "includeExecutionData"}),
            ),
            "ListExecutions": (
                self._list_executions,
                frozenset({"stateMachineArn", "statusFilter", "maxResults", "nextToken"}),
            ),
            "DescribeStateMachine": (self._describe_state_machine, frozenset({"stateMachineArn"})),
            "DescribeStateMachineForExecution": (self._describe_for_execution, frozenset({"executionArn"})),
        }

    def serve(self, request: Request) -> Answer | None:
        """Serve every request of the service; what is not modelled is refused."""
        if request.service != "states":
            return None
        return serve_json(lambda given: self._serve(request.operation, given), request)

    def _serve(self, name: str, given: Document) -> Document:
        if name not in self._operations:
            raise ApiError("UnknownOperationException", f"The local engine does not model {name}")
        operation, parameters = self._operations[name]
        if strange := sorted(given.keys() - parameters):
            raise ApiError("ValidationException", f"The local engine does not model {', '.join(strange)} of {name}")
        _check_constraints(given)
        return operation(given)

    def _start_sync_execution(self, given: Document) -> Document:
        machine = self._machine(given["stateMachineArn"])
        if machine.kind != "EXPRESS":
            raise _not_supported()
        execution = self._executions.run(machine, _input(given), _name(given))
        return {
            **_description(execution),
            "outputDetails": {"included": True},
            "billingDetails": {
                "billedDurationInMilliseconds": billed_ms(execution.ended - execution.started),
                "billedMemoryUsedInMB": BILLED_MEMORY_MB,
            },
        }

    def _start_execution(self, given: Document) -> Document:
        machine = self._machine(given["stateMachineArn"])
        name, text = _name(given), _input(given)
        for execution in self._executions.all if machine.kind == "STANDARD" else ():
            if execution.machine == machine.arn and execution.name == name:
                if execution.status != "RUNNING" or execution.input != text:
                    raise ApiError("ExecutionAlreadyExists", f"Execution Already Exists: '{execution.arn}'")
                return _started(execution)
        return _started(self._executions.start(machine, text, name))

    def _stop_execution(self, given: Document) -> Document:
        self._executions.stop(self._execution(given), given.get("error"), given.get("cause"))
        return {"stopDate": CLOCK.now()}

    def _redrive_execution(self, given: Document) -> Document:
        execution = self._execution(given)
        token = (execution.arn, given["clientToken"])
        if CLOCK.now() - self._redrives.get(token, 0.0) > TOKEN_S:
            if reason := execution.not_redrivable:
                message = f"Execution {execution.arn} invalid for redrive as: {reason}"
                raise ApiError("ExecutionNotRedrivable", message)
            self._executions.redrive(execution)
            self._redrives[token] = execution.redriven or CLOCK.now()
        return {"redriveDate": self._redrives[token]}

    def _describe_execution(self, given: Document) -> Document:
        execution = self._execution(given)
        redrive = {
            "redriveCount": execution.redrives,
            "redriveDate": execution.redriven,
            "redriveStatus": "NOT_REDRIVABLE" if execution.not_redrivable else "REDRIVABLE",
            "redriveStatusReason": execution.not_redrivable,
        }
        return _description(execution) | _present(redrive)

    def _get_execution_history(self, given: Document) -> Document:
        events = list(self._execution(given).history)
        if given.get("reverseOrder"):
            events.reverse()
        page, token = _page(events, given)
        with_data = given.get("includeExecutionData", True)
        return {"events": [history.answered(event, with_data=with_data) for event in page], **token}

    def _list_executions(self, given: Document) -> Document:
        machine = self._machine(given["stateMachineArn"])
        if machine.kind != "STANDARD":
            raise _not_supported()
        wanted, executions = given.get("statusFilter"), self._executions
        # A machine of this name that was deleted may have been an EXPRESS one, whose executions are never listed.
        found = [
            execution
            for execution in reversed(executions.all)
            if execution.machine == machine.arn
            and executions.deployed[execution.arn].kind == "STANDARD"
            and wanted in {None, execution.status}
        ]
        found.sort(key=_changed, reverse=True)
        page, token = _page(found, given)
        kept = ("executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate")
        listed = [
            {key: value for key, value in _description(execution).items() if key in kept}
            | _present({"redriveCount": execution.redrives, "redriveDate": execution.redriven})
            for execution in page
        ]
        return {"executions": listed, **token}

    def _describe_state_machine(self, given: Document) -> Document:
        machine = self._machine(given["stateMachineArn"])
        return {
            **_configuration(machine),
            "status": "ACTIVE",
            "type": machine.kind,
            "creationDate": machine.created,
        }

    def _describe_for_execution(self, given: Document) -> Document:
        machine = self._executions.deployed[self._execution(given).arn]
        return {**_configuration(machine), "updateDate": machine.updated}

    def _machine(self, arn: str) -> DeployedMachine:
        _check_arn(arn)
        if arn not in self._executions.machines:
            raise ApiError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return self._executions.machines[arn]

    def _execution(self, given: Document) -> Execution:
        """Return an execution of a STANDARD machine; AWS keeps no others."""
        arn: str = given["executionArn"]
        _check_arn(arn)
        kind = arn.split(":")[5] if arn.count(":") > 5 else ""
        if kind != "execution":
            raise ApiError("InvalidArn", f"Invalid Arn: 'Resource type not valid in this context: {kind}'")
        for execution in self._executions.all:
            if execution.arn == arn:
                return execution
        raise ApiError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


def _check_arn(arn: str) -> None:
    if not arn.startswith("arn:"):
        raise ApiError("InvalidArn", f"Invalid Arn: 'Invalid ARN prefix: {arn}'")


def _configuration(machine: DeployedMachine) -> Document:
    """Return what the descriptions of a machine and of that of an execution have in common."""
    logging: Document = {"level": machine.log_level, "includeExecutionData": machine.log_data}
    if machine.log_group is not None:
        region, account = machine.arn.split(":")[3:5]
        arn = f"arn:aws:logs:{region}:{account}:log-group:{machine.log_group}:*"
        logging["destinations"] = [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}]
    return {
        "stateMachineArn": machine.arn,
        "name": machine.name,
        "definition": machine.definition,
        "roleArn": machine.role,
        "loggingConfiguration": logging,
        "tracingConfiguration": {"enabled": machine.is_traced},
        "encryptionConfiguration": machine.encryption,
        **({"revisionId": machine.revision} if machine.revision else {}),
    }


def _not_supported() -> ApiError:
    message = "This operation is not supported by this type of state machine"
    return ApiError("StateMachineTypeNotSupported", message)


def _check_constraints(given: Document) -> None:
    """Raise ApiError for a value that the service's model does not allow; AWS checks this first."""
    name, text = given.get("name"), given.get("input", "")
    if name is not None and len(name) > NAME_MAX:
        raise _constraint(f"Value '{name}' at 'name'", f"have length less than or equal to {NAME_MAX}")
    if len(text.encode()) > budget.INPUT_LIMIT_BYTES:
        limit = f"have size less than or equal to {budget.INPUT_LIMIT_BYTES} bytes in UTF-8 encoding"
        raise _constraint("Value at 'input'", limit)
    if (size := given.get("maxResults", 0)) > PAGE_MAX:
        raise _constraint(f"Value '{size}' at 'maxResults'", f"have value less than or equal to {PAGE_MAX}")
    if (status := given.get("statusFilter", STATUSES[0])) not in STATUSES:
        raise _constraint(f"Value '{status}' at 'statusFilter'", f"satisfy enum value set: [{', '.join(STATUSES)}]")


def _constraint(value: str, rule: str) -> ApiError:
    message = f"1 validation error detected: {value} failed to satisfy constraint: Member must {rule}"
    return ApiError("ValidationException", message)


def _name(given: Document) -> str:
    name: str = given.get("name") or str(uuid.uuid4())
    if _FORBIDDEN.search(name):
        raise ApiError("InvalidName", f"Invalid Name: '{name}'")
    return name


def _input(given: Document) -> str:
    """Return the input of an execution to start, or raise ApiError if it is not JSON."""
    text: str = given.get("input", "{}")
    try:
        json.loads(text)
    except ValueError as error:
        reason = error if text else "Invalid execution input."
        raise ApiError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{reason}'") from error
    return text


def _page(items: Sequence[_T], given: Document) -> tuple[Sequence[_T], Document]:
    """Return a page of a list, and what the answer says of the next one."""
    token: str = given.get("nextToken", "0")
    if not token.isdecimal():
        raise ApiError("InvalidToken", "Invalid Token: 'Invalid token'")
    begin = int(token)
    end = begin + (given.get("maxResults") or PAGE)
    return items[begin:end], {"nextToken": str(end)} if end < len(items) else {}


def _changed(execution: Execution) -> float:
    """Return by what AWS sorts a list. Source: botocore, "states" model, ListExecutions."""
    return (execution.redriven or execution.started) if execution.status == "RUNNING" else execution.ended


def _started(execution: Execution) -> Document:
    return {"executionArn": execution.arn, "startDate": execution.started}


def _description(execution: Execution) -> Document:
    """Return what all answers say of an execution; dates are seconds since the epoch."""
    included = {"included": True}
    return _present(
        {
            "executionArn": execution.arn,
            "stateMachineArn": execution.machine,
            "name": execution.name,
            "status": execution.status,
            "startDate": execution.started,
            "stopDate": None if execution.status == "RUNNING" else execution.ended,
            "input": execution.input,
            "inputDetails": included,
            "output": execution.output,
            "outputDetails": None if execution.output is None else included,
            "error": execution.error,
            "cause": execution.cause,
        }
    )


def _present(fields: Mapping[str, Any]) -> Document:
    return {key: value for key, value in fields.items() if value is not None}
