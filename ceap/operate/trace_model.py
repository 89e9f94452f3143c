"""The story of a message or an execution, as far as AWS still tells it; times are in seconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from ceap.aws.executions import Status
from ceap.aws.job_runs import JobRun
from ceap.operate.attempts import Attempt
from ceap.operate.stage_lines import StageLine
from templates.model import StepKind

TracedStatus: TypeAlias = Status | Literal["UNKNOWN"]
"""UNKNOWN: it has ended, and neither a log nor its objects tell how."""

Teller: TypeAlias = Literal["Step Functions", "its log", "its objects"]


class RecordCounts(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of the records of a stage, from the footer of its output."""

    records_in: int
    expanded: int
    out: int
    rejected: int
    merged: int
    stale: int

    @property
    def is_even(self) -> bool:
        """Whether no record was lost or made up."""
        return self.records_in + self.expanded == self.out + self.rejected + self.merged + self.stale


class Output(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An `output.json`; `problem` says what is wrong with its footer or its first line.

    `codes` are the rejections by code, `others` the stage's own counts, e.g. of published events; `copied_from` is the
    execution that wrote it, if `ceap replay` has copied it.
    """

    size_bytes: int
    written: float
    counts: RecordCounts | None = None
    codes: Mapping[str, int] = {}
    others: Mapping[str, int] = {}
    copied_from: str | None = None
    problem: str | None = None


class Rejected(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A `rejected.jsonl`: the first few reasons, each once, after their codes, and the first records if asked for."""

    size_bytes: int
    written: float
    reasons: tuple[tuple[str, str], ...] = ()
    records: tuple[Any, ...] = ()


class StageFailure(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An `error.json`, which is of the last attempt that failed; `details` are the rest of it, if asked for.

    `cause` is the exception that the handler raised, as Python writes it, `frame` where in the handler, as file:line.
    """

    written: float
    error: str | None
    message: str | None
    cause: str | None = None
    frame: str | None = None
    details: Mapping[str, Any] | None = None


class StageStory(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a stage did; `lines` are its log lines, those asked for.

    `is_skipped`: it has an output that `ceap replay` had copied, and returned at once.
    """

    stage: str
    kind: StepKind
    attempts: tuple[Attempt, ...] = ()
    output: Output | None = None
    rejected: Rejected | None = None
    failure: StageFailure | None = None
    runs: tuple[JobRun, ...] = ()
    lines: tuple[StageLine, ...] = ()
    is_skipped: bool = False

    @property
    def is_seen(self) -> bool:
        """Whether it has begun; that copies of its objects are there says nothing of it."""
        is_copy = self.output is not None and self.output.copied_from is not None
        wrote = not is_copy and bool(self.output or self.rejected)
        return wrote or bool(self.attempts or self.failure or self.runs)


class ExecutionStory(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An execution; `told_by` says what its status is from, and `failed_stage` where it ended.

    `receive` counts how often its message had been received, `initial_bytes` is the size of the message as a first
    Glue job reads it. `expired`: its objects are older than the lifecycle rule keeps them.
    """

    name: str
    arn: str | None
    status: TracedStatus
    told_by: Teller
    started: float
    stages: tuple[StageStory, ...]
    ended: float | None = None
    error: str | None = None
    cause: str | None = None
    redrives: int = 0
    redriven: float | None = None
    receive: int | None = None
    message: str | None = None
    trace_id: str | None = None
    initial_bytes: int | None = None
    expired: bool = False

    @property
    def failed_stage(self) -> StageStory | None:
        """The last stage of which anything is seen, if it did not succeed."""
        seen = [stage for stage in self.stages if stage.is_seen]
        return seen[-1] if seen and self.status not in ("SUCCEEDED", "RUNNING") else None


class MessageStory(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A message as the last pipe received it; `repeats` are the ids of those that it repeats, by `ceap replay`."""

    id: str
    sent: float | None
    first_received: float | None
    receives: int | None
    repeats: tuple[str, ...] = ()


class NextStep(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What to do next; `command` is empty where there is nothing to do, or nothing but to wait."""

    text: str
    command: str = ""


class Trace(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All that was found; `now` is when it was read, `place` where the message is now, as far as that is known."""

    workflow: str
    environment: str
    type: str
    now: float
    messages: tuple[MessageStory, ...]
    executions: tuple[ExecutionStory, ...]
    place: str
    next: NextStep
