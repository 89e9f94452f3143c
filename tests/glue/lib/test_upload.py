"""How parts become one object that appears whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types
from hypothesis import given
from hypothesis import strategies as st

from handlers.runtime.document import EDGE_BYTES, read_footer, read_records
from tests.glue.support import Bucket

MIB = 1024 * 1024
JOB = dict.fromkeys(("input_bucket", "input_key", "output_bucket", "output_key", "prefix", "run_id"), "")
KEY = "executions/e/OwnStage/output.json"


def job_of(lib: Any) -> Any:
    return lib.settings.Job(**JOB, execution_id="e", stage="OwnStage", started_at="2026-01-02T03:04:05Z")


SIZES = st.lists(st.integers(1, 100) | st.integers(1, 40 * MIB) | st.sampled_from([5 * MIB - 1, 5 * MIB, 10 * MIB]))


@given(sizes=SIZES)
def test_every_part_of_an_upload_but_the_last_is_long_enough_and_joined_ones_are_short(
    lib: Any, sizes: list[int]
) -> None:
    pieces = [lib.piece.Piece("bucket", f"key-{number}", "etag", 0, size) for number, size in enumerate(sizes)]
    groups = list(lib.upload.plan_upload([b"header", *pieces, b"footer"]))
    totals = [sum(map(lib.upload.length, group)) for group in groups]
    assert [total for total in totals[:-1] if total < 5 * MIB] == []
    assert [total for total, group in zip(totals, groups, strict=True) if len(group) > 1 and total > 15 * MIB] == []
    assert len(groups) <= len(pieces) + 2
    assert spans([block for group in groups for block in group]) == spans([b"header", *pieces, b"footer"])


def test_what_remains_of_a_split_piece_is_a_part_if_it_is_just_long_enough(lib: Any) -> None:
    first, second = (lib.piece.Piece("bucket", key, "etag", 0, 10 * MIB - 100) for key in ("first", "second"))
    assert list(lib.upload.plan_upload([b"x" * 100, first, second])) == [
        [b"x" * 100, first._replace(last=5 * MIB - 100)],
        [first._replace(first=5 * MIB - 100)],
        [second],
    ]


def spans(blocks: Sequence[Any]) -> list[Any]:
    """Return the blocks, with pieces of one object that follow each other as one."""
    found: list[Any] = []
    for block in blocks:
        if found and not isinstance(block, bytes) and found[-1][:3] == block[:3] and found[-1].last == block.first:
            found[-1] = found[-1]._replace(last=block.last)
        else:
            found.append(block)
    return found


def put_parts(lib: Any, bucket: Bucket, sizes: list[int]) -> list[Any]:
    """Write parts of records, each as long as asked for; a record takes 10 bytes at least."""
    pieces = []
    for number, size in enumerate(sizes):
        record = b'{"a":"%s"},\n'
        body = record % (b"x" * (size - len(record) + 2))
        key = f"_parts/run/{number}"
        pieces.append(lib.piece.Piece(bucket.name, key, bucket.put(key, body), 0, len(body)))
        assert len(body) == size
    return pieces


@pytest.mark.parametrize(
    "sizes",
    [[], [10], [10] * 30, [12 * MIB], [5 * MIB], [5 * MIB] * 3, [100, 11 * MIB, 100, 6 * MIB, 100], [4 * MIB] * 4],
    ids=["none", "one", "many small", "one big", "exactly the least", "three", "mixed", "all too small"],
)
def test_parts_of_any_size_become_one_document(lib: Any, bucket: Bucket, sizes: list[int]) -> None:
    pieces = put_parts(lib, bucket, sizes)
    lib.upload.compose(
        bucket.s3, bucket.name, KEY, lib.output.document_blocks(job_of(lib), pieces, {"outputRecordCount": len(sizes)})
    )
    body = bucket.get(KEY)
    records = read_records([body], msgspec.json.Decoder(), count=read_footer(body[-EDGE_BYTES:], KEY), where=KEY)
    assert [len(record["a"]) for record in records] == [size - 10 for size in sizes]
    assert json.loads(body)["executionId"] == "e"
    assert bucket.s3.head_object(Bucket=bucket.name, Key=KEY)["ContentType"] == "application/json"
    assert bucket.open_uploads() == []


def test_large_parts_are_copied_within_s3_and_not_read(lib: Any, bucket: Bucket) -> None:
    read = []
    bucket.s3.meta.events.register(
        "provide-client-params.s3.GetObject", lambda params, **_: read.append(params["Range"])
    )
    blocks = lib.output.document_blocks(
        job_of(lib), put_parts(lib, bucket, [11 * MIB, 11 * MIB]), {"outputRecordCount": 2}
    )
    lib.upload.compose(bucket.s3, bucket.name, KEY, blocks)
    assert read == [f"bytes=0-{5 * MIB - len(blocks[0]) - 1}"]


def test_a_composition_that_fails_leaves_no_object_and_no_upload(lib: Any, bucket: Bucket) -> None:
    pieces = put_parts(lib, bucket, [6 * MIB, 6 * MIB, 6 * MIB])
    bucket.s3.delete_object(Bucket=bucket.name, Key=pieces[1].key)
    with pytest.raises(ClientError, match="UploadPartCopy"):
        lib.upload.compose(bucket.s3, bucket.name, KEY, pieces)
    assert bucket.keys("executions/") == []
    assert bucket.open_uploads() == []


def test_what_s3_copies_is_the_version_that_was_listed(lib: Any, bucket: Bucket) -> None:
    asked = []
    bucket.s3.meta.events.register(
        "provide-client-params.s3.UploadPartCopy", lambda params, **_: asked.append({**params})
    )
    pieces = put_parts(lib, bucket, [6 * MIB, 7 * MIB])
    lib.upload.compose(bucket.s3, bucket.name, KEY, pieces)
    assert [(each["CopySource"]["Key"], each["CopySourceIfMatch"]) for each in sorted(asked, key=str)] == [
        (piece.key, piece.etag) for piece in sorted(pieces, key=str)
    ]


def test_an_older_output_stays_when_a_composition_fails(lib: Any, bucket: Bucket) -> None:
    bucket.put(KEY, b"older")
    with pytest.raises(ClientError, match="UploadPartCopy"):
        lib.upload.compose(bucket.s3, bucket.name, KEY, [lib.piece.Piece(bucket.name, "missing", "etag", 0, 10)])
    assert bucket.get(KEY) == b"older"
