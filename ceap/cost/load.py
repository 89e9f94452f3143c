"""What a workflow does in a month: counts of a run, or a load that somebody states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from ceap.errors import UsageError
from handlers.runtime.contract import EXECUTIONS_PREFIX, output_key
from templates.words import plural

LOG_BYTES: Final = 2_500
"""What a function logs per attempt: the local engine's handlers of the sample write 2,240 to 2,714 bytes."""
JOB_LOG_BYTES: Final = 200_000
"""What Spark logs per run of a job; nobody measured it on AWS."""
PLATFORM_BYTES: Final = 700
"""What Lambda itself logs per invocation in JSON: its start, and its report with a trace id."""


class StageLoad(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of one execution, on average; durations in seconds are those of one attempt, sizes in bytes."""

    stage: str
    attempts: float
    duration_s: float
    records_in: float
    records_out: float
    output_bytes: float
    log_bytes: float


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """A month; `duration_s` is that of an execution with its waits, `events` those that it publishes.

    `told` says where each count is from.
    """

    executions: int
    message: str
    duration_s: float
    stages: tuple[StageLoad, ...]
    events: float
    told: tuple[str, ...]

    def stage(self, name: str) -> StageLoad:
        return next(stage for stage in self.stages if stage.stage == name)


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says of an execution; `retries` are further attempts, all of the last stage."""

    executions: int
    records: int
    record_bytes: int
    stage_s: float
    job_s: float
    retries: float


class _Stage(msgspec.Struct, frozen=True, rename="camel"):
    stage: str
    attempts: int
    duration_s: float
    waits_s: tuple[float, ...]
    records_in: int | None
    records_out: int | None
    object: str | None


class _Execution(msgspec.Struct, frozen=True, rename="camel"):
    execution_id: str
    duration_s: float
    stages: tuple[_Stage, ...]


class _Report(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of a report of `ceap run --json`."""

    workflow: str
    events_published: int
    kept: str | None
    executions: tuple[_Execution, ...]


def stated_load(stated: Stated, stages: Mapping[str, bool], message: str, *, publishes: bool) -> Load:
    """Return the load that is stated; `stages` tells of each stage whether it is a job."""
    last = list(stages)[-1]
    loads = tuple(
        StageLoad(
            stage=stage,
            attempts=1 + (stated.retries if stage == last else 0),
            duration_s=stated.job_s if is_job else stated.stage_s,
            records_in=stated.records,
            records_out=stated.records,
            output_bytes=stated.records * stated.record_bytes,
            log_bytes=JOB_LOG_BYTES if is_job else LOG_BYTES,
        )
        for stage, is_job in stages.items()
    )
    told = [
        f"{stated.records} records of {stated.record_bytes} bytes pass through every stage: --records, --record-bytes",
        f"a function takes {stated.stage_s:g} s: --stage-seconds; a job {stated.job_s / 60:g} min: --job-minutes",
        f"an execution has {stated.retries:g} further attempts, of its last stage: --retries",
        f"a function logs {LOG_BYTES:,} bytes an attempt, a job {JOB_LOG_BYTES:,}",
    ]
    return Load(
        executions=stated.executions,
        message=message,
        duration_s=sum(load.attempts * load.duration_s for load in loads),
        stages=loads,
        events=stated.records if publishes else 0,
        told=tuple(told + ["each record is published as an event"] * publishes),
    )


def load_report(file: Path, stated: Stated, stages: Mapping[str, bool], message: str, workflow: str) -> Load:
    """Return the load of a run, averaged over its executions; UsageError if the report is not one of the workflow."""
    try:
        report = msgspec.json.decode(file.read_bytes(), type=_Report)
    except OSError as error:
        raise UsageError(
            f"--report {file}: cannot be read: {error.strerror}; name a file of `ceap run --json`"
        ) from None
    except msgspec.MsgspecError as error:
        raise UsageError(f"--report {file}: {error}; name a file with what `ceap run --json` prints") from None
    if report.workflow != workflow or not report.executions:
        raise UsageError(
            f"--report {file}: is of {report.workflow} with {len(report.executions)} executions, not of {workflow}; "
            f"write one with `ceap run workflows/{workflow}.yaml --json`"
        )
    kept = _kept(file, report)
    return Load(
        executions=stated.executions,
        message=message,
        duration_s=_average([execution.duration_s for execution in report.executions]),
        stages=tuple(_stage(report, stage, is_job, kept, stated) for stage, is_job in stages.items()),
        events=report.events_published / len(report.executions),
        told=tuple(_told(report, kept, stated)),
    )


def _kept(file: Path, report: _Report) -> Path | None:
    """Return the folder of what the run left: that of the report itself, or the one that it names."""
    folders = [file.parent, *([Path(report.kept)] if report.kept else [])]
    prefix = f"{EXECUTIONS_PREFIX}{report.executions[0].execution_id}"
    return next((folder for folder in folders if (folder / prefix).is_dir()), None)


def _stage(report: _Report, stage: str, is_job: bool, kept: Path | None, stated: Stated) -> StageLoad:
    parts = [(execution, part) for execution in report.executions for part in execution.stages if part.stage == stage]
    if not parts:
        raise UsageError(f"the report has no stage {stage}: it is of another state of the workflow; run it again")
    count = len(report.executions)
    attempts = sum(part.attempts for _, part in parts)
    worked_s = sum(part.duration_s - sum(part.waits_s) for _, part in parts)
    records_out = sum(part.records_out or 0 for _, part in parts) / count
    sizes = [_size(kept, output_key(execution.execution_id, stage)) for execution, _ in parts]
    logs = [_size(kept, f"{EXECUTIONS_PREFIX}{execution.execution_id}/logs/{stage}.log") for execution, _ in parts]
    assumed = JOB_LOG_BYTES if is_job else LOG_BYTES
    return StageLoad(
        stage=stage,
        attempts=attempts / count,
        duration_s=worked_s / attempts if attempts else 0.0,
        records_in=sum(part.records_in or 0 for _, part in parts) / count,
        records_out=records_out,
        output_bytes=sum(sizes) / count if kept else records_out * stated.record_bytes,
        log_bytes=sum(logs) / attempts + PLATFORM_BYTES if kept and attempts and not is_job else assumed,
    )


def _size(kept: Path | None, path: str) -> int:
    file = kept / path if kept else None
    return file.stat().st_size if file and file.is_file() else 0


def _told(report: _Report, kept: Path | None, stated: Stated) -> list[str]:
    count = len(report.executions)
    told = [
        f"durations, attempts, records and events are those of a local run of {plural(count, 'execution')}; "
        "the durations of this machine are not AWS's"
    ]
    if kept:
        told.append(
            f"sizes of objects and of functions' logs are those of the run, and {PLATFORM_BYTES} bytes of Lambda's"
        )
        told.append(f"a job logs {JOB_LOG_BYTES:,} bytes an attempt")
    else:
        told.append(
            f"a record has {stated.record_bytes} bytes: --record-bytes; with `ceap run --keep` they are measured"
        )
        told.append(f"a function logs {LOG_BYTES:,} bytes an attempt, a job {JOB_LOG_BYTES:,}")
    return told


def _average(values: Sequence[float]) -> float:
    return sum(values) / len(values)
