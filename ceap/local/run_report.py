"""What a run did, stage by stage: pure, from the executions and the objects they left."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from ceap.local.executions import Attempt, Execution, Status, Wait
from handlers.runtime.contract import output_key

StageStatus: TypeAlias = Literal["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "RUNNING", "NOT_RUN"]


class StageReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One stage of one execution; `duration_s` and `waits_s` are virtual seconds, `object` is a key or None."""

    stage: str
    status: StageStatus
    attempts: int
    duration_s: float
    waits_s: tuple[float, ...]
    records_in: int | None
    records_out: int | None
    object: str | None
    error: str | None


class ExecutionReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One execution; `error` is the error that ended it."""

    execution_id: str
    status: Status
    error: str | None
    duration_s: float
    stages: tuple[StageReport, ...]


class RunReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A whole run; it succeeded if every message did, even after a redelivery."""

    workflow: str
    status: Literal["SUCCEEDED", "FAILED"]
    messages_sent: int
    messages_left: int
    messages_dead_lettered: int
    events_published: int
    alerts_published: int
    problems: tuple[str, ...]
    executions: tuple[ExecutionReport, ...]


def build_report(
    *,
    workflow: str,
    stages: Sequence[str],
    executions: Iterable[Execution],
    objects: Mapping[str, bytes],
    messages_sent: int,
    messages_left: int,
    messages_dead_lettered: int,
    events_published: int,
    alerts_published: int,
    problems: Iterable[str],
) -> RunReport:
    """Return the report of a run; `objects` are those of the workflow bucket by key."""
    reports = tuple(_execution(execution, stages, objects) for execution in executions)
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
        executions=reports,
    )


def total(stage: str, executions: Sequence[ExecutionReport]) -> StageReport:
    """Return one stage summed over all executions; its status is that of the last execution that reached it."""
    parts = [report for execution in executions for report in execution.stages if report.stage == stage]
    reached = [part for part in parts if part.attempts] or parts[:1]
    keys = [part.object for part in reached if part.object]
    return StageReport(
        stage=stage,
        status=reached[-1].status if reached else "NOT_RUN",
        attempts=sum(part.attempts for part in reached),
        duration_s=sum(part.duration_s for part in reached),
        waits_s=tuple(wait for part in reached for wait in part.waits_s),
        records_in=_sum(part.records_in for part in reached),
        records_out=_sum(part.records_out for part in reached),
        object=keys[0] if len(keys) == 1 else (f"{len(keys)} x {output_key('*', stage)}" if keys else None),
        error=reached[-1].error if reached else None,
    )


def describe_start(execution: Execution) -> str:
    """Return the line of a new execution; it names the receive of the message, if a pipe started it."""
    try:
        receive = int(json.loads(execution.input)[0]["attributes"]["ApproximateReceiveCount"])
    except (ValueError, KeyError, TypeError, IndexError):
        receive = 1
    return f"execution {execution.name}" + (f" (receive {receive} of its message)" if receive > 1 else "")


def describe(change: Attempt | Wait) -> str:
    """Return the line of an attempt or a wait."""
    if isinstance(change, Wait):
        return f"{change.state:<20} waits {change.seconds:g} s before attempt {change.before_attempt}"
    line = f"{change.state:<20} attempt {change.number}  {change.status}"
    if change.status == "RUNNING":
        return line
    reason = f"  {change.error}: {_message(change.cause)}" if change.error else ""
    return f"{line}  {change.ended - change.started:.2f} s{reason}"


def _execution(execution: Execution, stages: Sequence[str], objects: Mapping[str, bytes]) -> ExecutionReport:
    return ExecutionReport(
        execution_id=execution.name,
        status=execution.status,
        error=f"{execution.error}: {_message(execution.cause)}" if execution.error else None,
        duration_s=round(execution.ended - execution.started, 3),
        stages=tuple(_stage(execution, stage, objects) for stage in stages),
    )


def _stage(execution: Execution, stage: str, objects: Mapping[str, bytes]) -> StageReport:
    attempts = execution.attempts_of(stage)
    last = attempts[-1] if attempts else None
    key = output_key(execution.name, stage)
    records_in, records_out = _counts(objects.get(key))
    return StageReport(
        stage=stage,
        status=last.status if last else "NOT_RUN",
        attempts=len(attempts),
        duration_s=round(last.ended - attempts[0].started, 3) if last else 0.0,
        waits_s=tuple(wait.seconds for wait in execution.waits if wait.state == stage),
        records_in=records_in,
        records_out=records_out,
        object=key if key in objects else None,
        error=f"{last.error}: {_message(last.cause)}" if last and last.error else None,
    )


def _counts(document: bytes | None) -> tuple[int | None, int | None]:
    """Return the records in and out that a stage document states; None if it is not a stage document."""
    try:
        metadata = json.loads(document or b"")["metadata"]
        return metadata["inputRecordCount"], metadata["outputRecordCount"]
    except (ValueError, KeyError, TypeError):
        return None, None


def _message(cause: str | None) -> str:
    """Return the message in the cause of a failed task: a function's, and a Glue job run's, is a JSON document."""
    try:
        document = json.loads(cause or "")
        return str(document["errorMessage"] if "errorMessage" in document else document["ErrorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause or ""


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
