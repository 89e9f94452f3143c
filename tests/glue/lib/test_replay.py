"""Which runs a replay skips: the same that it would skip if the stage ran in Lambda."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.runtime import document as stage_document
from handlers.runtime import replay
from handlers.runtime.contract import PermanentStageError, output_key
from tests.glue.support import EXECUTION, GLUE, Bucket, Json

REPLAY = f"{EXECUTION}-replay-1"
STAGE = "HeavyStage"


def skip(**changes: object) -> Json:
    return {"executionId": REPLAY, "copiedFrom": EXECUTION, "skip": [STAGE], **changes}


def header(**changes: object) -> Json:
    return {"executionId": REPLAY, "stage": "BeforeStage", "startedAt": "t", **changes}


def find(lib: Any, s3: Any, source: str, execution: str = REPLAY, bucket: str = "b") -> str | None:
    job = lib.settings.Job(
        execution_id=execution,
        input_bucket=bucket,
        input_key=output_key(execution, source),
        output_bucket=bucket,
        output_key=output_key(execution, STAGE),
        stage=STAGE,
        prefix="",
        run_id="run",
        started_at="t",
    )
    found: str | None = lib.replay.find_original(s3, job)
    return found


def put_message(bucket: Bucket, body: object, execution: str = REPLAY) -> None:
    bucket.put(output_key(execution, "initial"), json.dumps(json.dumps(body)).encode())


def put_document(bucket: Bucket, first: Json, execution: str = REPLAY) -> None:
    body = json.dumps(first, separators=(",", ":"))[:-1].encode() + b',"data":[\n{"a":1}\n],"metadata":{}}\n'
    bucket.put(output_key(execution, "BeforeStage"), body)


def test_a_first_job_finds_what_to_skip_in_the_message(lib: Any, bucket: Bucket) -> None:
    put_message(bucket, skip())
    assert find(lib, bucket.s3, "initial", bucket=bucket.name) == EXECUTION


def test_a_later_job_finds_it_in_the_first_line_of_its_input(lib: Any, bucket: Bucket) -> None:
    put_document(bucket, header(copiedFrom="x", skip=["BeforeStage", STAGE]))
    assert find(lib, bucket.s3, "BeforeStage", bucket=bucket.name) == "x"


@pytest.mark.parametrize(
    "first",
    [
        header(),
        header(copiedFrom="x", skip=["BeforeStage"]),
        header(copiedFrom="x", skip=f"not a list: {STAGE}"),
        header(copiedFrom="", skip=[STAGE]),
        header(skip=[STAGE]),
        header(executionId=EXECUTION, copiedFrom="x", skip=[STAGE]),
    ],
)
def test_a_job_that_its_input_does_not_name_runs(lib: Any, bucket: Bucket, first: Json) -> None:
    put_document(bucket, first)
    assert find(lib, bucket.s3, "BeforeStage", bucket=bucket.name) is None


@pytest.mark.parametrize(
    "body",
    [
        skip(executionId=f"{EXECUTION}-replay-2"),
        skip(skip=["OtherStage"]),
        skip(source={"kind": "inline", "records": []}),
        {"copiedFrom": EXECUTION, "skip": [STAGE]},
        [],
        "text",
        None,
    ],
)
def test_a_first_job_runs_with_any_other_message(lib: Any, bucket: Bucket, body: Json) -> None:
    put_message(bucket, body)
    assert find(lib, bucket.s3, "initial", bucket=bucket.name) is None


def test_an_execution_that_is_no_replay_makes_no_request(lib: Any) -> None:
    assert find(lib, None, "initial", EXECUTION) is None
    assert find(lib, None, "BeforeStage", EXECUTION) is None


class Held:
    """An S3 that holds one object."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def get_object(self, **_: str) -> Json:
        return {"Body": self}

    def read(self) -> bytes:
        return self._body


names = st.sampled_from([EXECUTION, REPLAY, "e-replay-0", "e-replay-10", "-replay-1", "a\n-replay-7", "e-replay-1\n"])
fields = st.fixed_dictionaries(
    {},
    optional={
        "executionId": names,
        "copiedFrom": st.sampled_from(["x", "", None, 1]),
        "skip": st.sampled_from([[STAGE], [], ["BeforeStage", STAGE], STAGE, None]),
        "source": st.none(),
    },
)


@given(execution=names, body=fields)
def test_a_first_job_is_skipped_where_a_first_stage_in_lambda_is(lib: Any, execution: str, body: Json) -> None:
    found = replay.read_skip(json.dumps(body), execution)
    expected = found.copied_from if found and STAGE in found.skip else None
    assert find(lib, Held(json.dumps(json.dumps(body)).encode()), "initial", execution) == expected


@given(execution=names, body=fields)
def test_a_later_job_is_skipped_where_a_later_stage_in_lambda_is(lib: Any, execution: str, body: Json) -> None:
    line = json.dumps({"stage": "BeforeStage", "startedAt": "t", **body}, separators=(",", ":"))[:-1] + ',"data":['
    try:
        read = stage_document.read_header(line.encode(), "a document", (execution, "BeforeStage"))
    except PermanentStageError:
        return  # a stage fails, and so does a job, or it takes the records
    expected = read.copied_from if isinstance(read, stage_document.CopiedHeader) and STAGE in read.skip else None
    assert find(lib, Held(line.encode() + b"\n"), "BeforeStage", execution) == expected


def test_jobs_and_stages_take_the_same_names_for_those_of_replays(lib: Any) -> None:
    assert lib.replay.NAME.pattern == replay._NAME.pattern
    assert (lib.replay.NAME.flags, lib.document.EDGE_BYTES) == (replay._NAME.flags, stage_document.EDGE_BYTES)
    assert set(replay.Skip.__struct_encode_fields__) == lib.replay.MESSAGE_KEYS


def test_the_job_that_a_replay_begins_at_reads_the_copy(lib: Any, bucket: Bucket) -> None:
    first = stage_document.CopiedHeader(
        execution_id=REPLAY, stage="BeforeStage", started_at="t", copied_from=EXECUTION, skip=("BeforeStage",)
    )
    body = b"".join(stage_document.encode_document(first, [{"a": 1}], lambda count: {"outputRecordCount": count}))
    key = output_key(REPLAY, "BeforeStage")
    bucket.put(key, body)
    document, count = lib.document.open_document(bucket.s3, bucket.name, key)
    assert (body[document.first : document.last], count) == (b'{"a":1}\n', 1)


def test_what_decides_it_needs_no_spark() -> None:
    assert "pyspark" not in (GLUE / "lib" / "replay.py").read_text(encoding="utf-8")
