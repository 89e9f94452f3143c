from __future__ import annotations

import csv
import gzip
import io
import json
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.runtime.contract import PermanentStageError
from handlers.runtime.sources import BadRow, rows
from handlers.runtime.sources.rows import read_rows

Rows = list[dict[str, object] | BadRow]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
csv_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def read(body: bytes, name: str = "s3://b/rows.jsonl", size: int = 64 * 1024) -> Rows:
    return list(read_rows([body[at : at + size] for at in range(0, len(body), size)], name))


def codes(found: Rows) -> list[str]:
    return [row.code if isinstance(row, BadRow) else "" for row in found]


@given(
    records=st.lists(st.dictionaries(texts, st.integers(-(2**53), 2**53) | texts | st.none(), max_size=4)),
    size=st.integers(1, 50),
    end=st.sampled_from([b"\n", b"\r\n", b"\n\n \n"]),
    packed=st.booleans(),
)
def test_json_lines_are_read_however_they_are_cut_and_packed(
    records: Rows, size: int, end: bytes, packed: bool
) -> None:
    body = end.join(json.dumps(record, ensure_ascii=False).encode() for record in records)
    assert read(gzip.compress(body) if packed else body, size=size) == records


@given(
    header=st.lists(csv_texts.filter(bool), min_size=2, max_size=4, unique=True),
    data=st.data(),
    size=st.integers(1, 50),
    packed=st.booleans(),
)
def test_csv_is_read_however_it_is_cut_and_packed(
    header: list[str], data: st.DataObject, size: int, packed: bool
) -> None:
    row = st.lists(csv_texts, min_size=len(header), max_size=len(header))
    written = data.draw(st.lists(row, max_size=5))
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([header, *written])
    body = text.getvalue().encode()
    if header[0].startswith("\ufeff"):
        body = b"\xef\xbb\xbf" + body
    expected = [dict(zip(header, values, strict=True)) for values in written]
    assert read(gzip.compress(body) if packed else body, "rows.csv.gz", size) == expected


def test_a_byte_order_mark_and_members_of_a_gzip_file_are_passed_over() -> None:
    assert read(b'\xef\xbb\xbf{"a":1}\n') == [{"a": 1}]
    assert read(b"\xef\xbb\xbfa,b\r\n1,2\r\n", "ROWS.CSV") == [{"a": "1", "b": "2"}]
    assert read(gzip.compress(b'{"a":1}\n') + gzip.compress(b'{"a":2}\n')) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "part-0000"])
@pytest.mark.parametrize("body", [b"", b"\n\n", gzip.compress(b"", mtime=0)], ids=["nothing", "lines", "packed"])
def test_an_empty_file_has_no_records(body: bytes, name: str) -> None:
    assert read(body, name) == []


@pytest.mark.parametrize(
    "line",
    [b"{", b"[1]", b"text", b'{"a": NaN}', b'{"a": 1} {"a": 2}', b'{"a": "\xff"}', b"[" * 100_000],
    ids=["cut", "array", "text", "NaN", "two", "no UTF-8", "deep"],
)
def test_a_line_that_is_no_json_object_is_told_and_the_next_is_read(line: bytes) -> None:
    first, bad, last = read(b'{"a":1}\n' + line + b'\n{"a":2}')
    assert (first, last) == ({"a": 1}, {"a": 2})
    assert isinstance(bad, BadRow)
    assert (bad.code, bad.text) == ("JSON_INVALID", line.decode(errors="replace"))
    assert bad.reason.startswith("line 2 of s3://b/rows.jsonl is not a JSON object: ")


@pytest.mark.parametrize(
    ("row", "code", "reason"),
    [
        (b"1", "CSV_COLUMNS", "line 3 of rows.csv has 1 columns, its header has 2"),
        (b"1,2,3", "CSV_COLUMNS", "line 3 of rows.csv has 3 columns, its header has 2"),
        (b'1,"2"2', "CSV_INVALID", "line 3 of rows.csv is wrong: ',' expected after '\"'"),
        (b"1,\xff", "CSV_INVALID", "line 3 of rows.csv is wrong: 'utf-8' codec can't encode"),
    ],
)
def test_a_csv_row_that_does_not_fit_is_told_and_the_next_is_read(row: bytes, code: str, reason: str) -> None:
    first, bad, last = read(b"a,b\n1,2\n" + row + b"\n3,4", "rows.csv")
    assert (first, last) == ({"a": "1", "b": "2"}, {"a": "3", "b": "4"})
    assert isinstance(bad, BadRow)
    assert (bad.code, bad.text) == (code, row.decode(errors="replace"))
    assert bad.reason.startswith(reason)


def test_a_quote_that_is_never_closed_does_not_swallow_the_file() -> None:
    found = read(b'a,b\n1,"2\n' + b"3,4\n" * 100_000, "rows.csv")
    assert codes(found)[0] == "CSV_INVALID"
    assert len(found) > 60_000
    assert found[-1] == {"a": "3", "b": "4"}


@pytest.mark.parametrize("header", [b"a,a", b"a,", b'"a', b"a,\xff"])
def test_a_csv_file_without_a_header_is_refused(header: bytes) -> None:
    with pytest.raises(PermanentStageError, match=r"^rows.csv has (no CSV header|a CSV header with empty or repeated)"):
        read(header + b"\n1,2\n", "rows.csv")


PACKED = gzip.compress(b'{"a":1}\n' * 10_000, mtime=0)


@pytest.mark.parametrize(
    "body",
    [PACKED[:-1], PACKED[:10], PACKED[:2], PACKED[:30] + b"\0" + PACKED[31:], PACKED + b"more", PACKED[:2] + b"x" * 50],
    ids=["cut", "head", "magic", "damaged", "more", "other"],
)
def test_what_is_no_whole_gzip_file_is_refused(body: bytes) -> None:
    with pytest.raises(
        PermanentStageError, match=r"^s3://b/rows.jsonl is not a complete gzip file: .*; export it again"
    ):
        read(body)


def test_a_line_that_memory_may_not_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "LINE_BYTES", 100)
    assert len(read(b'{"a":"' + b"x" * 91 + b'"}\n')) == 1
    with pytest.raises(PermanentStageError, match="has a line longer than 100 bytes; export one record per line"):
        read(b'{"a":"' + b"x" * 93 + b'"}\n')


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv"])
def test_memory_does_not_grow_with_the_file_even_if_it_is_packed_a_thousandfold(name: str) -> None:
    line = b'{"a":"' + b"x" * 1000 + b'"}\n' if name == "rows.jsonl" else b"a" + b"x" * 1000 + b"\n"

    def pack(lines: int) -> Iterator[bytes]:
        packer = zlib.compressobj(wbits=31)
        for _ in range(lines):
            yield packer.compress(line)
        yield packer.flush()

    def peak(lines: int) -> int:
        tracemalloc.start()
        assert sum(1 for _ in read_rows(pack(lines), name)) == lines - (name == "rows.csv")
        high = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return high

    assert peak(20_000) < 1.2 * peak(2_000)
