"""The report of a run: what is counted, what it says of the records, and which objects it names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from ceap.local.executions import Attempt, Execution, Status
from ceap.local.run_report import RunReport, build_report, describe, describe_nothing, describe_others, total
from handlers.runtime.contract import output_key

COUNTS: dict[str, Any] = {
    "inputRecordCount": 9,
    "expandedRecordCount": 1,
    "outputRecordCount": 3,
    "rejectedRecordCount": 4,
    "mergedRecordCount": 2,
    "staleRecordCount": 1,
    "rejections": {"RARE": 1, "OFTEN": 3},
    "counts": {"emptyObjects": 1},
    "processingTimeMs": 12,
}


def report(*documents: bytes | None, are_kept: bool = False) -> RunReport:
    """Return the report of executions `0`, `1` and so on of stage A; None: the stage did not write its document."""
    names = [str(number) for number, _ in enumerate(documents)]
    attempt = Attempt(state="A", number=1, status="SUCCEEDED", started=1.0, ended=3.5)
    executions = [Execution(arn=name, name=name, machine="m", input="", attempts=[attempt]) for name in names]
    objects = {output_key(name, "A"): text for name, text in zip(names, documents, strict=True) if text is not None}
    return report_of(executions, objects, are_kept=are_kept)


def report_of(
    executions: list[Execution],
    objects: dict[str, bytes],
    *,
    are_kept: bool = False,
    reasons: Mapping[tuple[str, str], str] | None = None,
    sent: int = 1,
    left: int = 0,
    dead_lettered: int = 0,
) -> RunReport:
    return build_report(
        workflow="w",
        stages=["A", "B"],
        executions=executions,
        objects=objects,
        kept="kept/1" if are_kept else None,
        paths={key: key for key in objects} if are_kept else {},
        messages_sent=sent,
        messages_left=left,
        messages_dead_lettered=dead_lettered,
        events_published=0,
        alerts_published=0,
        problems=(),
        reasons=reasons or {},
    )


@pytest.mark.parametrize(
    ("statuses", "sent", "left", "dead_lettered", "status"),
    [
        (["SUCCEEDED"], 1, 0, 0, "SUCCEEDED"),
        (["FAILED", "SUCCEEDED"], 1, 0, 0, "SUCCEEDED"),  # its message came again
        (["FAILED"], 1, 0, 0, "FAILED"),
        (["SUCCEEDED"], 2, 0, 0, "FAILED"),
        (["SUCCEEDED", "SUCCEEDED"], 2, 1, 0, "FAILED"),  # one message ran twice
        (["SUCCEEDED", "SUCCEEDED"], 2, 0, 1, "FAILED"),
    ],
)
def test_a_run_succeeded_if_every_message_did(
    statuses: list[Status], sent: int, left: int, dead_lettered: int, status: str
) -> None:
    executions = [Execution(arn=one, name=one, machine="m", input="", status=one) for one in statuses]
    found = report_of(executions, {}, sent=sent, left=left, dead_lettered=dead_lettered)
    assert found.status == status


@pytest.mark.parametrize(("attempts_error", "error"), [("Own", "why"), ("Other", "Own: cause")])
def test_a_failure_has_the_reason_that_is_known_of_its_stage(attempts_error: str, error: str) -> None:
    """An execution fails for another reason than its last stage, such as its own timeout."""
    attempt = Attempt(state="A", number=1, status="FAILED", started=1.0, ended=3.5, error=attempts_error, cause="cause")
    failed = Execution(
        arn="0", name="0", machine="m", input="", status="FAILED", error="Own", cause="cause", attempts=[attempt]
    )
    [execution] = report_of([failed], {}, reasons={("0", "A"): "why", ("1", "A"): "another"}).executions
    assert (execution.error, execution.stages[0].error) == (error, "why")


def test_an_error_that_utf_8_cannot_hold_is_escaped() -> None:
    failed = Execution(arn="0", name="0", machine="m", input="", status="FAILED", error="Own", cause="half \ud83d")
    assert report_of([failed], {}).executions[0].error == "Own: half \\ud83d"


def document(**counts: Any) -> bytes:
    return json.dumps({"executionId": "0", "data": [{"id": 1}], "metadata": COUNTS | counts}).encode()


def test_a_stage_has_the_counts_of_its_document() -> None:
    [execution] = report(document()).executions
    stage = execution.stages[0]
    assert (stage.records_in, stage.records_out, stage.records_expanded) == (9, 3, 1)
    assert (stage.records_rejected, stage.records_merged, stage.records_stale) == (4, 2, 1)
    assert (stage.rejections, stage.counts) == ({"RARE": 1, "OFTEN": 3}, {"emptyObjects": 1})


@pytest.mark.parametrize(
    "written",
    [
        None,
        b"",
        b"[]",
        b'{"metadata": 1}',
        b'{"metadata": {"inputRecordCount": "x"}}',
        b'{"metadata": {"counts": {"\xff": 1}}}',
        b'{"data": ' + b"[" * 1500,
    ],
)
def test_what_is_no_stage_document_has_no_counts(written: bytes | None) -> None:
    [execution] = report(written).executions
    stage = execution.stages[0]
    assert (stage.records_in, stage.records_out, stage.records_rejected, stage.rejections) == (None, None, None, {})
    assert (describe_others(stage), describe_nothing(stage)) == ([], None)


def test_the_counts_of_all_executions_are_summed_by_code() -> None:
    whole = total("A", report(document(), None, document(rejections={"OFTEN": 2, "NEW": 2})).executions)
    assert (whole.records_in, whole.records_out, whole.records_rejected) == (18, 6, 8)
    assert dict(whole.rejections) == {"RARE": 1, "OFTEN": 5, "NEW": 2}
    assert describe_others(whole) == ["8 rejected (5 OFTEN, 2 NEW, 1 RARE)", "4 merged", "2 stale", "2 expanded"]


def test_a_copied_document_counts_for_the_execution_that_wrote_it() -> None:
    written, copy = {"metadata": COUNTS}, {"copiedFrom": "0", "skip": ["A"], "metadata": COUNTS}
    found = report(json.dumps(written).encode(), json.dumps(copy).encode())
    assert [execution.stages[0].status for execution in found.executions] == ["SUCCEEDED", "SKIPPED"]
    assert [execution.stages[0].records_in for execution in found.executions] == [9, None]
    summed = total("A", found.executions)
    assert (summed.status, summed.attempts, summed.records_in, summed.records_out) == ("SUCCEEDED", 1, 9, 3)


def test_what_is_zero_is_not_described() -> None:
    counts = {"expandedRecordCount": 0, "mergedRecordCount": 0, "staleRecordCount": 0, "rejections": {"CODE": 4}}
    assert describe_others(total("A", report(document(**counts)).executions)) == ["4 rejected (CODE)"]


def test_a_stage_that_yields_nothing_is_described_with_what_became_of_its_records() -> None:
    none = total("A", report(document(outputRecordCount=0)).executions)
    assert describe_nothing(none) == (
        "A yielded 0 of 9 records: 4 rejected (3 OFTEN, 1 RARE), 2 merged, 1 stale, 1 expanded"
    )


@pytest.mark.parametrize("counts", [{"inputRecordCount": 0, "outputRecordCount": 0}, {"outputRecordCount": 1}])
def test_a_stage_without_records_or_with_results_needs_no_description(counts: dict[str, int]) -> None:
    assert describe_nothing(total("A", report(document(**counts)).executions)) is None


def test_only_an_object_that_was_written_and_kept_is_named() -> None:
    kept = [execution.stages[0].object for execution in report(document(), None, are_kept=True).executions]
    assert kept == ["executions/0/A/output.json", None]
    assert [execution.stages[0].object for execution in report(document()).executions] == [None]


def test_the_line_of_a_failure_ends_without_the_place_that_only_aws_needs() -> None:
    message = (
        "no id (see line 2) (A of execution 4f-1; output s3://ceap-workflow-local-1/executions/4f-1/A/output.json)"
    )
    cause = json.dumps({"errorMessage": message})
    error = "PermanentStageError"
    failed = Attempt(state="A", number=1, status="FAILED", started=1.0, ended=3.5, error=error, cause=cause)
    assert describe(failed) == f"{'A':<20} attempt 1  FAILED  2.50 s  PermanentStageError: no id (see line 2)"
