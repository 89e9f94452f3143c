"""Executions of state machines: started, followed event by event, logged, and kept as a record."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec
from moto.stepfunctions.parser.api import HistoryEventType, LogLevel
from moto.stepfunctions.parser.asl.eval.event.logging import is_logging_enabled_for
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import SyncExecution

from ceap.local import history, interpreter
from ceap.local.clock import CLOCK
from ceap.local.logs import Logs
from templates.budget import REDRIVABLE_S
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
    """A deployed state machine; `definition` has its substitutions filled in.

    `encryption` is as DescribeStateMachine has it, `created` and `updated` are in virtual seconds since the epoch.
    `revision` is empty until the machine is updated.
    """

    arn: str
    name: str
    kind: Literal["EXPRESS", "STANDARD"]
    definition: str
    role: str
    log_group: str | None
    log_level: str
    log_data: bool
    created: float
    is_traced: bool
    encryption: Mapping[str, Any]
    updated: float = 0.0
    revision: str = ""

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
    """What an execution did, filled while it runs; `history` holds its events, with all data.

    Times are virtual, in seconds since the epoch; `redriven` is when it was redriven last.
    """

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
    redriven: float | None = None
    attempts: list[Attempt] = msgspec.field(default_factory=list)
    waits: list[Wait] = msgspec.field(default_factory=list)
    history: list[dict[str, Any]] = msgspec.field(default_factory=list)

    def attempts_of(self, state: str) -> list[Attempt]:
        return [attempt for attempt in self.attempts if attempt.state == state]

    @property
    def not_redrivable(self) -> str | None:
        """Why the execution cannot be redriven now, in AWS's words; None if it can."""
        if self.status in {"RUNNING", "SUCCEEDED"}:
            return f"Execution is {self.status} and cannot be redriven"
        return "Execution redrivable period exceeded" if CLOCK.now() - self.ended > REDRIVABLE_S else None


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
        self.deployed: Final[dict[str, DeployedMachine]] = {}
        """The machine as it was when an execution started, by the execution's ARN."""
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
        self._run(machine, execution, None, {})
        return execution

    def start(self, machine: DeployedMachine, given: str, name: str) -> Execution:
        """Start an execution and do not wait for it."""
        execution = self._add(machine, given, name)
        self._in_background(execution, partial(self._run, machine, execution, None, {"RedriveCount": 0}))
        return execution

    def redrive(self, execution: Execution) -> None:
        """Redrive an execution from the state that failed, and do not wait for it."""
        entered = next(event for event in reversed(execution.history) if event["type"].endswith("StateEntered"))
        execution.redrives, execution.redriven = execution.redrives + 1, CLOCK.now()
        execution.status, execution.error, execution.cause = "RUNNING", None, None
        resumption = interpreter.Resumption(entered["details"]["name"], entered["details"]["input"])
        context = {"RedriveCount": execution.redrives, "RedriveTime": history.iso_time(execution.redriven)}
        machine = self.deployed[execution.arn]
        self._in_background(execution, partial(self._run, machine, execution, resumption, context))

    def stop(self, execution: Execution, error: str | None, cause: str | None) -> None:
        """Abort an execution; harmless when it has ended."""
        if run := interpreter.RUNS.get(execution.arn):
            execution.error, execution.cause = error, cause
            run.stop()

    def remove(self, machine: DeployedMachine) -> None:
        """Forget a machine and abort its executions. Source: Step Functions API Reference, "DeleteStateMachine"."""
        self.machines.pop(machine.arn, None)
        for execution in [execution for execution in list(self.all) if execution.machine == machine.arn]:
            self.stop(execution, None, None)

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
        is_wanted = is_logging_enabled_for(LogLevel(machine.log_level), HistoryEventType(event["type"]))
        if machine.log_group is None or not is_wanted:
            return
        line = history.log_line(event, execution.arn, execution.redrives, with_data=machine.log_data)
        stream = history.log_stream(machine.arn, is_express=machine.kind == "EXPRESS", moment=event["timestamp"])
        # Step Functions delivers logs itself, set up with the machine's role when the machine is created.
        self._logs.write(machine.log_group, stream, [line], None)

    def _add(self, machine: DeployedMachine, given: str, name: str) -> Execution:
        if machine.kind == "EXPRESS":  # names of executions may repeat there
            arn = f"{machine.arn.replace(':stateMachine:', ':express:')}:{name}:{uuid.uuid4()}"
        else:
            arn = f"{machine.arn.replace(':stateMachine:', ':execution:')}:{name}"
        execution = Execution(arn=arn, name=name, machine=machine.arn, input=given, started=CLOCK.now())
        self.deployed[execution.arn] = machine
        with self._lock:
            self.all.append(execution)
        return execution

    def _in_background(self, execution: Execution, run: Callable[[], None]) -> None:
        with self._lock:
            self.in_background += 1
        CLOCK.begin()

        def work() -> None:
            try:
                run()
            finally:
                with self._lock:
                    self.in_background -= 1
                CLOCK.end()

        threading.Thread(target=work, name=execution.name, daemon=True).start()

    def _run(
        self,
        machine: DeployedMachine,
        execution: Execution,
        resumption: interpreter.Resumption | None,
        context: Mapping[str, Any],
    ) -> None:
        entry = self.entries.get(machine.arn)
        if resumption is None and entry is not None:
            resumption = interpreter.Resumption(entry.state, entry.prepare(execution))
        journal = _Journal(execution, machine, self)
        context = {"StartTime": history.iso_time(execution.started), **context}
        run = interpreter.RUNS[execution.arn] = interpreter.Run(journal.wait, journal.entered, context, resumption)
        self._tell_of_status(machine, execution)
        try:
            interpretation = self._interpretation(machine, execution, journal)
            interpretation.start()
        finally:
            del interpreter.RUNS[execution.arn]
        execution.ended = CLOCK.now()
        if run.cut_off is not None:
            journal.close(run.cut_off)
            execution.status = run.cut_off
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
        self._closed = False
        self._state = ""
        self._entered = 0.0
        self._numbers: Final = {0: 0}
        """The numbers of the events in the history, by those that the interpreter counted in this run."""
        entries = [event for event in execution.history if event["type"].endswith("StateEntered")]
        self._redriven: dict[str, Any] | None = entries[-1] if entries else None
        """The event of the first entry into the state that is redriven, until that state is reached."""

    def log_level_filter(self, history_event_type: Any) -> bool:  # noqa: ARG002 (moto's signature)
        return True

    def publish_history_log(self, history_log: Mapping[str, Any]) -> None:
        if self._closed:
            return
        kind, details = history_log["type"].value, history_log.get("details") or {}
        previous = self._numbers[int(history_log["previous_event_id"])]
        if kind == "TaskFailed" and details["error"] == "States.Runtime":
            number = previous  # AWS shows only that the execution failed
            self._end_running_attempt("FAILED", details)
        elif self._redriven is None:
            number = self._record(kind, previous, details)
        elif kind == "ExecutionStarted":
            details = {"redriveCount": self._execution.redrives}
            number = self._record("ExecutionRedriven", len(self._execution.history), details)
        else:
            number = self._enter_again(self._redriven)
        self._numbers[int(history_log["id"])] = number

    def entered(self) -> str:
        """Return when the current state was entered, as the context object has it."""
        return history.iso_time(self._entered)

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
        self._end_running_attempt(status, {})
        if status == "TIMED_OUT":
            self._record("ExecutionTimedOut", 0, {"error": "States.Timeout"})
            return
        given = {"cause": execution.cause, "error": execution.error}
        self._record("ExecutionAborted", 0, {key: value for key, value in given.items() if value is not None})

    def _enter_again(self, entry: Mapping[str, Any]) -> int:
        """Go on in a state that was entered before, and return the number of the event that goes before the next one.

        What a task does follows its first entry; a Fail state has only the redrive before it.
        """
        self._redriven = None
        self._state, self._entered = entry["details"]["name"], entry["timestamp"]
        number: int = entry["id"]
        return len(self._execution.history) if entry["type"] == "FailStateEntered" else number

    def _record(self, kind: str, previous: int, details: Mapping[str, Any]) -> int:
        number = len(self._execution.history) + 1
        event = {
            "timestamp": round(CLOCK.now(), 3),
            "type": kind,
            "id": number,
            "previousEventId": previous,
            "details": details,
        }
        self._execution.history.append(event)
        self._follow(event)
        self._executions.log(self._machine, self._execution, event)
        return number

    def _follow(self, event: Mapping[str, Any]) -> None:
        kind, details = event["type"], event["details"]
        if kind.endswith("StateEntered"):
            self._state, self._entered = details["name"], event["timestamp"]
        elif kind == "TaskScheduled":
            number, now = len(self._execution.attempts_of(self._state)) + 1, CLOCK.now()
            attempt = Attempt(state=self._state, number=number, status="RUNNING", started=now, ended=now)
            self._execution.attempts.append(attempt)
            self._executions.tell(self._execution, attempt)
        elif status := _OUTCOMES.get(kind):
            self._end_attempt(status, details)

    def _end_running_attempt(self, status: Status, details: Mapping[str, Any]) -> None:
        if self._execution.attempts and self._execution.attempts[-1].status == "RUNNING":
            self._end_attempt(status, details)

    def _end_attempt(self, status: Status, details: Mapping[str, Any]) -> None:
        attempt = self._execution.attempts[-1]
        attempt.status, attempt.ended = status, CLOCK.now()
        attempt.error, attempt.cause = details.get("error"), details.get("cause")
        self._executions.tell(self._execution, attempt)
