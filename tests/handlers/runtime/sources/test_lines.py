from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections import Counter
from collections.abc import Iterator
from itertools import repeat
from typing import Any

import pytest

from handlers.runtime.contract import PermanentStageError
from handlers.runtime.sources import lines
from handlers.runtime.sources.rows import read_rows
from tests.handlers.runtime.sources.support import bad_rows, read, read_csv

CURE = "export it as JSON Lines or as CSV with commas, in UTF-8 (Excel: 'CSV UTF-8'), plain or gzip"

ROWS = "customerId,city\nc1,Köln\nc2,Łódź\n" * 3


def pack_zip(name: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, ROWS * 100)
    return packed.getvalue()


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
@pytest.mark.parametrize("size", [1, 64 * 1024])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("body", "what"),
    [
        (ROWS.encode("utf-16"), "UTF-16, not UTF-8"),
        (b"\xfe\xff" + ROWS.encode("utf-16-be"), "UTF-16, not UTF-8"),
        (ROWS.encode("utf-16-le"), "UTF-16 or binary, not UTF-8"),
        (ROWS.encode("utf-16-be"), "UTF-16 or binary, not UTF-8"),
        (ROWS.encode("utf-32"), "UTF-32, not UTF-8"),
        (ROWS.encode("utf-32-be"), "UTF-32, not UTF-8"),
        (ROWS.encode("latin-1", errors="replace"), "not UTF-8, but perhaps Windows-1252 or Latin-1"),
        (b"customerId,city\nc1,K\xf6ln\n", "not UTF-8, but perhaps Windows-1252 or Latin-1"),
        (ROWS.replace("\n", "\r").encode(), "text whose lines end in CR alone, not in LF or CRLF"),
        (pack_zip("xl/workbook.xml"), "a zip archive or an Excel workbook (.xlsx)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "an Excel workbook (.xls)"),
        (b"PAR1\x15\x04\x15\xc8\x01" + bytes(20), "a Parquet file"),
        (b"ORC\x11\0\0\x0a\x06\x12", "an ORC file"),
        (b"Obj\x01\x04\x14avro.codec\x08null\0\xff", "an Avro file"),
        (bz2.compress(ROWS.encode()), "a bzip2 file"),
        (lzma.compress(ROWS.encode()), "an xz file"),
        (b"\x28\xb5\x2f\xfd\x04\x58\x41\0", "a Zstandard file"),
    ],
)
def test_a_file_that_is_no_utf8_text_is_refused_once_by_what_it_is(
    body: bytes, what: str, packed: bool, size: int, name: str
) -> None:
    with pytest.raises(PermanentStageError) as refused:
        read(gzip.compress(body) if packed else body, name, size)
    assert str(refused.value) == f"{name} is {what}; {CURE}"


def test_gzip_inside_gzip_is_refused() -> None:
    with pytest.raises(PermanentStageError, match=r"^rows.csv.gz is a gzip file inside a gzip file; export it as"):
        read(gzip.compress(gzip.compress(ROWS.encode())), "rows.csv.gz")


@pytest.mark.parametrize("header", ["PAR1,PAR2", "ORCID,b", "BZh,b", "Obj,b"])
def test_names_that_look_like_a_signature_are_names(header: str) -> None:
    assert read_csv(f"{header}\n1,2\n".encode()) == [dict(zip(header.split(","), ("1", "2"), strict=True))]


@pytest.mark.parametrize("text", ["x", "ö"])
@pytest.mark.parametrize("at", [10, 200_000])
def test_single_damaged_lines_of_a_utf8_file_are_rejected_one_by_one(text: str, at: int) -> None:
    rows = [f"c{number},{text}".encode() for number in range(at + 10)]
    rows[at] = rows[at][:-1] + b"\xf6"
    found = read_csv(b"\n".join([b"id,city", *rows]))
    [(code, reason, _)] = bad_rows(found)
    place = len(rows[at].decode(errors="ignore")) + 1
    assert code == "CSV_INVALID"
    byte = "0xC3" if text == "ö" else "0xF6"
    assert (
        reason == f"line {at + 2} of rows.csv is not UTF-8 (byte {byte} at character {place}); export the file as UTF-8"
    )
    assert len(found) == len(rows)


@pytest.mark.parametrize("line", ["c1,Köln\n", "\N{GRINNING FACE}", ""])
def test_nothing_is_wrong_with_a_line_of_utf_8(line: str) -> None:
    assert lines.describe_bad_byte(line.encode()) == ""


def test_a_character_that_the_end_of_the_head_cuts_is_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "HEAD_BYTES", 6)
    assert read_csv("a,b\n1öö,2\n".encode()) == [{"a": "1öö", "b": "2"}]


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
    monkeypatch.setattr(lines, "LINE_BYTES", 100)
    assert len(read(b'{"a":"' + b"x" * 91 + b'"}\n')) == 1
    with pytest.raises(PermanentStageError, match="has a line longer than 100 bytes; export one record per line"):
        read(b'{"a":"' + b"x" * 93 + b'"}\n')


@pytest.mark.parametrize(
    ("name", "first"),
    [("rows.csv", b""), ("rows.csv", b"a,b\n1,2\n"), ("rows.jsonl", b""), ("rows.jsonl", b'{"a":1}\n')],
)
def test_a_file_that_goes_on_with_blank_lines_is_refused_soon(name: str, first: bytes) -> None:
    def endless() -> Iterator[bytes]:
        yield first
        yield from repeat(b"\n" * 65_536)

    with pytest.raises(PermanentStageError, match=r"^rows\.\w+ has more than 100000 blank lines in a row, up to line"):
        for _ in read_rows(endless(), name, Counter(), dict[str, Any]):
            pass


def test_blank_lines_between_rows_are_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_BLANK_LINES", 2)
    assert read_csv(b"a,b\n" + b"\n\n1,2\n" * 9) == [{"a": "1", "b": "2"}] * 9
