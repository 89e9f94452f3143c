"""What a stage did that ran alone: its records, their counts, and its failure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from ceap.errors import CommandError
from ceap.local.executions import Attempt, Execution, Status
from ceap.local.failures import Failure
from ceap.local.run_report import StageReport, build_stage_report, describe_others
from ceap.local.workers import Outcome
from handlers.runtime.contract import PermanentStageError, output_key, rejected_key
from handlers.runtime.document import EDGE_BYTES, read_footer, read_records
from handlers.runtime.storage import CHUNK_BYTES
from templates import words

REASONS_MAX: Final = 10


class InvokeReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One run of a stage alone; `reasons` has by code why a record was rejected, the first of each."""

    workflow: str
    execution_id: str
    stage: StageReport
    reasons: dict[str, str]
    events_published: int


class Outputs:
    """What a stage wrote into the workflow bucket in an execution; `s3` is a client that no policy limits."""

    def __init__(self, s3: Any, bucket: str, execution: str, stage: str) -> None:
        self.execution: Final = execution
        self.stage: Final = stage
        self.key: Final = output_key(execution, stage)
        self._s3: Final = s3
        self._bucket: Final = bucket

    def footer(self) -> bytes:
        """Return the last part of the document, which has the metadata, as a JSON object; empty if there is none."""
        return self._end().removesuffix(b"\n").rpartition(b"\n")[2].replace(b"],", b"{", 1)

    def records(self) -> Iterator[str]:
        """Yield the records of the document, each as a line of JSON; CommandError if it is no such document."""
        body = self._get(self.key)
        if body is None:
            return
        try:
            count, chunks = read_footer(self._end(), self.key), body.iter_chunks(CHUNK_BYTES)
            for record in read_records(chunks, msgspec.json.Decoder(msgspec.Raw), count=count, where=self.key):
                yield bytes(record).decode()
        except PermanentStageError as error:
            raise CommandError(str(error)) from None

    def reasons(self) -> dict[str, str]:
        """Return by code why a record was rejected, the first of each, of so many codes."""
        found: dict[str, str] = {}
        body = self._get(rejected_key(self.execution, self.stage))
        for line in body.iter_lines() if body else ():
            rejected = json.loads(line)
            if len(found) < REASONS_MAX:
                found.setdefault(rejected["code"], rejected["reason"])
        return found

    def _end(self) -> bytes:
        body = self._get(self.key, Range=f"bytes=-{EDGE_BYTES}")
        return body.read() if body else b""

    def _get(self, key: str, **range_: str) -> Any:
        """Return the body of an object; None if there is no such object, or it is empty."""
        try:
            return self._s3.get_object(Bucket=self._bucket, Key=key, **range_)["Body"]
        except self._s3.exceptions.ClientError:
            return None


def build_report(
    workflow: str, outputs: Outputs, outcome: Outcome, failure: Failure | None, events_published: int
) -> InvokeReport:
    reason = failure.headline if failure else None
    status: Status = "FAILED" if failure else "SUCCEEDED"
    attempt = Attempt(state=outputs.stage, number=1, status=status, started=0, ended=outcome.duration_s, error=reason)
    execution = Execution(arn="", name=outputs.execution, machine="", input="", status=status, attempts=[attempt])
    return InvokeReport(
        workflow=workflow,
        execution_id=outputs.execution,
        stage=build_stage_report(execution, outputs.stage, {outputs.key: outputs.footer()}, {}, reason),
        reasons=outputs.reasons(),
        events_published=events_published,
    )


def describe(report: InvokeReport, failure: Failure | None) -> list[str]:
    """Return what a stage did as people read it; a failure as `ceap run` shows it."""
    rejected = [f"  {code}: {reason}" for code, reason in report.reasons.items()]
    if failure is None:
        return [_describe_success(report), *rejected]
    return [
        *rejected,
        "",
        f"{report.stage.stage} failed{failure.taken}",
        *(f"  {line}" for line in (failure.headline, *failure.details)),
    ]


def _describe_success(report: InvokeReport) -> str:
    stage, did = report.stage, ["wrote no output.json"]
    if stage.records_in is not None:
        did = [f"{words.plural(stage.records_in, 'record')} in, {stage.records_out} out", *describe_others(stage)]
    if report.events_published:
        did.append(f"{words.plural(report.events_published, 'event')} published")
    did += [f"{name} {count}" for name, count in stage.counts.items()]
    return f"{stage.stage} {stage.status} in {stage.duration_s:.2f} s: {', '.join(did)}"
