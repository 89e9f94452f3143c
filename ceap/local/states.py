"""The Step Functions API, as far as pipes, tests and operators use it; moto's own never runs an execution here."""

import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

from ceap.local.calls import Request
from ceap.local.clock import CLOCK
from ceap.local.executions import DeployedMachine, Execution, Executions
from ceap.local.gateway import Answer, ApiError, Document, Operation, serve_json
from templates import budget

REDRIVABLE_S: Final = 14 * 24 * 3600
"""How long a failed execution can be redriven. Source: Step Functions Developer Guide, "Redriving executions"."""


class StepFunctions:
    """Serves the API for the state machines of one engine."""

    def __init__(self, executions: Executions) -> None:
        self._executions: Final = executions
        self._operations: Final[Mapping[str, Operation]] = {
            "StartSyncExecution": self._start_sync_execution,
            "StartExecution": self._start_execution,
            "StopExecution": self._stop_execution,
            "RedriveExecution": self._redrive_execution,
            "DescribeExecution": self._describe_execution,
            "GetExecutionHistory": self._get_execution_history,
            "ListExecutions": self._list_executions,
        }

    def serve(self, request: Request) -> Answer | None:
        """Serve requests about executions; moto serves the others."""
        operation = self._operations.get(request.operation) if request.service == "states" else None
        return serve_json(operation, request) if operation else None

    def _start_sync_execution(self, given: Document) -> Document:
        machine = self._machine(given["stateMachineArn"])
        if machine.kind != "EXPRESS":
            raise ApiError("StateMachineTypeNotSupported", "StartSyncExecution takes an EXPRESS state machine")
        return _description(self._executions.run(machine, _input(given), given.get("name") or str(uuid.uuid4())))

    def _start_execution(self, given: Document) -> Document:
        machine = self._machine(given["stateMachineArn"])
        name = given.get("name")
        for execution in self._executions.all:
            if execution.machine == machine.arn and execution.name == name:
                if execution.status != "RUNNING" or execution.input != _input(given):
                    raise ApiError("ExecutionAlreadyExists", f"Execution Already Exists: '{execution.arn}'")
                return _started(execution)
        return _started(self._executions.start(machine, _input(given), name or str(uuid.uuid4())))

    def _stop_execution(self, given: Document) -> Document:
        self._executions.stop(self._execution(given), given.get("error"), given.get("cause"))
        return {"stopDate": CLOCK.now()}

    def _redrive_execution(self, given: Document) -> Document:
        execution = self._execution(given)
        if execution.status in {"RUNNING", "SUCCEEDED"}:
            raise ApiError("ExecutionNotRedrivable", f"Execution is {execution.status} and cannot be redriven")
        if CLOCK.now() - execution.started > REDRIVABLE_S:
            raise ApiError("ExecutionNotRedrivable", "Execution history event limit or redrivable period exceeded")
        self._executions.redrive(execution)
        return {"redriveDate": CLOCK.now()}

    def _describe_execution(self, given: Document) -> Document:
        return _description(self._execution(given))

    def _get_execution_history(self, given: Document) -> Document:
        return {"events": [_event(event) for event in self._execution(given).history]}

    def _list_executions(self, given: Document) -> Document:
        machine = self._machine(given["stateMachineArn"])
        found = [execution for execution in self._executions.all if execution.machine == machine.arn]
        wanted = given.get("statusFilter")
        kept = ("executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate", "redriveCount")
        return {
            "executions": [
                {key: value for key, value in _description(execution).items() if key in kept}
                for execution in reversed(found)
                if wanted in {None, execution.status}
            ]
        }

    def _machine(self, arn: str) -> DeployedMachine:
        if arn not in self._executions.machines:
            raise ApiError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return self._executions.machines[arn]

    def _execution(self, given: Document) -> Execution:
        """Return an execution of a STANDARD machine; AWS keeps no others."""
        arn = given["executionArn"]
        for execution in self._executions.all:
            if execution.arn == arn and self._executions.machines[execution.machine].kind == "STANDARD":
                return execution
        raise ApiError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


def _input(given: Document) -> str:
    """Return the input of an execution to start, or raise ApiError if it is too long or not JSON."""
    text: str = given.get("input", "{}")
    if len(text.encode()) > budget.INPUT_LIMIT_BYTES:
        raise ApiError("ValidationException", f"The input is longer than {budget.INPUT_LIMIT_BYTES} bytes")
    try:
        json.loads(text)
    except ValueError as error:
        raise ApiError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'") from error
    return text


def _started(execution: Execution) -> Document:
    return {"executionArn": execution.arn, "startDate": execution.started}


def _description(execution: Execution) -> Document:
    """Return an execution as DescribeExecution and StartSyncExecution answer it; dates are seconds since the epoch."""
    fields = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.started,
        "stopDate": None if execution.status == "RUNNING" else execution.ended,
        "input": execution.input,
        "output": execution.output,
        "error": execution.error,
        "cause": execution.cause,
        "redriveCount": execution.redrives,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _event(event: Mapping[str, Any]) -> Document:
    """Return an event of a journal as GetExecutionHistory answers it."""
    kind = event["type"]
    details = f"{kind[0].lower()}{kind[1:]}"
    for common in ("stateEntered", "stateExited"):
        if kind.lower().endswith(common.lower()):
            details = common
    return {
        "timestamp": event["event_timestamp"],
        "type": kind,
        "id": int(event["id"]),
        "previousEventId": int(event["previous_event_id"]),
        f"{details}EventDetails": event["details"],
    }
