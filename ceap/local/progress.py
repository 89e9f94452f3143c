"""What a run tells while it goes on: attempts and waits, what handlers print, and at its end the failures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from ceap.local.executions import Attempt, Execution, Wait
from ceap.local.failures import CalledFailure, Failure, blame_called, read_failure, read_job_failure
from ceap.local.frames import code_of_functions
from ceap.local.jobs import Job, JobEnd
from ceap.local.log_lines import read_line
from ceap.local.run_report import describe, describe_start
from ceap.local.workers import Function, Outcome
from templates import words

TAIL: Final = 20
"""How many lines of a failed attempt are shown where not all lines are."""


class Printed(NamedTuple):
    """The lines that a function or job printed in an attempt, as it printed them."""

    execution: str
    stage: str
    attempt: int
    lines: Sequence[str]


class _Group:
    """Equal failures of a stage: the first, the last lines it printed, and where it came again."""

    def __init__(self, failure: Failure, tail: list[str], execution: str, attempt: int) -> None:
        self.failure: Final = failure
        self.tail: Final = tail
        self.places: Final[dict[str, list[int]]] = {execution: [attempt]}


class Progress:
    """Hears an engine's executions, functions and Glue jobs, and says what they do with `say`, a line at a time.

    With one of the `messages`, no line needs to name its execution; 0: so many as come.
    """

    def __init__(
        self, say: Callable[[str], None], *, messages: int, logs: bool, metrics: bool, all_frames: bool
    ) -> None:
        self._say: Final = say
        self._messages: Final = messages
        self._logs: Final = logs
        self._metrics: Final = metrics
        self._all_frames: Final = all_frames
        self._lock: Final = threading.RLock()
        self._executions: Final[list[str]] = []
        self._lines: Final[dict[tuple[str, str], list[str]]] = {}
        self._ends: Final[dict[tuple[str, str], list[int]]] = {}
        """How many lines there were at the end of each attempt."""
        self._called: Final[dict[tuple[str, str], list[CalledFailure]]] = {}
        self._ended: Final[dict[tuple[str, str], tuple[Failure | None, list[str]]]] = {}
        self._groups: Final[dict[tuple[str, str], _Group]] = {}
        self._reasons: Final[dict[tuple[str, str], str]] = {}

    def follow(self, execution: Execution, change: Attempt | Wait | None) -> None:
        """Tell of a change of an execution."""
        with self._lock:
            match change:
                case None if execution.status == "RUNNING":
                    self._executions.append(execution.name)
                    self._say(describe_start(execution))
                case None:
                    self._say(f"execution {execution.name} {execution.status}")
                case Wait():
                    self._say(f"  {self._mark(execution.name)}{describe(change)}")
                case Attempt() if change.status != "RUNNING":
                    self._end_attempt(execution.name, change)

    def hear(self, function: Function, event: Any, line: str) -> None:
        """Take a line that a function prints, and show it if all lines are wanted."""
        self._take(_place(function.name, event), line, self._read(function, line) if self._logs else [])

    def hear_job(self, job: Job, arguments: Mapping[str, str], line: str, *, is_error: bool) -> None:
        """Take a line that a Glue job prints, and show it: a job may take minutes. Spark fills the standard error."""
        self._take(_place_of_run(job.name, arguments), line, [] if is_error else [line])

    def end(self, function: Function, event: Any, outcome: Outcome) -> None:
        """Take what came of an invocation; its attempt ends next."""
        failure, place = read_failure(function, outcome, all_frames=self._all_frames), _place(function.name, event)
        with self._lock:
            failure = blame_called(failure, function, self._called.pop(place, []))
            *_, begin = [0, *self._ends.get(place, [])]
            # Not the outcome's lines: functions that it called have printed, too.
            printed = self._lines.get(place, [])[begin:] if failure else []
            self._ended[place] = failure, [shown for line in printed for shown in self._read(function, line)]

    def end_called(self, function: Function, event: Any, outcome: Outcome) -> None:
        """Take what came of an invocation by another function, whose own end comes later."""
        if failure := read_failure(function, outcome, all_frames=self._all_frames):
            with self._lock:
                self._called.setdefault(_place(function.name, event), []).append((function.name, failure))

    def end_job(self, arguments: Mapping[str, str], end: JobEnd) -> None:
        """Take what came of a Glue job's run; its attempt ends next."""
        failure = read_job_failure(end, all_frames=self._all_frames)
        with self._lock:
            self._ended[_place_of_run(end.job.name, arguments)] = failure, list(end.lines)

    def failures(self) -> list[str]:
        """Return the lines of all failures; equal ones of a stage are one, with the places where it came again."""
        with self._lock:
            return [line for (stage, *_), group in self._groups.items() for line in self._describe(stage, group)]

    def reasons(self) -> Mapping[tuple[str, str], str]:
        """Return the headline of the failure that each stage of each execution had last, by execution and stage."""
        with self._lock:
            return dict(self._reasons)

    def log_files(self) -> Mapping[str, bytes]:
        """Return all that functions and jobs printed, by the path of its file: one for each stage of each execution."""
        with self._lock:
            return {
                f"executions/{execution}/logs/{stage}.log": "".join(f"{line}\n" for line in lines).encode()
                for (execution, stage), lines in self._lines.items()
            }

    def printed(self) -> list[Printed]:
        """Return what each attempt that has ended printed; an attempt that printed nothing has no lines."""
        with self._lock:
            return [
                Printed(execution, stage, number, self._lines.get((execution, stage), [])[begin:end])
                for (execution, stage), ends in self._ends.items()
                for number, (begin, end) in enumerate(pairwise([0, *ends]), 1)
            ]

    def _end_attempt(self, execution: str, attempt: Attempt) -> None:
        place = execution, attempt.state
        self._ends.setdefault(place, []).append(len(self._lines.get(place, ())))
        failure, lines = self._ended.pop(place, (None, []))
        self._reasons.pop((execution, attempt.state), None)
        reason = None
        if failure is not None:
            self._reasons[execution, attempt.state] = failure.headline
            key = attempt.state, failure.headline
            reason = "the same error again" if key in self._groups else failure.headline
            if key in self._groups:
                self._groups[key].places.setdefault(execution, []).append(attempt.number)
            else:
                self._groups[key] = _Group(failure, [] if self._logs else lines[-TAIL:], execution, attempt.number)
        self._say(f"  {self._mark(execution)}{describe(attempt, reason)}")

    def _take(self, place: tuple[str, str], line: str, shown: list[str]) -> None:
        execution, stage = place
        with self._lock:
            self._lines.setdefault(place, []).append(line)
            for text in shown:
                self._say(f"  {self._mark(execution)}{stage:<20} | {text}")

    def _read(self, function: Function, line: str) -> list[str]:
        shown = read_line(line, with_metrics=self._metrics, code=code_of_functions(function.root, function.home))
        return [] if shown is None else shown.split("\n")

    def _describe(self, stage: str, group: _Group) -> list[str]:
        (first, attempts), *others = group.places.items()
        number = self._executions.index(first) + 1
        of = f" of execution {number}" if len(self._executions) > 1 else ""
        lines = [
            "",
            f"{stage} failed in attempt {attempts[0]}{of}{group.failure.taken}",
            f"  {group.failure.headline}",
            *(f"  {line}" for line in group.failure.details),
        ]
        numbers = [self._executions.index(name) + 1 for name, _ in others]
        again = [*_enumerate("attempt", attempts[1:]), *_enumerate("execution", numbers)]
        lines += [f"  again in {', and in '.join(again)}"] * bool(again)
        if group.tail:
            lines += [f"  {words.plural(len(group.tail), 'last line')} that it printed:"]
            lines += [f"  | {line}" for line in group.tail]
        return lines

    def _mark(self, execution: str) -> str:
        return f"{execution[:8]}  " if self._messages != 1 else ""


def _place(function: str, event: Any) -> tuple[str, str]:
    """Return execution and stage of an invocation: fields of the event that the state machine passes."""
    match event:
        case {"executionId": str(execution), "currentStage": str(stage)}:
            return execution, stage
        case _:
            return "-", function


def _place_of_run(job: str, arguments: Mapping[str, str]) -> tuple[str, str]:
    """Return execution and stage of a job's run: arguments that the state machine passes."""
    match arguments:
        case {"--execution-id": execution, "--output-key": key} if key.count("/") > 1:
            return execution, key.split("/")[-2]
        case _:
            return "-", job


def _enumerate(what: str, numbers: list[int]) -> list[str]:
    """Return e.g. `attempts 2 and 3` in a list, which is empty for no numbers."""
    if not numbers:
        return []
    *most, last = map(str, numbers)
    return [f"{what}s {', '.join(most)} and {last}" if most else f"{what} {last}"]
