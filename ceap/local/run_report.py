"""What a run did, stage by stage: pure, from the executions and the objects they left."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from ceap.local.executions import Attempt, Execution, Status, Wait
from handlers.runtime.contract import output_key
from templates import words

# How a stage ends its message on AWS: the line names the stage and the execution, and the object was never written.
_PLACE: Final = re.compile(r" \(\w+ of execution [^\s;]+; output s3://[^\s)]+\)$")

StageStatus: TypeAlias = Literal["SUCCEEDED", "SKIPPED", "FAILED", "TIMED_OUT", "ABORTED", "RUNNING", "NOT_RUN"]


class StageReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One stage of one execution; `duration_s` and `waits_s` are virtual seconds.

    The counts of records are those of the stage's document, None without one: in + expanded = out + rejected + merged
    + stale. A stage is SKIPPED in a replay that has copied its document, which then counts for the execution that wrote
    it. `rejections` are the rejected ones by code, `counts` what the stage counted itself. `object` is the path of
    the document in the folder where the run is kept, None without one.
    """

    stage: str
    status: StageStatus
    attempts: int
    duration_s: float
    waits_s: tuple[float, ...]
    records_in: int | None
    records_out: int | None
    records_expanded: int | None
    records_rejected: int | None
    records_merged: int | None
    records_stale: int | None
    rejections: Mapping[str, int]
    counts: Mapping[str, int]
    object: str | None
    error: str | None


class _Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """The counts in a stage document."""

    input_record_count: int | None = None
    output_record_count: int | None = None
    expanded_record_count: int | None = None
    rejected_record_count: int | None = None
    merged_record_count: int | None = None
    stale_record_count: int | None = None
    rejections: dict[str, int] = {}
    counts: dict[str, int] = {}


class _Document(msgspec.Struct, frozen=True, rename="camel"):
    """A stage document, without its records."""

    metadata: _Metadata
    copied_from: str | None = None


class ExecutionReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One execution; `error` is the error that ended it."""

    execution_id: str
    status: Status
    error: str | None
    duration_s: float
    stages: tuple[StageReport, ...]


class RunReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A whole run; it succeeded if every message did, even after a redelivery. `kept` is the folder it is kept in."""

    workflow: str
    status: Literal["SUCCEEDED", "FAILED"]
    messages_sent: int
    messages_left: int
    messages_dead_lettered: int
    events_published: int
    alerts_published: int
    problems: tuple[str, ...]
    kept: str | None
    executions: tuple[ExecutionReport, ...]


def build_report(
    *,
    workflow: str,
    stages: Sequence[str],
    executions: Iterable[Execution],
    objects: Mapping[str, bytes],
    kept: str | None,
    paths: Mapping[str, str],
    messages_sent: int,
    messages_left: int,
    messages_dead_lettered: int,
    events_published: int,
    alerts_published: int,
    problems: Iterable[str],
    reasons: Mapping[tuple[str, str], str],
) -> RunReport:
    """Return the report of a run.

    `objects` are those of the workflow bucket by key, gone after the run unless it is kept: in the folder `kept`, at
    `paths`. `reasons` say better than the attempts why a stage of an execution failed last, by execution and stage.
    """
    reports = tuple(_execution(execution, stages, objects, paths, reasons) for execution in executions)
    succeeded = sum(report.status == "SUCCEEDED" for report in reports)
    lost = messages_left + messages_dead_lettered
    return RunReport(
        workflow=workflow,
        status="SUCCEEDED" if succeeded >= messages_sent and not lost else "FAILED",
        messages_sent=messages_sent,
        messages_left=messages_left,
        messages_dead_lettered=messages_dead_lettered,
        events_published=events_published,
        alerts_published=alerts_published,
        problems=tuple(problems),
        kept=kept,
        executions=reports,
    )


def encode_report(report: RunReport) -> bytes:
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def total(stage: str, executions: Sequence[ExecutionReport]) -> StageReport:
    """Return one stage summed over all executions; its status is that of the last execution that reached it."""
    parts = [report for execution in executions for report in execution.stages if report.stage == stage]
    reached = [part for part in parts if part.attempts and part.status != "SKIPPED"]
    reached = reached or [part for part in parts if part.attempts] or parts[:1]
    keys = [part.object for part in reached if part.object]
    return StageReport(
        stage=stage,
        status=reached[-1].status if reached else "NOT_RUN",
        attempts=sum(part.attempts for part in reached),
        duration_s=sum(part.duration_s for part in reached),
        waits_s=tuple(wait for part in reached for wait in part.waits_s),
        records_in=_sum(part.records_in for part in reached),
        records_out=_sum(part.records_out for part in reached),
        records_expanded=_sum(part.records_expanded for part in reached),
        records_rejected=_sum(part.records_rejected for part in reached),
        records_merged=_sum(part.records_merged for part in reached),
        records_stale=_sum(part.records_stale for part in reached),
        rejections=sum((Counter(part.rejections) for part in reached), Counter[str]()),
        counts=sum((Counter(part.counts) for part in reached), Counter[str]()),
        object=keys[0] if len(keys) == 1 else (f"{len(keys)} x {output_key('*', stage)}" if keys else None),
        error=reached[-1].error if reached else None,
    )


def describe_others(stage: StageReport) -> list[str]:
    """Return what became of the records that a stage did not simply yield, e.g. `1 rejected (ID_MISSING)`."""
    codes = sorted(stage.rejections.items(), key=lambda entry: (-entry[1], entry[0]))
    named = ", ".join(code if len(codes) == 1 else f"{count} {code}" for code, count in codes)
    found = (
        (stage.records_rejected, f"rejected ({named})" if named else "rejected"),
        (stage.records_merged, "merged"),
        (stage.records_stale, "stale"),
        (stage.records_expanded, "expanded"),
    )
    return [f"{count} {what}" for count, what in found if count]


def describe_nothing(stage: StageReport) -> str | None:
    """Return that a stage yielded none of its records, and why; None if it yielded some, or took none."""
    if not stage.records_in or stage.records_out != 0:
        return None
    why = ", ".join(describe_others(stage))
    return f"{stage.stage} yielded 0 of {words.plural(stage.records_in, 'record')}{f': {why}' if why else ''}"


def describe_start(execution: Execution) -> str:
    """Return the line of a new execution; it names the receive of the message, if a pipe started it."""
    receive = int(_received(execution, "attributes", "ApproximateReceiveCount") or 1)
    return f"execution {execution.name}" + (f" (receive {receive} of its message)" if receive > 1 else "")


def count_messages(executions: Iterable[Execution]) -> int:
    """Return how many messages executions took; one that no message started counts as a message of its own."""
    return len({_received(execution, "messageId") or execution.arn for execution in executions})


def describe(change: Attempt | Wait, reason: str | None = None) -> str:
    """Return the line of an attempt or a wait; `reason` says better than the attempt why it failed."""
    if isinstance(change, Wait):
        return f"{change.state:<20} waits {change.seconds:g} s before attempt {change.before_attempt}"
    line = f"{change.state:<20} attempt {change.number}  {change.status}"
    if change.status == "RUNNING":
        return line
    if reason is None and change.error:
        reason = f"{change.error}: {_message(change.cause)}"
    return f"{line}  {change.ended - change.started:.2f} s{f'  {reason}' if reason else ''}"


def remove_place(message: str) -> str:
    """Return a stage's message without the place that it ends with."""
    return _PLACE.sub("", message)


def _execution(
    execution: Execution,
    stages: Sequence[str],
    objects: Mapping[str, bytes],
    paths: Mapping[str, str],
    reasons: Mapping[tuple[str, str], str],
) -> ExecutionReport:
    last = next((attempt for attempt in execution.attempts[-1:] if attempt.error == execution.error), None)
    return ExecutionReport(
        execution_id=execution.name,
        status=execution.status,
        error=_error(execution, reasons.get((execution.name, last.state)) if last else None),
        duration_s=round(execution.ended - execution.started, 3),
        stages=tuple(
            build_stage_report(execution, stage, objects, paths, reasons.get((execution.name, stage)))
            for stage in stages
        ),
    )


def build_stage_report(
    execution: Execution, stage: str, objects: Mapping[str, bytes], paths: Mapping[str, str], reason: str | None
) -> StageReport:
    """Return the report of a stage of an execution; of `objects` the metadata of its document is read.

    `paths` are those of kept objects, by key, and `reason` says better than the attempt why the stage failed last.
    """
    attempts = execution.attempts_of(stage)
    last = attempts[-1] if attempts else None
    key = output_key(execution.name, stage)
    document = _read_document(objects.get(key, b""))
    is_skipped = document.copied_from is not None and last is not None and last.status == "SUCCEEDED"
    metadata = _Metadata() if document.copied_from else document.metadata
    return StageReport(
        stage=stage,
        status="SKIPPED" if is_skipped else last.status if last else "NOT_RUN",
        attempts=len(attempts),
        duration_s=round(last.ended - attempts[0].started, 3) if last else 0.0,
        waits_s=tuple(wait.seconds for wait in execution.waits if wait.state == stage),
        records_in=metadata.input_record_count,
        records_out=metadata.output_record_count,
        records_expanded=metadata.expanded_record_count,
        records_rejected=metadata.rejected_record_count,
        records_merged=metadata.merged_record_count,
        records_stale=metadata.stale_record_count,
        rejections=metadata.rejections,
        counts=metadata.counts,
        object=paths.get(key),
        error=_error(last, reason) if last else None,
    )


def _error(failed: Execution | Attempt, reason: str | None) -> str | None:
    if not failed.error:
        return None
    text = reason or f"{failed.error}: {_message(failed.cause)}"
    return text.encode("utf-8", "backslashreplace").decode()  # an exception may quote half of an emoji


def _received(execution: Execution, *path: str) -> str | None:
    """Return a part of the message that a pipe started an execution with; None if it was started otherwise."""
    try:
        [part] = json.loads(execution.input)
        for name in path:
            part = part[name]
        return str(part)
    except (ValueError, KeyError, TypeError):
        return None


def _read_document(document: bytes) -> _Document:
    """Return what a stage document states of itself; nothing if it is not a stage document."""
    try:
        return msgspec.json.decode(document, type=_Document)
    except (ValueError, RecursionError):
        return _Document(_Metadata())


def _message(cause: str | None) -> str:
    """Return the message in the cause of a failed task: a function's, and a Glue job run's, is a JSON document."""
    try:
        document = json.loads(cause or "")
        message = str(document["errorMessage"] if "errorMessage" in document else document["ErrorMessage"])
        return remove_place(message)
    except (ValueError, KeyError, TypeError):
        return cause or ""


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
