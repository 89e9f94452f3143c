"""How a document is cut into ranges, and what is refused."""

from __future__ import annotations

import json
from typing import Any
from unittest import mock

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types
from hypothesis import given
from hypothesis import strategies as st

from handlers.runtime.contract import output_key
from handlers.runtime.document import EDGE_BYTES
from tests.glue.support import EXECUTION, Bucket, document


def read_in_ranges(lib: Any, body: bytes, width: int) -> list[tuple[int, str]]:
    """Return place and text of the records of a document that is read in ranges of a width."""
    first, last = body.index(b"\n") + 1, body.rindex(b"\n]") + 1
    piece = lib.piece.Piece("bucket", "key", "etag", first, last)

    def read(_: Any, part: Any) -> bytes:
        assert first <= part.first < part.last <= last
        return body[part.first : part.last]

    with mock.patch.multiple(lib.document, boto3=mock.Mock(), read_piece=read):
        return [found for begin in range(first, last, width) for found in lib.document.read_range(piece, width, begin)]


def expected(body: bytes) -> list[tuple[int, str]]:
    lines = body.split(b"\n")[1:-2]
    starts = [sum(len(line) + 1 for line in body.split(b"\n")[:number]) for number in range(1, len(lines) + 1)]
    return [(start, line.removesuffix(b",").decode()) for start, line in zip(starts, lines, strict=True)]


RECORDS = [{"a": 1}, {"text": "Größe \u2028 \u2029 \x85 x"}, {}, {"emoji": "🎈", "end": '],"metadata":'}]


@pytest.mark.parametrize("count", range(len(RECORDS) + 1))
def test_every_record_belongs_to_one_range_wherever_the_document_is_cut(lib: Any, count: int) -> None:
    body = document(RECORDS[:count])
    for width in range(1, len(body)):
        assert read_in_ranges(lib, body, width) == expected(body)


@given(
    records=st.lists(st.dictionaries(st.text(max_size=4), st.text(max_size=30), max_size=3)), width=st.integers(1, 200)
)
def test_ranges_of_any_width_give_all_records_once_and_in_order(
    lib: Any, records: list[dict[str, str]], width: int
) -> None:
    found = read_in_ranges(lib, document(records), width)
    assert [json.loads(text) for _, text in found] == records


def test_a_record_longer_than_several_ranges_is_read_whole(lib: Any) -> None:
    body = document([{"long": "x" * 200_000}, {"a": 1}])
    assert read_in_ranges(lib, body, 1000) == expected(body)


@pytest.mark.parametrize(
    "lines",
    [
        b'{"a":1}\n{"a":2}',
        b'{"a":1},\n{"a":2},',
        b'{"a":1},\r\n{"a":2}',
        b'{"a":1}\r,\n{"a":2}',
        b'{"a":1},\n[2]',
        b'{"a":1},\n{"a":NaN}',
        b'{"a":1},\n{"a":2}}',
        b'{"a":1},\n{"a":"\xff"}',
        b'{"a":1},\n\n{"a":2}',
    ],
    ids=[
        "no comma",
        "a comma too many",
        "CR",
        "CR before the comma",
        "no object",
        "NaN",
        "more after it",
        "no UTF-8",
        "an empty line",
    ],
)
def test_a_record_that_is_none_is_refused_by_its_place(lib: Any, lines: bytes) -> None:
    body = b'{"executionId":"e","stage":"s","startedAt":"t","data":[\n' + lines + b'\n],"metadata":{}}\n'
    with pytest.raises(lib.errors.JobError, match=r"expected at byte \d+ a JSON object"):
        read_in_ranges(lib, body, 10)


def test_spaces_around_a_record_are_no_part_of_it(lib: Any) -> None:
    body = b'{"data":[\n {"a":1}\t,\n{"a":2} \n],"metadata":{}}\n'
    assert [text for _, text in read_in_ranges(lib, body, 7)] == ['{"a":1}', '{"a":2}']


WHOLE = document(RECORDS)
KEY = output_key(EXECUTION, "BeforeStage")


def test_header_and_footer_tell_where_the_records_stand(lib: Any, bucket: Bucket) -> None:
    etag = bucket.put(KEY, WHOLE)
    piece, count = lib.document.open_document(bucket.s3, bucket.name, KEY)
    assert count == len(RECORDS)
    assert piece == lib.piece.Piece(bucket.name, KEY, etag, WHOLE.index(b"\n") + 1, WHOLE.rindex(b"\n]") + 1)


@pytest.mark.parametrize("end", [0, 1, 40, WHOLE.index(b"\n") + 1, WHOLE.rindex(b"\n]") + 1, len(WHOLE) - 3])
def test_a_document_that_was_cut_short_is_refused_before_its_records_are_read(
    lib: Any, bucket: Bucket, end: int
) -> None:
    bucket.put(KEY, WHOLE[:end])
    with pytest.raises(lib.errors.JobError, match="is not a stage document: it"):
        lib.document.open_document(bucket.s3, bucket.name, KEY)


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":1,\n],"metadata":{"outputRecordCount":0}}\n',
        b'{,"data":[\n],"metadata":{"outputRecordCount":0}}\n',
        WHOLE.replace(b',"data":[', b',"rows":[', 1),
        b'{"a":1,"data":[\n],"metadata":{}}\n',
        b'{"a":1,"data":[\n],"metadata":{"outputRecordCount":0}}\nmore\n',
        b"x" * 100_000,
        b'{"a":1,"data":[\n{'
        + (b'],"metadata":{"outputRecordCount":0,"more":"' + b"x" * EDGE_BYTES)[: EDGE_BYTES - 3]
        + b'"}}',
    ],
    ids=[
        "no array",
        "no header",
        "no data",
        "no count",
        "more after it",
        "no document",
        "a footer without its own line",
    ],
)
def test_what_is_no_document_is_refused(lib: Any, bucket: Bucket, body: bytes) -> None:
    bucket.put(KEY, body)
    with pytest.raises(lib.errors.JobError, match="is not a stage document: it"):
        lib.document.open_document(bucket.s3, bucket.name, KEY)


def test_another_version_of_the_document_is_not_read(lib: Any, bucket: Bucket) -> None:
    bucket.put(KEY, WHOLE)
    piece, _ = lib.document.open_document(bucket.s3, bucket.name, KEY)
    bucket.put(KEY, document(RECORDS[::-1]))
    with pytest.raises(ClientError, match="PreconditionFailed"):
        lib.piece.read_piece(bucket.s3, piece)
