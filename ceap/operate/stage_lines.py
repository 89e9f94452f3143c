"""The lines that the functions and jobs of one execution wrote.

A line of a function belongs to an execution if the invocation that wrote it does: one line of the invocation names the
execution, or Step Functions names the invocation. One that failed before it named any, e.g. as its module could not be
imported, is the one with that error which ended next to the end of the attempt. Each stream is of one environment,
which serves one invocation at a time, so all that stands between two reports is of one invocation, printed text without
any id, too.
Source: Lambda Developer Guide, "Working with Lambda function logs"; Glue Developer Guide, "Logging for AWS Glue jobs".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, assert_never

import msgspec

from ceap.aws.job_runs import job_runs_of
from ceap.aws.log_lines import LogLine, parsed, read_lines, streams_of
from ceap.aws.session import Aws
from ceap.aws.workflow import DeployedWorkflow, Worker
from ceap.cfn.lookup import FUNCTION_DEFAULT_S, number
from ceap.log_text import LEVELS
from ceap.operate.attempts import Attempt
from templates.model import StepKind

SLACK_S: Final = 60.0
"""How far the time of a line may be from that of the event that it tells of."""

_NEAR_S: Final = 1.0
"""How far the time of a line may be from that of the attempt whose error it tells."""

_REQUEST: Final = re.compile(r"^(START|REPORT) RequestId: ([0-9a-f-]+)")
_MARKS: Final = {"platform.start": "START", "platform.report": "REPORT"}
_LEVEL: Final = re.compile(
    r"^(?:\d\d/\d\d/\d\d \d\d:\d\d:\d\d |\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} )?\[?([A-Z]+)\]?\s"
)
_ALIASES: Final = {"WARN": "WARNING", "FATAL": "CRITICAL", "TRACE": "DEBUG"}


class StageLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a stage; its time is in seconds since the epoch, `level` is one of LEVELS, if the line has one."""

    stage: str
    timestamp: float
    level: str | None
    message: str
    group: str
    stream: str
    id: str


class Part(NamedTuple):
    """What of an execution is read: lines since a time, and up to one if it has ended; all stages, or some.

    `attempts` are those of the execution, as far as they are known.
    """

    execution: str
    since: float
    until: float | None = None
    attempts: Sequence[Attempt] = ()
    stages: Collection[str] | None = None


def read_stage_lines(aws: Aws, workflow: DeployedWorkflow, part: Part) -> list[StageLine]:
    """Return the lines of functions and jobs in the order of their times, as far as AWS has them."""
    found: list[StageLine] = []
    for worker in workflow.workers:
        if part.stages is not None and worker.stage not in part.stages:
            continue
        match worker.kind:
            case StepKind.LAMBDA:
                found += _of_function(aws, worker, part)
            case StepKind.GLUE:
                found += _of_job(aws, worker, part)
            case _:
                assert_never(worker.kind)
    return sorted(found, key=lambda line: line.timestamp)


def level_of(message: str) -> str | None:
    """Return the level of a line, one of LEVELS: of a JSON line, of `[ERROR] ...`, or of one as Spark writes it."""
    found = str(parsed(message).get("level", "")) if message.startswith("{") else ""
    if not found and (match := _LEVEL.match(message)):
        found = match[1]
    found = _ALIASES.get(found, found)
    return found if found in LEVELS else None


def _of_function(aws: Aws, worker: Worker, part: Part) -> list[StageLine]:
    [group] = worker.log_groups
    since, until = part.since - SLACK_S, None if part.until is None else part.until + SLACK_S
    attempts = [attempt for attempt in part.attempts if attempt.stage == worker.stage]
    terms = (part.execution, *(attempt.request for attempt in attempts if attempt.request))
    hits = [line for term in terms for line in read_lines(aws, group, term, since_s=since, until_s=until)]
    hits += filter(None, (_of_unnamed(aws, group, attempt) for attempt in attempts if not attempt.request))
    if not hits:
        return []
    timeout_s = number(worker.resource.properties.get("Timeout")) or FUNCTION_DEFAULT_S
    lines = read_lines(
        aws,
        group,
        since_s=min(line.timestamp_s for line in hits) - timeout_s,
        until_s=max(line.timestamp_s for line in hits) + timeout_s,
        streams=sorted({line.stream for line in hits}),
    )
    hit_ids, ours = {line.id for line in hits}, dict[str, LogLine]()
    for invocation in _invocations(lines):
        if any(line.id in hit_ids for line in invocation):
            # A replay names the execution that it copies from: who else names an execution is another's.
            owner = next(filter(None, map(_owner, invocation)), part.execution)
            ours |= {line.id: line for line in invocation if owner == part.execution}
    for line in hits:
        if _owner(line) == part.execution:
            ours.setdefault(line.id, line)
    return _staged(worker, group, sorted(ours.values(), key=lambda line: line.timestamp_s))


def _of_unnamed(aws: Aws, group: str, attempt: Attempt) -> LogLine | None:
    """Return the line that tells the error of an attempt which ended next to it, if there is one in its time."""
    ended = attempt.ended
    if attempt.error is None or ended is None:
        return None
    found = read_lines(aws, group, attempt.error, since_s=attempt.started - _NEAR_S, until_s=ended + _NEAR_S)
    unowned = (line for line in found if _owner(line) is None)
    return min(unowned, key=lambda line: abs(line.timestamp_s - ended), default=None)


def _invocations(lines: Iterable[LogLine]) -> Iterator[list[LogLine]]:
    """Yield the lines of each invocation, those between the report before and its own; its start may be missing."""
    open_ones: dict[str, list[LogLine]] = {}
    for line in lines:
        mark, before = _mark(line.message), open_ones.setdefault(line.stream, [])
        if mark == "START" and any(_mark(each.message) == "START" for each in before):
            yield open_ones.pop(line.stream)  # its report was not delivered
        open_ones.setdefault(line.stream, []).append(line)
        if mark == "REPORT":
            yield open_ones.pop(line.stream)
    yield from open_ones.values()


def _owner(line: LogLine) -> str | None:
    """Return the execution that a line of a handler's logger is of; None for any other line."""
    return parsed(line.message).get("executionId") if line.message.startswith("{") else None


def _mark(message: str) -> str | None:
    """Tell whether a line is the START or the REPORT of an invocation, in the text or the JSON format of Lambda."""
    if match := _REQUEST.match(message):
        return match[1]
    return _MARKS.get(str(parsed(message).get("type"))) if message.startswith("{") else None


def _of_job(aws: Aws, worker: Worker, part: Part) -> list[StageLine]:
    found: list[StageLine] = []
    for run in job_runs_of(aws, worker.name, part.execution, since_s=part.since - SLACK_S):
        for group in worker.log_groups:
            if streams := streams_of(aws, group, run.id):
                found += _staged(worker, group, read_lines(aws, group, streams=streams, since_s=run.started - SLACK_S))
    return found


def _staged(worker: Worker, group: str, lines: Iterable[LogLine]) -> list[StageLine]:
    return [
        StageLine(
            stage=worker.stage,
            timestamp=line.timestamp_s,
            level=level_of(line.message),
            message=line.message.rstrip("\n"),
            group=group,
            stream=line.stream,
            id=line.id,
        )
        for line in lines
    ]
