"""What workers put on S3, and what the driver makes of it."""

from __future__ import annotations

import json
from time import perf_counter
from typing import Any

import pytest

from handlers.runtime.contract import output_key, rejected_key, stage_prefix
from tests.glue.support import EXECUTION, Bucket

OUTPUT = {"score": ("out", "score"), "rank": ("rank",)}
PREFIX = stage_prefix(EXECUTION, "OwnStage")
ROWS = [
    (0, '{"a":1}', '{"score":0.5,"rank":1}'),
    (10, '{"a":2}', '{"_rejection":{"code":"ODD","reason":"it is 2"}}'),
    (20, '{"a":3,"out":{"kept":null}}', '{"score":"x"}'),
    (90, '{"a":4}', '{"_rejection":{"code":"ODD","reason":"it is 4"}}'),
    (99, '{"a":5}', '{"_rejection":{"code":"LATE","reason":"it is 5"}}'),
    (100, '{"a":6}', "{}"),
]
WRITTEN = {
    "0": b'{"a":1,"out":{"score":0.5},"rank":1},\n{"a":3,"out":{"kept":null,"score":"x"}},\n',
    "0-ODD": (
        b'{"code":"ODD","reason":"it is 2","record":{"a":2}}\n{"code":"ODD","reason":"it is 4","record":{"a":4}}\n'
    ),
    "0-LATE": b'{"code":"LATE","reason":"it is 5","record":{"a":5}}\n',
    "1": b'{"a":6},\n',
}


@pytest.fixture
def job(lib: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(lib.output.boto3, "client", lambda service: bucket.s3)
    return lib.settings.Job(
        execution_id=EXECUTION,
        input_bucket="",
        input_key="",
        output_bucket=bucket.name,
        output_key=output_key(EXECUTION, "OwnStage"),
        stage="OwnStage",
        prefix=PREFIX,
        run_id="run-1",
        started_at="2026-01-02T03:04:05Z",
    )


def write(lib: Any, job: Any, rows: list[tuple[int, str, str]]) -> list[Any]:
    return list(lib.output.write_parts(job, OUTPUT, 100, rows))


def test_the_records_of_each_range_are_an_object_and_those_rejected_one_per_code(
    lib: Any, job: Any, bucket: Bucket
) -> None:
    parts = write(lib, job, ROWS)
    assert [(number, code, count) for number, code, count, _ in parts] == [
        (0, "", 2),
        (0, "ODD", 2),
        (0, "LATE", 1),
        (1, "", 1),
    ]
    assert {piece.key: bucket.get(piece.key) for *_, piece in parts} == {
        f"{PREFIX}_parts/run-1/{name}": body for name, body in WRITTEN.items()
    }
    for *_, piece in parts:
        head = bucket.s3.head_object(Bucket=piece.bucket, Key=piece.key)
        assert (piece.etag, piece.first, piece.last) == (head["ETag"], 0, head["ContentLength"])


def test_a_record_that_a_transform_returns_twice_ends_the_job(lib: Any, job: Any) -> None:
    with pytest.raises(lib.errors.JobError, match="transform returned the record at byte 10 twice"):
        write(lib, job, [ROWS[0], ROWS[1], ROWS[1]])


def test_the_output_has_the_records_in_order_and_says_what_became_of_the_others(
    lib: Any, job: Any, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    lib.output.write_output(job, bucket.s3, write(lib, job, ROWS), 10, perf_counter() - 2)
    document = bucket.document("OwnStage")
    assert document["data"] == [
        {"a": 1, "out": {"score": 0.5}, "rank": 1},
        {"a": 3, "out": {"kept": None, "score": "x"}},
        {"a": 6},
    ]
    assert (document["executionId"], document["startedAt"]) == (EXECUTION, "2026-01-02T03:04:05Z")
    metadata = document["metadata"]
    assert 2000 <= metadata["processingTimeMs"] < 60_000
    assert {**metadata, "processingTimeMs": 0} == {
        "inputRecordCount": 10,
        "expandedRecordCount": 0,
        "outputRecordCount": 3,
        "rejectedRecordCount": 3,
        "mergedRecordCount": 4,
        "staleRecordCount": 0,
        "rejections": {"ODD": 2, "LATE": 1},
        "counts": {},
        "processingTimeMs": 0,
    }
    assert bucket.get(rejected_key(EXECUTION, "OwnStage")) == WRITTEN["0-ODD"] + WRITTEN["0-LATE"]
    said, _, told = capsys.readouterr().out.partition(": ")
    assert (said, json.loads(told)) == ("wrote 4 parts", metadata)


def test_a_run_that_rejects_nothing_writes_its_output_alone(lib: Any, job: Any, bucket: Bucket) -> None:
    lib.output.write_output(job, bucket.s3, [], 0, perf_counter())
    assert bucket.document("OwnStage")["data"] == []
    assert bucket.keys() == [output_key(EXECUTION, "OwnStage")]


def test_the_parts_of_all_runs_of_the_stage_are_removed_and_nothing_else(lib: Any, job: Any, bucket: Bucket) -> None:
    others = [f"{PREFIX}_partsnot", output_key(EXECUTION, "OwnStage"), output_key(EXECUTION, "OtherStage")]
    for key in (*others, f"{PREFIX}_parts/killed-run/0"):
        bucket.put(key, b"x")
    write(lib, job, ROWS)
    lib.output.remove_parts(job, bucket.s3)
    assert bucket.keys() == sorted(others)
    lib.output.remove_parts(job, bucket.s3)
