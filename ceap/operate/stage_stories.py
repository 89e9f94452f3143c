"""What the stages of an execution wrote, from its objects; the contents of records are read only if asked for.

A footer of 64 KiB says what is in an output of any size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from ceap.aws.log_lines import parsed
from ceap.aws.session import Aws
from ceap.aws.stage_objects import StoredObject, objects_of, read_object
from ceap.aws.workflow import DeployedWorkflow
from ceap.operate.attempts import Attempt
from ceap.operate.trace_model import Output, RecordCounts, Rejected, StageFailure, StageStory
from handlers.runtime.contract import INITIAL_FOLDER, PermanentStageError, error_key, output_key, rejected_key
from handlers.runtime.document import EDGE_BYTES, CopiedHeader, read_footer, read_header

REASONS_MAX: Final = 3
RECORDS_MAX: Final = 3

_EDGE: Final = f"bytes=-{EDGE_BYTES}"
_BEGIN: Final = f"bytes=0-{EDGE_BYTES - 1}"
_SHOWN: Final = frozenset({"errorType", "errorMessage", "cause", "stackTrace", "status", "stage", "executionId"})
_FRAME: Final = re.compile(r'File "(?:[^"]*/)?(handlers/(?!runtime/)[^"]+)", line (\d+)')


class Objects(msgspec.Struct, frozen=True):
    """The objects of an execution by their keys."""

    by_key: Mapping[str, StoredObject]

    def has_output(self, execution: str, stage: str) -> bool:
        return output_key(execution, stage) in self.by_key

    def initial_bytes(self, execution: str) -> int | None:
        """Return the size of the message as a first Glue job reads it."""
        found = self.by_key.get(output_key(execution, INITIAL_FOLDER))
        return found.size_bytes if found else None


def list_objects(aws: Aws, bucket: str, execution: str) -> Objects:
    return Objects({found.key: found for found in objects_of(aws, bucket, execution)})


def stage_stories(
    aws: Aws,
    workflow: DeployedWorkflow,
    execution: str,
    objects: Objects,
    attempts: Iterable[Attempt],
    *,
    with_records: bool,
) -> list[StageStory]:
    """Return what each stage of the workflow did, in their order: its attempts and its objects."""
    tried = list(attempts)
    reader = _Reader(aws, workflow.bucket, execution, objects, with_records)
    stories = []
    for worker in workflow.workers:
        output, ours = reader.output(worker.stage), [attempt for attempt in tried if attempt.stage == worker.stage]
        has_succeeded = bool(ours) and ours[-1].status == "SUCCEEDED"
        stories.append(
            StageStory(
                stage=worker.stage,
                kind=worker.kind,
                attempts=tuple(ours),
                output=output,
                rejected=reader.rejected(worker.stage),
                failure=reader.failure(worker.stage),
                is_skipped=has_succeeded and output is not None and output.copied_from is not None,
            )
        )
    return stories


class _Reader(msgspec.Struct, frozen=True):
    aws: Aws
    bucket: str
    execution: str
    objects: Objects
    with_records: bool

    def output(self, stage: str) -> Output | None:
        key = output_key(self.execution, stage)
        found = self.objects.by_key.get(key)
        if found is None or (tail := read_object(self.aws, self.bucket, key, _EDGE)) is None:
            return None
        where, size, written = f"s3://{self.bucket}/{key}", found.size_bytes, found.written
        head = tail if len(tail) == size else read_object(self.aws, self.bucket, key, _BEGIN) or b""
        try:
            read_footer(tail, where)
            header = read_header(head.partition(b"\n")[0], where)
        except PermanentStageError as error:
            return Output(size_bytes=size, written=written, problem=str(error))
        footer = json.loads(b"{" + tail.removesuffix(b"\n").rpartition(b"\n")[2][2:])["metadata"]
        return Output(
            size_bytes=size,
            written=written,
            counts=_counts(footer),
            codes=footer.get("rejections") or {},
            others=footer.get("counts") or {},
            copied_from=header.copied_from if isinstance(header, CopiedHeader) else None,
        )

    def rejected(self, stage: str) -> Rejected | None:
        key = rejected_key(self.execution, stage)
        found = self.objects.by_key.get(key)
        if found is None or (text := read_object(self.aws, self.bucket, key, _BEGIN)) is None:
            return None
        whole = text if len(text) == found.size_bytes else text.rpartition(b"\n")[0]
        lines = [line for line in map(parsed, whole.splitlines()) if line]
        reasons = dict.fromkeys((str(line.get("code")), str(line.get("reason"))) for line in lines)
        return Rejected(
            size_bytes=found.size_bytes,
            written=found.written,
            reasons=_first_of_each(reasons),
            records=tuple(line.get("record") for line in lines[:RECORDS_MAX]) if self.with_records else (),
        )

    def failure(self, stage: str) -> StageFailure | None:
        key = error_key(self.execution, stage)
        found = self.objects.by_key.get(key)
        if found is None or (text := read_object(self.aws, self.bucket, key)) is None:
            return None
        told = parsed(text)
        rest = {name: value for name, value in told.items() if name not in _SHOWN}
        return StageFailure(
            written=found.written,
            error=told.get("errorType"),
            message=told.get("errorMessage"),
            cause=told.get("cause"),
            frame=_frame(told.get("stackTrace")),
            details=rest if self.with_records else None,
        )


def _frame(stack: Any) -> str | None:
    """Return the last place in a handler of the first traceback, which is that of what was raised first."""
    text = "".join(map(str, stack)) if isinstance(stack, list) else ""
    frames = _FRAME.findall(text.partition("\nThe above exception")[0])
    return ":".join(frames[-1]) if frames else None


def _counts(metadata: Mapping[str, Any]) -> RecordCounts | None:
    names = ("input", "expanded", "output", "rejected", "merged", "stale")
    values = [metadata.get(f"{name}RecordCount", 0) for name in names]
    if "inputRecordCount" not in metadata or not all(isinstance(value, int) for value in values):
        return None
    records_in, expanded, out, rejected, merged, stale = values
    return RecordCounts(
        records_in=records_in, expanded=expanded, out=out, rejected=rejected, merged=merged, stale=stale
    )


def _first_of_each(reasons: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the first few reasons of each code."""
    found: dict[str, list[tuple[str, str]]] = {}
    for code, reason in reasons:
        if len(kept := found.setdefault(code, [])) < REASONS_MAX:
            kept.append((code, reason))
    return tuple(pair for kept in found.values() for pair in kept)
