"""Executions of state machines: started, followed event by event, logged, and kept as a record."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec
from moto.stepfunctions.parser.api import HistoryEventType, LogLevel
from moto.stepfunctions.parser.asl.eval.event.logging import is_logging_enabled_for
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import SyncExecution

from ceap.local import interpreter
from ceap.local.calls import Request
from ceap.local.clock import CLOCK
from ceap.local.gateway import Answer
from ceap.local.logs import Logs

INPUT_LIMIT_BYTES: Final = 262_144

ExecutionStatus: TypeAlias = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
AttemptStatus: TypeAlias = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT"]

_OUTCOMES: Final[Mapping[str, AttemptStatus]] = {
    "TaskSucceeded": "SUCCEEDED",
    "TaskFailed": "FAILED",
    "TaskTimedOut": "TIMED_OUT",
}


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """A deployed state machine; `definition` has its substitutions filled in."""

    arn: str
    name: str
    kind: Literal["EXPRESS", "STANDARD"]
    definition: str
    role: str
    log_group: str | None
    log_level: str
    log_data: bool

    @property
    def tasks(self) -> list[tuple[str, str]]:
        """The Task states and the function that each invokes, in the order of the definition."""
        states = json.loads(self.definition)["States"]
        return [
            (name, state.get("Parameters", {}).get("FunctionName", ""))
            for name, state in states.items()
            if state["Type"] == "Task"
        ]


class Wait(msgspec.Struct, frozen=True):
    """A wait that a retrier or a Wait state asked for; `before_attempt` is the attempt of the state that follows it."""

    state: str
    before_attempt: int
    seconds: float


class Attempt(msgspec.Struct, kw_only=True):
    """One attempt of a Task state; times are virtual, in seconds since the epoch."""

    state: str
    number: int
    status: AttemptStatus
    started: float
    ended: float
    error: str | None = None
    cause: str | None = None


class Execution(msgspec.Struct, kw_only=True):
    """What an execution did, filled while it runs; `history` holds its events, with all data."""

    arn: str
    name: str
    machine: str
    input: str
    status: ExecutionStatus = "RUNNING"
    error: str | None = None
    cause: str | None = None
    started: float = 0.0
    ended: float = 0.0
    attempts: list[Attempt] = msgspec.field(default_factory=list)
    waits: list[Wait] = msgspec.field(default_factory=list)
    history: list[dict[str, Any]] = msgspec.field(default_factory=list)

    def attempts_of(self, state: str) -> list[Attempt]:
        return [attempt for attempt in self.attempts if attempt.state == state]


Listener: TypeAlias = Callable[[Execution, Attempt | Wait | None], None]
"""Told of every change of an execution: an attempt begun or ended, a wait, or None when it has started or ended."""


class Executions:
    """The state machines of one engine and what they ran."""

    def __init__(self, account: str, logs: Logs) -> None:
        self.machines: Final[dict[str, Machine]] = {}
        self.all: Final[list[Execution]] = []
        self.listener: Listener | None = None
        self._account: Final = account
        self._logs: Final = logs
        self._lock: Final = threading.Lock()

    def serve(self, request: Request) -> Answer | None:
        """Serve `StartSyncExecution`, which moto does not have."""
        if request.service != "states" or request.operation != "StartSyncExecution":
            return None
        arn = request.document["stateMachineArn"]
        machine = self.machines.get(arn)
        if machine is None:
            return _error("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        if machine.kind != "EXPRESS":
            return _error("StateMachineTypeNotSupported", "StartSyncExecution takes an EXPRESS state machine")
        given = request.document.get("input", "{}")
        if len(given.encode()) > INPUT_LIMIT_BYTES:
            return _error("ValidationException", f"The input is longer than {INPUT_LIMIT_BYTES} bytes")
        execution, output = self._run(machine, given, request.document.get("name") or str(uuid.uuid4()))
        answer = {
            "executionArn": execution.arn,
            "stateMachineArn": machine.arn,
            "name": execution.name,
            "startDate": execution.started,
            "stopDate": execution.ended,
            "status": execution.status,
            "input": given,
            **({"output": output} if execution.status == "SUCCEEDED" else {}),
            **({"error": execution.error, "cause": execution.cause} if execution.error else {}),
        }
        return Answer(200, json.dumps(answer).encode(), {"Content-Type": "application/x-amz-json-1.0"})

    def _run(self, machine: Machine, given: str, name: str) -> tuple[Execution, str]:
        kind = "express" if machine.kind == "EXPRESS" else "execution"
        arn = f"{machine.arn.replace(':stateMachine:', f':{kind}:')}:{name}"
        execution = Execution(arn=arn, name=name, machine=machine.arn, input=given, started=CLOCK.now())
        with self._lock:
            self.all.append(execution)
        journal = _Journal(execution, machine, self)
        interpreter.RECORDERS[arn] = journal.wait
        try:
            run = self._interpretation(machine, execution, journal)
            self.tell(execution, None)
            run.start()
        finally:
            del interpreter.RECORDERS[arn]
        execution.status = run.exec_status.value
        execution.error, execution.cause = run.error, run.cause
        execution.ended = CLOCK.now()
        self.tell(execution, None)
        return execution, to_json_str(run.output, separators=(",", ":"))

    def _interpretation(self, machine: Machine, execution: Execution, journal: _Journal) -> Any:
        region = machine.arn.split(":")[3]
        # The interpreter's own types are classes with much more; it reads of each what stands here.
        interpretation: Any = SyncExecution
        return interpretation(
            name=execution.name,
            sm_type=machine.kind,
            role_arn=machine.role,
            exec_arn=execution.arn,
            account_id=self._account,
            region_name=region,
            state_machine=_MachineView(machine),
            start_date=interpreter.virtual_datetime(),
            cloud_watch_logging_session=journal,
            activity_store={},
            input_data=execution.input,
        )

    def tell(self, execution: Execution, change: Attempt | Wait | None) -> None:
        if self.listener is not None:
            self.listener(execution, change)

    def log(self, machine: Machine, execution: Execution, event: Mapping[str, Any]) -> None:
        """Write an event to the machine's log group, as its logging configuration says."""
        if machine.log_group is None or not is_logging_enabled_for(
            LogLevel(machine.log_level), HistoryEventType(event["type"])
        ):
            return
        details = event.get("details") or {}
        if not machine.log_data:
            details = {key: value for key, value in details.items() if not key.startswith(("input", "output"))}
        message = to_json_str({**event, "details": details, "execution_arn": execution.arn})
        stream = f"states/{machine.name}/{execution.name}"
        # Step Functions delivers logs itself, set up with the machine's role when the machine is created.
        self._logs.write(machine.log_group, stream, [message], None)


class _MachineView:
    def __init__(self, machine: Machine) -> None:
        self.arn = machine.arn
        self.name = machine.name
        self.sm_type = machine.kind
        self.definition = machine.definition


class _Journal:
    """Stands where the interpreter expects a CloudWatch logging session: hears every event of one execution."""

    class _Configuration:
        include_execution_data = True

    configuration = _Configuration()

    def __init__(self, execution: Execution, machine: Machine, executions: Executions) -> None:
        self.execution_arn: Final = execution.arn
        self._execution: Final = execution
        self._machine: Final = machine
        self._executions: Final = executions
        self._state = ""

    def log_level_filter(self, history_event_type: Any) -> bool:  # noqa: ARG002 (moto's signature)
        return True

    def publish_history_log(self, history_log: Mapping[str, Any]) -> None:
        event = {**history_log, "type": str(history_log["type"].value)}
        self._execution.history.append(event)
        self._follow(event["type"], event.get("details") or {})
        self._executions.log(self._machine, self._execution, event)

    def wait(self, state: str, seconds: float) -> None:
        wait = Wait(state, len(self._execution.attempts_of(state)) + 1, seconds)
        self._execution.waits.append(wait)
        self._executions.tell(self._execution, wait)

    def _follow(self, kind: str, details: Mapping[str, Any]) -> None:
        now = CLOCK.now()
        if kind.endswith("StateEntered"):
            self._state = details["name"]
        elif kind == "TaskScheduled":
            number = len(self._execution.attempts_of(self._state)) + 1
            attempt = Attempt(state=self._state, number=number, status="RUNNING", started=now, ended=now)
            self._execution.attempts.append(attempt)
            self._executions.tell(self._execution, attempt)
        elif status := _OUTCOMES.get(kind):
            attempt = self._execution.attempts[-1]
            attempt.status, attempt.ended = status, now
            attempt.error, attempt.cause = details.get("error"), details.get("cause")
            self._executions.tell(self._execution, attempt)


def _error(code: str, message: str) -> Answer:
    body = json.dumps({"__type": code, "message": message}).encode()
    return Answer(400, body, {"x-amzn-ErrorType": code})
