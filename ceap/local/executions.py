"""Executions of state machines: started, followed event by event, logged, and kept as a record."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec
from moto.core.utils import iso_8601_datetime_with_milliseconds
from moto.stepfunctions.parser.api import HistoryEventType, LogLevel
from moto.stepfunctions.parser.asl.eval.event.logging import is_logging_enabled_for
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import SyncExecution

from ceap.local import interpreter
from ceap.local.clock import CLOCK
from ceap.local.logs import Logs
from templates.definition import KINDS, integration_of
from templates.model import StepKind

Status: TypeAlias = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]

_OUTCOMES: Final[Mapping[str, Status]] = {
    "TaskSucceeded": "SUCCEEDED",
    "TaskFailed": "FAILED",
    "TaskTimedOut": "TIMED_OUT",
}


class Stage(NamedTuple):
    """A state and what does its work: the name of a function or of a Glue job."""

    state: str
    kind: StepKind
    worker: str


class DeployedMachine(msgspec.Struct, frozen=True, kw_only=True):
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
    def stages(self) -> list[Stage]:
        """The states that invoke a function or run a Glue job, in the order of the definition."""
        stages = []
        for name, state in json.loads(self.definition)["States"].items():
            if kind := KINDS.get(state.get("Resource", "")):
                worker = state["Parameters"][integration_of(kind).parameter]
                stages.append(Stage(name, kind, worker.rpartition(":")[2]))
        return stages


class Wait(msgspec.Struct, frozen=True):
    """A wait that a retrier or a Wait state asked for; `before_attempt` is the attempt of the state that follows it."""

    state: str
    before_attempt: int
    seconds: float


class Attempt(msgspec.Struct, kw_only=True):
    """One attempt of a Task state; times are virtual, in seconds since the epoch."""

    state: str
    number: int
    status: Status
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
    status: Status = "RUNNING"
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    started: float = 0.0
    ended: float = 0.0
    redrives: int = 0
    attempts: list[Attempt] = msgspec.field(default_factory=list)
    waits: list[Wait] = msgspec.field(default_factory=list)
    history: list[dict[str, Any]] = msgspec.field(default_factory=list)

    def attempts_of(self, state: str) -> list[Attempt]:
        return [attempt for attempt in self.attempts if attempt.state == state]


class Entry(NamedTuple):
    """The state where executions of a machine begin; `prepare` is called with each, and returns that state's input."""

    state: str
    prepare: Callable[[Execution], str]


Listener: TypeAlias = Callable[[Execution, Attempt | Wait | None], None]
"""Called at every change of an execution: an attempt begun or ended, a wait, or None when it has started or ended."""


class Executions:
    """The state machines of one engine and what they ran; `announce` is called at every change of a status."""

    def __init__(self, account: str, logs: Logs, announce: Callable[[DeployedMachine, Execution], None]) -> None:
        self.machines: Final[dict[str, DeployedMachine]] = {}
        self.entries: Final[dict[str, Entry]] = {}
        """Where executions begin, by machine; not among them: at the first state."""
        self.all: Final[list[Execution]] = []
        self.listener: Listener | None = None
        self._account: Final = account
        self._logs: Final = logs
        self._announce: Final = announce
        self._lock: Final = threading.Lock()
        self.in_background = 0
        """How many executions run that no caller waits for."""
        self._closed = False

    def run(self, machine: DeployedMachine, given: str, name: str) -> Execution:
        """Run an execution and return when it has ended."""
        execution = self._add(machine, given, name)
        self._run(machine, execution, None)
        return execution

    def start(self, machine: DeployedMachine, given: str, name: str) -> Execution:
        """Start an execution and do not wait for it."""
        execution = self._add(machine, given, name)
        self._run_in_background(machine, execution, None)
        return execution

    def redrive(self, execution: Execution) -> None:
        """Redrive an execution from the state that failed, and do not wait for it."""
        entered = next(event for event in reversed(execution.history) if event["type"].endswith("StateEntered"))
        execution.redrives += 1
        execution.status, execution.error, execution.cause = "RUNNING", None, None
        resumption = interpreter.Resumption(entered["details"]["name"], entered["details"]["input"])
        self._run_in_background(self.machines[execution.machine], execution, resumption)

    def stop(self, execution: Execution, error: str | None, cause: str | None) -> None:
        """Abort an execution; harmless when it has ended."""
        if run := interpreter.RUNS.get(execution.arn):
            execution.error, execution.cause = error, cause
            run.stop()

    def close(self) -> None:
        """Abort every running execution, without a notification."""
        self._closed = True
        for execution in list(self.all):
            self.stop(execution, None, None)

    def tell(self, execution: Execution, change: Attempt | Wait | None) -> None:
        if self.listener is not None:
            self.listener(execution, change)

    def log(self, machine: DeployedMachine, execution: Execution, event: Mapping[str, Any]) -> None:
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

    def _add(self, machine: DeployedMachine, given: str, name: str) -> Execution:
        kind = "express" if machine.kind == "EXPRESS" else "execution"
        arn = f"{machine.arn.replace(':stateMachine:', f':{kind}:')}:{name}"
        execution = Execution(arn=arn, name=name, machine=machine.arn, input=given, started=CLOCK.now())
        with self._lock:
            self.all.append(execution)
        return execution

    def _run_in_background(
        self, machine: DeployedMachine, execution: Execution, resumption: interpreter.Resumption | None
    ) -> None:
        with self._lock:
            self.in_background += 1
        CLOCK.begin()

        def work() -> None:
            try:
                self._run(machine, execution, resumption)
            finally:
                with self._lock:
                    self.in_background -= 1
                CLOCK.end()

        threading.Thread(target=work, name=execution.name, daemon=True).start()

    def _run(self, machine: DeployedMachine, execution: Execution, resumption: interpreter.Resumption | None) -> None:
        entry = self.entries.get(machine.arn)
        if resumption is None and entry is not None:
            resumption = interpreter.Resumption(entry.state, entry.prepare(execution))
        journal = _Journal(execution, machine, self)
        run = interpreter.RUNS[execution.arn] = interpreter.Run(journal.wait, resumption)
        self._tell_of_status(machine, execution)
        try:
            interpretation = self._interpretation(machine, execution, journal)
            interpretation.start()
        finally:
            del interpreter.RUNS[execution.arn]
        execution.ended = CLOCK.now()
        if run.cut_off is not None:
            execution.status = run.cut_off
            journal.close(run.cut_off)
        else:
            execution.status = interpretation.exec_status.value
            execution.error, execution.cause = interpretation.error, interpretation.cause
            if execution.status == "SUCCEEDED":
                execution.output = to_json_str(interpretation.output, separators=(",", ":"))
        self._tell_of_status(machine, execution)

    def _tell_of_status(self, machine: DeployedMachine, execution: Execution) -> None:
        if not self._closed:
            self._announce(machine, execution)
            self.tell(execution, None)

    def _interpretation(self, machine: DeployedMachine, execution: Execution, journal: _Journal) -> Any:
        # The interpreter's own types are classes with much more; it reads of each what stands here.
        interpretation: Any = SyncExecution
        return interpretation(
            name=execution.name,
            sm_type=machine.kind,
            role_arn=machine.role,
            exec_arn=execution.arn,
            account_id=self._account,
            region_name=machine.arn.split(":")[3],
            state_machine=SimpleNamespace(
                arn=machine.arn, name=machine.name, sm_type=machine.kind, definition=machine.definition
            ),
            start_date=interpreter.virtual_datetime(),
            cloud_watch_logging_session=journal,
            activity_store={},
            input_data=execution.input,
        )


class _Journal:
    """Records every event of one run, in place of the CloudWatch logging session that the interpreter expects."""

    configuration = SimpleNamespace(include_execution_data=True)

    def __init__(self, execution: Execution, machine: DeployedMachine, executions: Executions) -> None:
        self.execution_arn: Final = execution.arn
        self._execution: Final = execution
        self._machine: Final = machine
        self._executions: Final = executions
        self._earlier: Final = len(execution.history)
        self._state = ""
        self._closed = False

    def log_level_filter(self, history_event_type: Any) -> bool:  # noqa: ARG002 (moto's signature)
        return True

    def publish_history_log(self, history_log: Mapping[str, Any]) -> None:
        if not self._closed:
            self._record(history_log, history_log["type"].value, history_log.get("details") or {})

    def wait(self, state: str, seconds: float) -> None:
        if self._closed:
            return
        wait = Wait(state, len(self._execution.attempts_of(state)) + 1, seconds)
        self._execution.waits.append(wait)
        self._executions.tell(self._execution, wait)

    def close(self, status: Literal["ABORTED", "TIMED_OUT"]) -> None:
        """Record that the run was cut off, and nothing after it."""
        self._closed = True
        execution = self._execution
        if execution.attempts and execution.attempts[-1].status == "RUNNING":
            self._end_attempt(status, {})
        details = {"error": execution.error, "cause": execution.cause} if execution.error else {}
        stamp = {"event_timestamp": iso_8601_datetime_with_milliseconds(interpreter.virtual_datetime())}
        self._record(stamp, "ExecutionAborted" if status == "ABORTED" else "ExecutionTimedOut", details)

    def _record(self, history_log: Mapping[str, Any], kind: str, details: Mapping[str, Any]) -> None:
        if kind == "ExecutionStarted" and self._earlier:
            kind, details = "ExecutionRedriven", {"redriveCount": self._execution.redrives}
        number = len(self._execution.history) + 1
        previous = int(history_log.get("previous_event_id", number - 1 - self._earlier))
        event = {
            **history_log,
            "id": str(number),
            "previous_event_id": str(previous + self._earlier),
            "type": kind,
            "details": details,
        }
        self._execution.history.append(event)
        self._follow(kind, details)
        self._executions.log(self._machine, self._execution, event)

    def _follow(self, kind: str, details: Mapping[str, Any]) -> None:
        if kind.endswith("StateEntered"):
            self._state = details["name"]
        elif kind == "TaskScheduled":
            number, now = len(self._execution.attempts_of(self._state)) + 1, CLOCK.now()
            attempt = Attempt(state=self._state, number=number, status="RUNNING", started=now, ended=now)
            self._execution.attempts.append(attempt)
            self._executions.tell(self._execution, attempt)
        elif status := _OUTCOMES.get(kind):
            self._end_attempt(status, details)

    def _end_attempt(self, status: Status, details: Mapping[str, Any]) -> None:
        attempt = self._execution.attempts[-1]
        attempt.status, attempt.ended = status, CLOCK.now()
        attempt.error, attempt.cause = details.get("error"), details.get("cause")
        self._executions.tell(self._execution, attempt)
