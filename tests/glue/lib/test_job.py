"""What a run does around its transform; the transform itself needs Spark, see `tests/glue/test_heavy_etl.py`."""

from __future__ import annotations

import importlib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from handlers.runtime.contract import error_key, output_key
from tests.glue.support import EXECUTION, GLUE, SHIM, Bucket, job_arguments

pytestmark = pytest.mark.glue


@pytest.fixture(scope="module")
def job() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SHIM.parent)
        patch.syspath_prepend(GLUE)
        return importlib.import_module("lib.job")


def test_a_run_is_what_its_arguments_say(job: Any) -> None:
    read = job.read_arguments(["script", *job_arguments("a-bucket", "OtherStage", "OwnStage", "run-1")])
    assert read._replace(started_at="") == job.Job(
        execution_id=EXECUTION,
        input_bucket="a-bucket",
        input_key=f"executions/{EXECUTION}/OtherStage/output.json",
        output_bucket="a-bucket",
        output_key=f"executions/{EXECUTION}/OwnStage/output.json",
        stage="OwnStage",
        prefix=f"executions/{EXECUTION}/OwnStage/",
        run_id="run-1",
        started_at="",
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", read.started_at)
    assert timedelta(0) <= datetime.now(UTC) - datetime.fromisoformat(read.started_at) < timedelta(minutes=1)


@pytest.fixture
def way(job: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> str:
    """Start runs from the stage OtherStage to OwnStage; return how they tell that."""
    monkeypatch.setattr(job.boto3, "client", lambda service: bucket.s3)
    monkeypatch.setattr("sys.argv", ["script", *job_arguments(bucket.name, "OtherStage", "OwnStage", "run-1")])
    source, target = (f"s3://{bucket.name}/{output_key(EXECUTION, stage)}" for stage in ("OtherStage", "OwnStage"))
    return f"from {source} to {target}"


def test_a_run_tells_its_paths_before_all_else(
    job: Any, way: str, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(job, "write_results", lambda _, s3, *given: print(s3 is bucket.s3, *given[:2]))
    job.run("transform", "settings")
    assert capsys.readouterr().out == f"OwnStage of execution {EXECUTION}, run run-1: {way}\nTrue transform settings\n"
    assert bucket.keys() == []


def test_a_run_that_fails_leaves_its_error_on_s3(
    job: Any, way: str, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "write_results", lambda *_: 1 / 0)
    with pytest.raises(job.JobError) as failed:
        job.run("transform", "settings")
    assert str(failed.value) == f"ZeroDivisionError: division by zero ({way})"
    assert json.loads(bucket.get(error_key(EXECUTION, "OwnStage"))) == {
        "status": "FAILED",
        "stage": "OwnStage",
        "executionId": EXECUTION,
        "errorMessage": str(failed.value),
    }


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("one\ntwo\nthree"), "ValueError: one two"),
        (RuntimeError("Traceback\nlib.errors.JobError: the input is cut\n\tat Java"), "the input is cut"),
        (
            RuntimeError("Job aborted\nbotocore.errorfactory.NoSuchKey: An error occurred (NoSuchKey)\n\tat Java"),
            "NoSuchKey: An error occurred (NoSuchKey)",
        ),
    ],
)
def test_the_sentence_of_an_error_is_that_of_the_worker_where_one_failed(job: Any, error: Exception, said: str) -> None:
    assert job.sentence(error) == said


def test_parts_that_cannot_be_removed_fail_no_run(
    job: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written: list[object] = []

    def remove_none(*_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListObjectsV2")

    monkeypatch.setattr(job, "run_transform", lambda *_: (["part"], 5))
    monkeypatch.setattr(job, "write_output", lambda *given: written.append(given))
    monkeypatch.setattr(job, "remove_parts", remove_none)
    job.write_results("job", "s3", "transform", "settings", 1.0)
    assert written == [("job", "s3", ["part"], 5, 1.0)]
    assert capsys.readouterr().out == (
        "the parts are left to the bucket's lifecycle rule: "
        "An error occurred (AccessDenied) when calling the ListObjectsV2 operation: no\n"
    )
