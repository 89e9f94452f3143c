from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from unittest import mock

import msgspec
import pytest

from ceap.testing import (
    BUCKET,
    EXECUTION,
    Invocation,
    Json,
    error,
    invoke,
    message,
    rejected,
    run,
    run_first,
    write_output,
)
from handlers.runtime.context import StageContext
from handlers.runtime.contract import PermanentStageError, StageError, TransientStageError, output_key
from handlers.runtime.needs import Needs
from handlers.runtime.stage import WorkflowLambdaHandler
from handlers.runtime.tally import MERGED, STALE
from tests.handlers.conftest import Log
from tests.handlers.support import Refusal, fault, get_object, keys, open_uploads, put_object

pytestmark = pytest.mark.usefixtures("aws")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: int = 10


class Sieve(WorkflowLambdaHandler[Json, Settings]):
    """Does with each record what the record says."""

    def process_data(self, records: Iterator[Json], stage: StageContext[Settings]) -> Iterator[Json]:
        for record in islice(records, stage.settings.limit):
            match record["do"]:
                case "yield":
                    yield record
                case "reject":
                    stage.reject(record, "CODE", "for a reason", by="test")
                case "merge":
                    stage.count(MERGED)
                case "stale":
                    stage.count(STALE)
                case "double":
                    yield record
                    yield record
                case "permanent":
                    raise PermanentStageError("never", {"key": record.get("key")})
                case "transient":
                    raise TransientStageError("later")
                case "raise":
                    raise KeyError(record.get("with"))


SIEVE = Sieve(Needs(settings=Settings, keeps_newest=True))
EVENT = {
    "executionId": EXECUTION,
    "currentStage": "OwnStage",
    "previousStage": None,
    "workflowBucket": BUCKET,
    "initialData": None,
}


def fail(kind: type[StageError], match: str, *ways: str) -> Json:
    """Run the sieve on such records, which must fail; return error.json."""
    write_output("BeforeStage", [{"do": way} for way in ways])
    with pytest.raises(kind, match=match):
        invoke(SIEVE, "OwnStage", previous="BeforeStage")
    assert output_key(EXECUTION, "OwnStage") not in keys()
    return error()


def test_every_record_is_accounted_for() -> None:
    document = run(SIEVE, [{"do": way} for way in ("yield", "reject", "merge", "stale", "yield")])
    assert document["executionId"] == EXECUTION
    assert document["stage"] == "OwnStage"
    assert document["data"] == [{"do": "yield"}] * 2
    assert document["metadata"] | {"processingTimeMs": 0} == {
        "inputRecordCount": 5,
        "expandedRecordCount": 0,
        "outputRecordCount": 2,
        "rejectedRecordCount": 1,
        "mergedRecordCount": 1,
        "staleRecordCount": 1,
        "rejections": {"CODE": 1},
        "counts": {},
        "processingTimeMs": 0,
    }
    assert rejected() == [{"code": "CODE", "reason": "for a reason", "by": "test", "record": {"do": "reject"}}]


def test_a_stage_that_rejects_nothing_writes_its_output_alone() -> None:
    run(SIEVE, [{"do": "yield"}])
    assert keys(f"executions/{EXECUTION}/OwnStage/") == [output_key(EXECUTION, "OwnStage")]


@pytest.mark.parametrize("way", ["double", "forget"])
def test_a_stage_that_loses_or_invents_a_record_fails_permanently(way: str) -> None:
    fail(PermanentStageError, "OwnStage took 2 records but accounts for", "yield", way)


def test_garbage_is_searched_for_seldom_while_a_stage_runs_and_as_before_after_it() -> None:
    before, seen = gc.get_threshold(), []

    def process(records: Iterator[Json], _: object) -> Iterator[Json]:
        for record in records:
            seen.append(gc.get_threshold()[0])
            yield record
        raise PermanentStageError("never")

    write_output("BeforeStage", [{}])
    with mock.patch.object(SIEVE, "process_data", process), pytest.raises(PermanentStageError):
        invoke(SIEVE, "OwnStage", previous="BeforeStage")
    assert (seen, gc.get_threshold()) == ([20_000], before)


def test_a_stage_that_leaves_records_unread_fails_permanently() -> None:
    fail(PermanentStageError, "OwnStage left records unread", *["yield"] * 11)


@pytest.mark.parametrize("text", ["", "x" * 10_000], ids=["in one block", "in several blocks"])
@pytest.mark.parametrize(("count", "taken"), [(9, 9), (10, 10), (11, 10), (30, 10)])
def test_a_record_counts_as_taken_when_the_stage_takes_it(count: int, taken: int, text: str) -> None:
    write_output("BeforeStage", [*[{"do": "yield", "text": text}] * count, {"do": "permanent"}])
    with pytest.raises(PermanentStageError):
        invoke(SIEVE, "OwnStage", previous="BeforeStage")
    assert error()["recordsProcessed"] == min(taken + (count < 10), 10)


@pytest.mark.parametrize(
    ("way", "kind", "text"),
    [
        ("permanent", PermanentStageError, "never"),
        ("transient", TransientStageError, "later"),
        (
            "raise",
            TransientStageError,
            "unexpected KeyError; error.json has its text: correct the handler or its input",
        ),
    ],
)
def test_a_failure_is_recorded_and_raised_as_one_of_two_classes(way: str, kind: type[StageError], text: str) -> None:
    description = fail(kind, text, "yield", way)
    assert {
        "status": "FAILED",
        "stage": "OwnStage",
        "recordsProcessed": 2,
        "errorMessage": text,
        "executionId": EXECUTION,
        "errorType": kind.__name__,
    }.items() <= description.items()
    assert text in description["stackTrace"][-1]


def test_where_a_failure_was_stands_in_its_record_in_its_log_line_and_in_the_exception(log: Log) -> None:
    write_output("BeforeStage", [])
    output_at = f"executions/{EXECUTION}/OwnStage/output.json"
    with (
        fault("s3", "GetObject", Refusal(403, "AccessDenied")),
        pytest.raises(PermanentStageError, match="denied") as failure,
    ):
        invoke(SIEVE, "OwnStage", previous="BeforeStage")
    cause = (
        f"s3:GetObject on s3://{BUCKET}/executions/{EXECUTION}/BeforeStage/output.json was denied: injected; add it to "
        "NEEDS of the handler and deploy its template again, or grant it to the role of own-function"
    )
    place = {
        "errorType": "PermanentStageError",
        "bucket": BUCKET,
        "inputKey": f"executions/{EXECUTION}/BeforeStage/output.json",
        "outputKey": output_at,
    }
    line = log.lines()[-1]
    assert str(failure.value) == f"{cause} (OwnStage of execution {EXECUTION}; output s3://{BUCKET}/{output_at})"
    assert {
        **place,
        "executionId": EXECUTION,
        "stage": "OwnStage",
        "errorMessage": cause,
    }.items() <= error().items()
    assert {**place, "executionId": EXECUTION, "currentStage": "OwnStage"}.items() <= line.items()
    assert line["result"]["errorMessage"] == cause


def test_half_of_an_emoji_in_what_an_error_says_does_not_cost_its_record() -> None:
    write_output("BeforeStage", [])
    half = "\ud83d"
    with (
        mock.patch.object(type(SIEVE), "process_data", side_effect=PermanentStageError(f"{half} is no text")),
        pytest.raises(PermanentStageError),
    ):
        invoke(SIEVE, "OwnStage", previous="BeforeStage")
    assert error()["errorMessage"] == "\\ud83d is no text"
    assert "\\ud83d is no text" in error()["stackTrace"][-1]


def test_what_an_unexpected_error_says_stands_in_its_record_but_not_in_the_log(log: Log) -> None:
    write_output("BeforeStage", [{"do": "raise", "with": "secret"}])
    with pytest.raises(TransientStageError) as failure:
        invoke(SIEVE, "OwnStage", previous="BeforeStage")
    assert "secret" in error()["cause"]
    assert "secret" in "".join(error()["stackTrace"])
    assert "secret" not in log.getvalue() + str(failure.value)
    frames = log.lines()[-1]["stackTrace"]
    assert "KeyError" in frames
    assert 'raise KeyError(record.get("with"))' in frames[-1]


def test_rejected_records_that_cannot_be_kept_do_not_hide_the_failure() -> None:
    write_output("BeforeStage", [{"do": "reject"}, {"do": "permanent"}])
    with fault("s3", "PutObject", Refusal(403, "AccessDenied")), pytest.raises(PermanentStageError, match=r"^never "):
        invoke(SIEVE, "OwnStage", previous="BeforeStage")


def test_details_of_a_failure_stand_in_its_record_but_not_in_the_log(log: Log) -> None:
    write_output("BeforeStage", [{"do": "permanent", "key": "secret"}])
    with pytest.raises(PermanentStageError, match="never"):
        invoke(SIEVE, "OwnStage", previous="BeforeStage")
    assert error()["details"] == {"key": "secret"}
    assert "secret" not in log.getvalue()


def test_rejected_records_are_kept_when_the_stage_fails_permanently_as_they_may_be_why() -> None:
    fail(PermanentStageError, "never", "reject", "permanent")
    assert len(rejected()) == 1


def test_rejected_records_of_an_attempt_that_is_repeated_are_not_kept() -> None:
    fail(TransientStageError, "later", "reject", "transient")
    assert keys(f"executions/{EXECUTION}/OwnStage/") == [f"executions/{EXECUTION}/OwnStage/error.json"]


def test_a_later_attempt_writes_the_output_that_the_first_could_not(no_waiting: list[float]) -> None:
    write_output("BeforeStage", [{"do": "yield"}])
    with fault("s3", "PutObject", Refusal(503, "SlowDown"), times=5), pytest.raises(TransientStageError):
        invoke(SIEVE, "OwnStage", previous="BeforeStage")
    assert error()["errorType"] == "TransientStageError"
    assert invoke(SIEVE, "OwnStage", previous="BeforeStage")["data"] == [{"do": "yield"}]


@pytest.mark.parametrize(("failure", "kept"), [("permanent", ["rejected.jsonl"]), ("transient", [])])
def test_a_large_output_that_fails_at_its_end_leaves_no_object_and_no_upload(failure: str, kept: list[str]) -> None:
    text = "x" * 6 * 1024 * 1024
    write_output("BeforeStage", [{"do": "yield", "text": text}, {"do": "reject", "text": text}, {"do": failure}])
    with pytest.raises(StageError):
        invoke(SIEVE, "OwnStage", previous="BeforeStage")
    folder = f"executions/{EXECUTION}/OwnStage/"
    assert keys(folder) == [folder + name for name in ("error.json", *kept)]
    assert open_uploads() == []


def test_large_rejections_that_cannot_be_written_leave_no_upload_either(no_waiting: list[float]) -> None:
    text = "x" * 6 * 1024 * 1024
    write_output("BeforeStage", [{"do": "reject", "text": text}, {"do": "permanent"}])
    with (
        fault("s3", "CompleteMultipartUpload", Refusal(503, "SlowDown")),
        pytest.raises(PermanentStageError, match="never"),
    ):
        invoke(SIEVE, "OwnStage", previous="BeforeStage")
    assert open_uploads() == []


def test_a_failure_stays_what_it_is_when_it_cannot_be_recorded(log: Log) -> None:
    write_output("BeforeStage", [{"do": "permanent"}])
    with fault("s3", "PutObject", Refusal(403, "AccessDenied")), pytest.raises(PermanentStageError, match=r"^never "):
        invoke(SIEVE, "OwnStage", previous="BeforeStage")
    assert [line["message"] for line in log.lines()][-2:] == ["error.json was not written", "stage failed"]


def test_a_missing_input_is_permanent_and_says_who_should_have_written_it() -> None:
    with pytest.raises(PermanentStageError, match="BeforeStage should have written it"):
        invoke(SIEVE, "OwnStage", previous="BeforeStage")


def test_an_input_that_was_cut_short_is_refused_before_any_record_is_processed() -> None:
    write_output("BeforeStage", [{"do": "reject"}] * 10_000)
    key = output_key(EXECUTION, "BeforeStage")
    put_object(key, get_object(key)[:-50])
    with pytest.raises(PermanentStageError, match="cut short"):
        invoke(SIEVE, "OwnStage", previous="BeforeStage")
    assert error()["recordsProcessed"] == 0


def test_an_input_larger_than_its_tail_is_streamed() -> None:
    records = [{"do": "yield", "number": number} for number in range(10_000)]
    handler = Sieve(Needs(settings=Settings))
    write_output("BeforeStage", records)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SETTINGS", '{"limit": 100000}')
        assert invoke(handler, "OwnStage", previous="BeforeStage")["data"] == records


@pytest.mark.parametrize(
    "event",
    [
        None,
        "text",
        {},
        *({name: value for name, value in EVENT.items() if name != left_out} for left_out in list(EVENT)[:4]),
        EVENT | {"executionId": ""},
        EVENT | {"currentStage": 1},
        EVENT | {"workflowBucket": None},
    ],
)
def test_a_malformed_context_is_permanent_and_logged(event: Any, log: Log) -> None:
    with pytest.raises(PermanentStageError, match="the event is not an execution context"):
        SIEVE(event, Invocation())
    assert [(line["level"], line["errorType"]) for line in log.lines()] == [("ERROR", "PermanentStageError")]


@pytest.mark.parametrize(
    ("initial_data", "text"),
    [
        (None, "was given no initialData"),
        ("", "the message is wrong: Input data was truncated"),
        ("no JSON", "the message is wrong: JSON is malformed"),
        ("[]", "the message is wrong: Expected `object`"),
        ({}, "missing required field `source`"),
        ({"source": {"kind": "fax", "records": []}}, "Invalid value - at `\\$.source.kind`"),
        ({"source": {"kind": "inline"}}, "missing required field `records` - at `\\$.source`"),
        ({"source": {"kind": "inline", "records": [1]}}, "Expected `object`, got `int`"),
    ],
)
def test_a_malformed_message_is_permanent(initial_data: object, text: str) -> None:
    with pytest.raises(PermanentStageError, match=text):
        invoke(SIEVE, "OwnStage", initial_data=initial_data)


def test_a_message_may_come_as_text_or_parsed() -> None:
    body = message([{"do": "yield"}])
    assert invoke(SIEVE, "OwnStage", initial_data=body)["data"] == [{"do": "yield"}]
    assert invoke(SIEVE, "OwnStage", initial_data=msgspec.json.decode(body))["data"] == [{"do": "yield"}]


class Reading(msgspec.Struct, frozen=True):
    """A record with fields of its own."""

    sensor: str
    value: float
    at: datetime | None = None


class Readings(WorkflowLambdaHandler[Reading, Settings]):
    """Passes readings on."""

    record_type = Reading

    def process_data(self, records: Iterator[Reading], stage: StageContext[Settings]) -> Iterator[Reading]:
        for record in records:
            assert isinstance(record, Reading)
            yield record


READINGS = Readings(Needs(settings=Settings))


def test_records_of_a_message_and_of_a_document_are_the_same() -> None:
    given = [Reading("s1", 0.7), Reading("s2", 3.5, at=datetime(2026, 1, 5, tzinfo=UTC))]
    from_message = run_first(READINGS, message(given))["data"]
    assert msgspec.convert(from_message, list[Reading]) == given
    assert from_message == run(READINGS, given)["data"]


@pytest.mark.parametrize("settings", ["{", '{"limit": "many"}', '{"unknown": 1}'])
def test_settings_that_do_not_fit_are_permanent(settings: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTINGS", settings)
    with pytest.raises(PermanentStageError, match="environment variable SETTINGS is wrong"):
        run_first(SIEVE, message([]))
