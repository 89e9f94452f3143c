"""The executions of an EXPRESS workflow: AWS lists none, so metrics count them, and a log and objects tell the rest.

The delivery of the log is best effort: a metric may count failures of which it has no line.
Source: Step Functions Developer Guide, "Using CloudWatch Logs to log execution history".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import msgspec

from ceap.aws.executions import (
    FAILURE_EVENTS,
    Execution,
    Status,
    executions_in,
    express_executions,
    message_in,
    name_of,
    short_cause,
)
from ceap.aws.log_lines import parsed, read_lines
from ceap.aws.session import Aws
from ceap.aws.stage_objects import objects_of, read_object
from ceap.aws.workflow import DeployedWorkflow
from ceap.operate.status_facts import Failure, Fate
from handlers.runtime.contract import error_key, output_key
from templates import budget

READERS: Final = 8
LATE_S: Final = 300
"""How long a line of the log may take to arrive."""
LONGEST_S: Final = 310
"""How long before its end the first event of an execution may be: it takes 5 minutes at most."""
MESSAGES_MAX: Final = 20
"""The ids of messages that one reading of the log looks for: more make a longer pattern than AWS takes."""
_GAP_S: Final = 900
_WINDOWS_MAX: Final = 20


class _Window(NamedTuple):
    begin: float
    end: float


class _Course(NamedTuple):
    """What became of the message of an execution, the later execution that tells it, and the message's id if known."""

    fate: Fate
    later: str | None = None
    message: str | None = None


class FailedLog:
    """The failed executions that the log of the state machine shows; it is read where metrics count some."""

    def __init__(self, aws: Aws, workflow: DeployedWorkflow) -> None:
        self._aws: Final = aws
        self._workflow: Final = workflow
        self._known: Final[dict[str, Failure]] = {}
        self._courses: Final[dict[str, _Course]] = {}
        self._read: dict[float, int] = {}

    def read(self, counts: Mapping[float, int], period_s: int, now: float, most: int, examined: int) -> list[Failure]:
        """Return failed executions, the last to end first, at most so many; of the first ones what became of them.

        `counts` are those that did not succeed, by the beginning of the period in which they ended.
        """
        changed = [moment for moment, number in counts.items() if self._read.get(moment) != number]
        for window in _windows(changed, period_s):
            if len(self._known) < most or window.end > now - LATE_S:
                for failure in self._find(window):
                    self._known.setdefault(failure.arn, failure)
        self._read = {moment: number for moment, number in counts.items() if moment < now - LATE_S - period_s}
        begin = min(counts, default=now)
        recent = sorted(self._known.values(), key=lambda failure: (failure.ended, failure.arn), reverse=True)
        shown = [failure for failure in recent if failure.ended >= begin][:most]
        with ThreadPoolExecutor(READERS) as pool:
            looked = list(pool.map(self._look, shown))
            return [*self._examine(looked[:examined], now, pool), *looked[examined:]]

    def _find(self, window: _Window) -> Iterator[Failure]:
        group = self._workflow.machine_log_group
        for term, status in FAILURE_EVENTS.items():
            for line in read_lines(self._aws, group, term, since_s=window.begin, until_s=window.end):
                event = parsed(line.message)
                if event.get("type") == term:
                    yield _failure(event, status)

    def _look(self, failure: Failure) -> Failure:
        if not failure.is_looked_at:
            failure = self._known[failure.arn] = self._with_stage(failure)
        return failure

    def _with_stage(self, failure: Failure) -> Failure:
        """Return a failure with the first stage that has no output, and with its error, where the log lacks it."""
        bucket, stages = self._workflow.bucket, self._workflow.stages
        keys = {found.key for found in objects_of(self._aws, bucket, failure.execution)}
        stage = next((stage for stage in stages if output_key(failure.execution, stage) not in keys), None)
        error, cause = failure.error, failure.cause
        if stage and error is None and (key := error_key(failure.execution, stage)) in keys:
            told = parsed(read_object(self._aws, bucket, key) or b"")
            error, cause = told.get("errorType"), told.get("errorMessage")
        return msgspec.structs.replace(failure, stage=stage, error=error, cause=cause, is_looked_at=True)

    def _examine(self, failures: list[Failure], now: float, pool: ThreadPoolExecutor) -> list[Failure]:
        """Return failures with what became of their messages; what cannot change by itself is kept."""
        new = [each for each in failures if each.arn not in self._courses]
        found = pool.map(lambda each: self._course(each, now), new)
        courses = {each.arn: course for each, course in zip(new, found, strict=True)}
        over = [each for each in new if self._end(each) < now]
        courses |= self._gone_on(over, courses)
        kept = {each.arn for each in over}
        for arn, course in courses.items():
            if arn in kept or course.fate in (Fate.SETTLED, Fate.DEAD):
                self._courses[arn] = course
        courses = self._courses | courses
        return [
            msgspec.structs.replace(each, fate=courses[each.arn].fate, later=courses[each.arn].later)
            for each in failures
        ]

    def _end(self, failure: Failure) -> float:
        """Return when the log shows all executions that take a message because it comes back by itself."""
        return failure.ended + horizon_s(self._workflow) + LATE_S

    def _course(self, failure: Failure, now: float) -> _Course:
        """Return what became of the message of an execution, by the executions that took it while it came back."""
        group, begin = self._workflow.machine_log_group, failure.ended - LONGEST_S
        lines = read_lines(self._aws, group, failure.arn, since_s=begin, until_s=failure.ended + 1)
        own = executions_in(parsed(line.message) for line in lines)
        execution = next((each for each in own if each.arn == failure.arn), None)
        record = message_in(execution.input) if execution else None
        if execution is None or record is None or "messageId" not in record:
            return _Course(Fate.UNKNOWN)
        message, started = str(record["messageId"]), execution.started
        found = express_executions(self._aws, group, since_s=started, until_s=self._end(failure), term=message)
        later = [each for each in found if each.started > started]
        return _told(later, message) or _Course(_unrepeated(record, failure, now, self._workflow), message=message)

    def _gone_on(self, failures: Iterable[Failure], courses: Mapping[str, _Course]) -> dict[str, _Course]:
        """Return how it went on with messages after they came back by themselves: replayed, or kept from the pipe.

        The log since then is long, so it is read for many messages at once.
        """
        messages = {
            each.arn: message
            for each in failures
            if (message := courses[each.arn].message) and courses[each.arn].fate is not Fate.SETTLED
        }
        begin = min((self._end(each) for each in failures if each.arn in messages), default=0.0)
        group, ids = self._workflow.machine_log_group, sorted(set(messages.values()))
        found = [
            execution
            for at in range(0, len(ids), MESSAGES_MAX)
            for execution in express_executions(self._aws, group, since_s=begin, term=ids[at : at + MESSAGES_MAX])
        ]
        told: dict[str, _Course] = {}
        for each in failures:
            if message := messages.get(each.arn):
                later = [one for one in found if one.started > each.ended and message in (one.input or "")]
                if course := _told(later, message):
                    told[each.arn] = course
        return told


def _told(later: list[Execution], message: str) -> _Course | None:
    """Return what later executions of a message tell of it, the earliest first; None if there are none."""
    if settled := next((each for each in later if each.status == "SUCCEEDED"), None):
        return _Course(Fate.SETTLED, settled.name, message)
    return _Course(Fate.REPEATED, later[-1].name, message) if later else None


def unexplained(counts: Mapping[float, int], failures: Iterable[Failure], begin: float) -> int:
    """Return how many executions have failed since a time, by the metrics, of whose messages the log does not tell."""
    counted = sum(number for moment, number in counts.items() if moment >= begin)
    told = sum(1 for failure in failures if failure.ended >= begin and failure.fate is not Fate.UNKNOWN)
    return max(0, counted - told)


def horizon_s(workflow: DeployedWorkflow) -> float:
    """Return after how long a message that keeps failing is in the dead-letter queue."""
    return (workflow.receives_max or budget.MAX_RECEIVES) * workflow.visibility_timeout_s


def _unrepeated(message: Mapping[str, Any], failure: Failure, now: float, workflow: DeployedWorkflow) -> Fate:
    received = str(message.get("attributes", {}).get("ApproximateReceiveCount", ""))
    if received.isdecimal() and workflow.receives_max is not None and int(received) >= workflow.receives_max:
        return Fate.DEAD
    return Fate.RETURNING if now - failure.ended < horizon_s(workflow) else Fate.UNKNOWN


def _windows(moments: list[float], period_s: int) -> list[_Window]:
    """Return the times in which periods lie, the newest first; those that are near each other are one."""
    found: list[_Window] = []
    for moment in sorted(moments, reverse=True):
        begin, end = moment - period_s, moment + 2 * period_s
        if found and found[-1].begin - end < _GAP_S:
            found[-1] = _Window(begin, found[-1].end)
        else:
            found.append(_Window(begin, end))
    return found[:_WINDOWS_MAX]


def _failure(event: Mapping[str, Any], status: Status) -> Failure:
    details = event.get("details", {})
    return Failure(
        execution=name_of(event["execution_arn"]),
        arn=event["execution_arn"],
        status=status,
        started=None,
        ended=int(event["event_timestamp"]) / 1000,
        fate=Fate.UNKNOWN,
        error=details.get("error"),
        cause=short_cause(details.get("cause")),
    )
