from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from ceap.testing import Json, error, rejected, run_first
from handlers.runtime.aws import client
from handlers.runtime.contract import PermanentStageError, TransientStageError
from handlers.runtime.needs import Needs, Table, TableAction
from handlers.runtime.stage import WorkflowLambdaHandler
from tests import reference
from tests.handlers.conftest import Log
from tests.handlers.runtime.sources.support import EXPORTS, put
from tests.handlers.support import Refusal, calls, fault, keys

pytestmark = pytest.mark.usefixtures("aws", "exports")

TAKE = reference.load_stage("take")
STAGE = "OwnStage"


def lines(*records: Json) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def transform(handler: WorkflowLambdaHandler[Any, Any] = TAKE.handler, **source: Any) -> Json:
    return run_first(handler, json.dumps({"source": {"kind": "s3", "bucket": EXPORTS, **source}}))


def ids(document: Json) -> list[str]:
    return [record["id"] for record in document["data"]]


def test_records_come_from_an_object() -> None:
    put("day.jsonl", lines({"id": "c1"}, {"id": "c2"}))
    assert ids(transform(key="day.jsonl")) == ["c1", "c2"]


def test_all_objects_under_a_prefix_are_read_in_the_order_of_their_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    put("day/2.jsonl.gz", gzip.compress(lines({"id": "c3"})))
    put("day/1.csv", b"id,total\nc2,1\n")
    put("day/0", lines({"id": "c1"}))
    put("day/_SUCCESS", b"")
    put("night/1.jsonl", lines({"id": "c4"}))
    assert ids(transform(prefix="day/")) == ["c1", "c2", "c3"]


def test_more_objects_than_a_page_lists_are_read() -> None:
    for number in range(5):
        put(f"day/{number}", lines({"id": f"c{number}"}))

    def shorten(params: Json, **_: object) -> None:
        params["MaxKeys"] = 2

    emitter, event = client("s3").meta.events, "provide-client-params.s3.ListObjectsV2"
    emitter.register(event, shorten)
    try:
        assert ids(transform(prefix="day/")) == [f"c{number}" for number in range(5)]
    finally:
        emitter.unregister(event, shorten)


def test_rows_that_are_no_records_are_rejected_beside_bad_records_and_counted() -> None:
    put("day.jsonl", lines({"id": "c1"}, {"id": "c2"}, {"id": "c3"}) + b"{cut\n" + lines({}))
    metadata = transform(key="day.jsonl")["metadata"]
    assert metadata["inputRecordCount"] == 5
    assert metadata["rejections"] == {"JSON_INVALID": 1, "ID_MISSING": 1}
    row, record = rejected()
    assert (row["code"], row["record"]) == ("JSON_INVALID", "{cut")
    assert row["reason"].startswith(f"line 4 of s3://{EXPORTS}/day.jsonl is not a JSON object: ")
    assert record["record"] == {}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('{"source_bucket": "other-exports"}', "other-exports; name that bucket in the message, or change"),
        ("{}", "none; name the bucket in"),
    ],
)
def test_no_bucket_but_the_declared_one_is_asked_for_anything(
    settings: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SETTINGS", settings)
    put("day.jsonl", lines({"id": "c1"}))
    message = (
        f"source is bucket {EXPORTS}, but the step declares {said} the setting of the step that NEEDS gives as "
        "bucket_setting, and deploy again"
    )
    with calls("s3") as seen, pytest.raises(PermanentStageError, match=message):
        transform(key="day.jsonl")
    assert [params["Key"] for operation, params in seen if params["Bucket"] == EXPORTS] == []


class Stray(WorkflowLambdaHandler[Json, Any]):
    """A handler of someone's own, that takes nothing but records."""

    def check_record(self, record: Json, stage: Any) -> None:
        if not isinstance(record, dict):
            raise PermanentStageError("this is no record")

    def process_data(self, records: Any, stage: Any) -> Any:
        yield from records


WRITES: dict[Table, tuple[TableAction, ...]] = {Table("orders", "PK"): ("PutItem",)}


def test_a_handler_that_declares_no_bucket_reads_none() -> None:
    cure = "but the step declares none; name the bucket in the setting of the step that NEEDS gives as bucket_setting"
    with pytest.raises(PermanentStageError, match=cure):
        transform(Stray(Needs(settings=TAKE.Settings)), key="day.jsonl")


def test_rows_that_are_no_records_are_kept_from_a_stage_with_side_effects_and_rejected_once() -> None:
    put("day.jsonl", lines({"a": 1}) + b"{cut\n")
    handler = Stray(Needs(settings=TAKE.Settings, tables=WRITES, bucket_setting="source_bucket"))
    assert transform(handler, key="day.jsonl")["data"] == [{"a": 1}]
    assert [line["code"] for line in rejected()] == ["JSON_INVALID"]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({"key": "none.jsonl"}, r"found nothing \(NoSuchKey\); check the key in the message"),
        ({"prefix": "none/"}, f"there is no object under s3://{EXPORTS}/none/; check the prefix in the message"),
        ({}, "^the message's source must have a key or a prefix, and not both "),
        ({"key": "a", "prefix": "b"}, "^the message's source must have a key or a prefix, and not both "),
        ({"key": ""}, "Expected `str` of length >= 1"),
        ({"key": "a", "format": "csv"}, "Object contains unknown field"),
    ],
)
def test_a_source_that_is_not_there_is_permanent_and_says_the_cure(source: Json, text: str) -> None:
    with pytest.raises(PermanentStageError, match=text):
        transform(**source)


def test_a_gzip_file_that_was_cut_short_fails_the_stage_permanently_and_leaves_no_output() -> None:
    put("day.gz", gzip.compress(lines(*[{"id": "c1"}] * 5000))[:-9])
    with pytest.raises(PermanentStageError, match=r"day\.gz is not a complete gzip file: .*; export it again"):
        transform(key="day.gz")
    assert keys(f"executions/execution-1/{STAGE}/") == [f"executions/execution-1/{STAGE}/error.json"]


@pytest.mark.parametrize(
    ("operation", "source"), [("GetObject", {"key": "day/1.jsonl"}), ("ListObjectsV2", {"prefix": "day/"})]
)
@pytest.mark.parametrize(
    ("refusal", "kind"),
    [(Refusal(403, "AccessDenied"), PermanentStageError), (Refusal(503, "SlowDown"), TransientStageError)],
)
def test_what_s3_refuses_is_classed(
    operation: str, source: Json, refusal: Refusal, kind: type[Exception], no_waiting: list[float]
) -> None:
    put("day/1.jsonl", lines({"id": "c1"}))
    with fault("s3", operation, refusal), pytest.raises(kind, match=f"s3://{EXPORTS}/day/"):
        transform(**source)
    assert error()["errorType"] == kind.__name__


def test_the_source_is_logged_and_no_customer(log: Log) -> None:
    put("day.jsonl", lines({"id": "secret-customer"}) + b"secret-customer\n")
    transform(key="day.jsonl")
    assert [line["message"] for line in log.lines()] == [
        "stage started",
        "stage paths",
        "stage source",
        "stage succeeded",
    ]
    assert log.lines()[2]["sourcePath"] == f"s3://{EXPORTS}/day.jsonl"
    assert "secret-customer" not in log.getvalue()
