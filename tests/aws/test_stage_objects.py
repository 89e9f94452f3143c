"""The objects of executions, read from the engine."""

from __future__ import annotations

import pytest

from ceap.aws.session import Aws
from ceap.aws.stage_objects import executions_like, objects_of, read_object
from ceap.local.engine import Engine

BUCKET = "executions-of-tests"


@pytest.fixture(scope="module", autouse=True)
def stored(engine: Engine) -> None:
    s3 = engine.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for key, body in (("one/A/output.json", b"12345"), ("one/A/empty", b""), ("one-more/A/x", b""), ("two/A/x", b"")):
        s3.put_object(Bucket=BUCKET, Key=f"executions/{key}", Body=body)


def test_the_objects_of_an_execution_are_none_of_another_that_begins_so(aws: Aws) -> None:
    found = [(each.key, each.size_bytes) for each in objects_of(aws, BUCKET, "one")]
    assert found == [("executions/one/A/empty", 0), ("executions/one/A/output.json", 5)]


def test_executions_are_listed_by_the_beginning_of_their_names(aws: Aws) -> None:
    assert executions_like(aws, BUCKET, "one", 10) == ["one-more", "one"]
    assert executions_like(aws, BUCKET, "one", 1) == ["one-more"]
    assert executions_like(aws, BUCKET, "three", 10) == []


def test_an_object_is_read_whole_or_in_part_and_a_missing_one_is_none(aws: Aws) -> None:
    key = "executions/one/A/output.json"
    assert read_object(aws, BUCKET, key) == b"12345"
    assert read_object(aws, BUCKET, key, "bytes=-2") == b"45"
    assert read_object(aws, BUCKET, "executions/one/A/empty", "bytes=-2") == b""
    assert read_object(aws, BUCKET, "executions/one/A/missing") is None
