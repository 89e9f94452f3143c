"""What a run tells while it goes on: attempts and waits, what handlers print, and at its end the failures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from ceap.local.executions import Attempt, Execution, Wait
from ceap.local.failures import Failure, read_failure
from ceap.local.log_lines import read_line
from ceap.local.run_report import describe, describe_start
from ceap.local.workers import Function, Outcome
from templates import words

TAIL: Final = 20
"""How many lines of a failed attempt are shown where not all lines are."""


class _Group:
    """Equal failures of a stage: the first, the last lines it printed, and where it came again."""

    def __init__(self, failure: Failure, tail: list[str], execution: str, attempt: int) -> None:
        self.failure: Final = failure
        self.tail: Final = tail
        self.places: Final[dict[str, list[int]]] = {execution: [attempt]}


class Progress:
    """Hears an engine's executions and functions, and says what they do with `say`, a line at a time."""

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
        self._ended: Final[dict[tuple[str, str], tuple[Failure | None, list[str]]]] = {}
        self._groups: Final[dict[tuple[str, str, tuple[str, ...]], _Group]] = {}

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

    def hear(self, function: str, event: Any, line: str) -> None:
        """Take a line that a function prints, and show it if all lines are wanted."""
        execution, stage = _place(function, event)
        with self._lock:
            self._lines.setdefault((execution, stage), []).append(line)
            shown = read_line(line, with_metrics=self._metrics) if self._logs else None
            if shown is not None:
                self._say(f"  {self._mark(execution)}{stage:<20} | {shown}")

    def end(self, function: Function, event: Any, outcome: Outcome) -> None:
        """Take what came of an invocation; its attempt ends next."""
        failure = read_failure(function, outcome, all_frames=self._all_frames)
        with self._lock:
            self._ended[_place(function.name, event)] = failure, outcome.lines

    def failures(self) -> list[str]:
        """Return the lines of all failures; equal ones of a stage are one, with the places where it came again."""
        with self._lock:
            return [line for (stage, *_), group in self._groups.items() for line in self._describe(stage, group)]

    def log_files(self) -> Mapping[str, bytes]:
        """Return all that functions printed, by the path of its file: one for each stage of each execution."""
        with self._lock:
            return {
                f"executions/{execution}/logs/{stage}.log": "".join(f"{line}\n" for line in lines).encode()
                for (execution, stage), lines in self._lines.items()
            }

    def _end_attempt(self, execution: str, attempt: Attempt) -> None:
        failure, lines = self._ended.pop((execution, attempt.state), (None, []))
        reason = None
        if failure is not None and attempt.status != "SUCCEEDED":
            key = attempt.state, failure.headline, failure.details
            reason = "the same error again" if key in self._groups else failure.headline
            if key in self._groups:
                self._groups[key].places.setdefault(execution, []).append(attempt.number)
            else:
                self._groups[key] = _Group(failure, self._tail(lines), execution, attempt.number)
        self._say(f"  {self._mark(execution)}{describe(attempt, reason)}")

    def _tail(self, lines: list[str]) -> list[str]:
        if self._logs:
            return []
        shown = (read_line(line, with_metrics=self._metrics) for line in lines)
        return [line for line in shown if line is not None][-TAIL:]

    def _describe(self, stage: str, group: _Group) -> list[str]:
        (first, attempts), *others = group.places.items()
        record = f", record {group.failure.record}" if group.failure.record else ""
        number = self._executions.index(first) + 1
        of = f" of execution {number}" if len(self._executions) > 1 else ""
        lines = [
            "",
            f"{stage} failed in attempt {attempts[0]}{of}{record}",
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
        return f"{execution[:8]}  " if self._messages > 1 else ""


def _place(function: str, event: Any) -> tuple[str, str]:
    """Return execution and stage of an invocation: fields of the event that the state machine passes."""
    match event:
        case {"executionId": str(execution), "currentStage": str(stage)}:
            return execution, stage
        case _:
            return "-", function


def _enumerate(what: str, numbers: list[int]) -> list[str]:
    """Return e.g. `attempts 2 and 3` in a list, which is empty for no numbers."""
    if not numbers:
        return []
    *most, last = map(str, numbers)
    return [f"{what}s {', '.join(most)} and {last}" if most else f"{what} {last}"]
