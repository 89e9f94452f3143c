from __future__ import annotations

import csv
import gzip
import io
import json
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.runtime.contract import PermanentStageError
from handlers.runtime.sources import BadRow
from handlers.runtime.sources.lines import EmptyFileError
from handlers.runtime.sources.rows import read_rows
from tests.handlers.runtime.sources.support import Rows, bad_rows, read

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    records=st.lists(st.dictionaries(texts, st.integers(-(2**53), 2**53) | texts | st.none(), max_size=4), min_size=1),
    size=st.integers(1, 50),
    end=st.sampled_from([b"\n", b"\r\n", b"\n\n \n"]),
    packed=st.booleans(),
)
def test_json_lines_are_read_however_they_are_cut_and_packed(
    records: Rows, size: int, end: bytes, packed: bool
) -> None:
    body = end.join(json.dumps(record, ensure_ascii=False).encode() for record in records)
    assert read(gzip.compress(body) if packed else body, size=size) == records


# Without a comma: a line of a text that has as many columns as the header is refused.
csv_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0,"), max_size=20)
csv_names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n;\t|"), min_size=1, max_size=20)


def has_one_text_of_lines_at_most(values: list[str]) -> bool:
    """Between two of them stand the other columns, on a line that may look like a row: such a row is refused."""
    return sum(len(value.splitlines()) > 1 or value.endswith(("\n", "\r")) for value in values) < 2


@given(
    header=st.lists(csv_names, min_size=2, max_size=4, unique=True),
    data=st.data(),
    size=st.integers(1, 50),
    packed=st.booleans(),
)
def test_csv_is_read_however_it_is_cut_and_packed(
    header: list[str], data: st.DataObject, size: int, packed: bool
) -> None:
    row = st.lists(csv_texts, min_size=len(header), max_size=len(header)).filter(has_one_text_of_lines_at_most)
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
@pytest.mark.parametrize(
    "body", [b"", b"\n\r\n", gzip.compress(b"", mtime=0), b"\xef\xbb\xbf"], ids=["nothing", "lines", "packed", "mark"]
)
def test_a_file_without_a_line_is_told_from_one_without_rows(body: bytes, name: str) -> None:
    with pytest.raises(EmptyFileError):
        read(body, name)


def test_a_header_without_rows_and_blank_lines_are_counted() -> None:
    skipped: Counter[str] = Counter()
    assert read(b"\na,b\n\n", "rows.csv", skipped=skipped) == []
    assert skipped == {"blankLines": 2, "emptyObjects": 1}
    assert len(read(b'\n{"a":1}\n \n', skipped=skipped)) == 1
    assert len(read(b"a,b\n\n1,2\n", "rows.csv", skipped=skipped)) == 1
    assert skipped == {"blankLines": 5, "emptyObjects": 1}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"{", "is not a JSON object: Input data was truncated"),
        (b"[1]", "is not a JSON object: Expected `object`, got `array`"),
        (b"text", "is not a JSON object: JSON is malformed: invalid character (byte "),
        (b'{"a": NaN}', "is not a JSON object: JSON is malformed: invalid character (byte 6)"),
        ('{"ä": "x\udcff"}'.encode(errors="surrogateescape"), "is not UTF-8 (byte 0xFF at character 9); export the "),
        (b'{"a":' + b"[" * 100_000, "is not a JSON object: it nests objects and lists too deeply"),
    ],
    ids=["cut", "array", "text", "NaN", "no UTF-8", "deep"],
)
def test_a_line_that_is_no_json_object_is_told_and_the_next_is_read(line: bytes, fault: str) -> None:
    first, bad, last = read(b'{"a":1}\n' + line + b'\r\n{"a":2}')
    assert (first, last) == ({"a": 1}, {"a": 2})
    assert isinstance(bad, BadRow)
    assert (bad.code, bad.record) == ("JSON_INVALID", line.decode(errors="replace"))
    assert bad.reason.startswith(f"line 2 of s3://b/rows.jsonl {fault}")


@pytest.mark.parametrize("joint", [b"", b" \t", b"\r", b"\r\r", b",", b", \r"])
@pytest.mark.parametrize(("opens", "closes"), [(b"", b""), (b"[", b"]"), (b"[\r", b"\r]"), (b"", b","), (b"[[", b"")])
def test_objects_on_one_line_are_all_counted(joint: bytes, opens: bytes, closes: bytes) -> None:
    objects = [b'{"a":%d,"text":"}{\\"","in":{"b":[{}]}}' % number for number in range(1000)]
    if (joint, opens, closes) == (b"\r", b"", b""):
        objects[1:2] = [b"{cut"]
    found = read(b'{"a":0}\n' + opens + joint.join(objects) + closes + b'\n{"a":1}\n')
    reason = (
        "line 2 of s3://b/rows.jsonl holds 1000 objects; write each on a line of its own, without commas or brackets "
        "around"
    )
    assert (found[0], found[-1]) == ({"a": 0}, {"a": 1})
    assert [(code, fault, text.strip(", []")) for code, fault, text in bad_rows(found)] == [
        ("JSON_INVALID", reason, text.decode()) for text in objects
    ]


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        (b'{"a":1}{"a":2,}{"a":3}{cut', [b'{"a":1}', b'{"a":2,}', b'{"a":3}', b"{cut"]),
        (b'{"a":1} and {"a":NaN},{"a":"\xff"}', [b'{"a":1}', b'and {"a":NaN}', b'{"a":"\xff"}']),
        (b"{cut\r{cut", [b"{cut", b"{cut"]),
    ],
)
def test_what_is_no_object_beside_several_counts_too(line: bytes, parts: list[bytes]) -> None:
    assert [text for _, _, text in bad_rows(read(b'{"a":"\xc3\xb6"}\n' + line + b'\n{"a":2}\n'))] == [
        part.decode(errors="replace") for part in parts
    ]


@pytest.mark.parametrize(
    "line",
    [
        b'{"note":"Dear {name}{title}",}',
        b'{"note":"\\"{}{}",}',
        b'{"a":{"b":1},"c":[{"d":2},{"e":3}],}',
        b'{"a":1},',
        b'{"a":1}, {"a":',
        b"Dear {name}, {title}",
        b'"{}{}"',
        b'{"a":[{},{}',
        b"[{}]",
        b"}{",
        pytest.param(b"{" * 100_000 + b"}" * 100_000, id="deep"),
        pytest.param(b'"' + b'\\"' * 1_000_000, id="a string without end"),
        b"[]",
    ],
)
def test_a_line_without_several_complete_objects_is_one_bad_line(line: bytes) -> None:
    [(_, reason, text)] = bad_rows(read(b'{"a":1}\n' + line + b"\n"))
    assert reason.startswith("line 2 of s3://b/rows.jsonl is not a JSON object: ")
    assert text == line.decode()


def test_a_json_array_is_refused_as_one() -> None:
    message = r"^rows.json is a JSON array, not JSON Lines; export it with one object per line \(jq -c '\.\[\]'\)$"
    with pytest.raises(PermanentStageError, match=message):
        read(b'\n [{"a":1},\n{"a":2}]\n', "rows.json")


GOOD = [b'{"a":1}', b'{"a":"\xc3\xb6"}']
BAD = [b"{", b"1", b'{"a":"\xff"}', b'{"a":1},']


@given(
    lines=st.lists(st.sampled_from([*GOOD, *BAD, b"", b" "]), max_size=300),
    size=st.integers(1, 64),
    end=st.sampled_from([b"\n", b"\r\n"]),
)
def test_no_json_line_is_lost_uncounted(lines: list[bytes], size: int, end: bytes) -> None:
    skipped: Counter[str] = Counter()
    # The first line shows that the file is UTF-8.
    found = read(end.join([GOOD[1], *lines]) + end, size=size, skipped=skipped)
    assert len(found) + skipped["blankLines"] == 1 + len(lines)
    assert len(bad_rows(found)) == sum(lines.count(line) for line in BAD)


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
        assert sum(1 for _ in read_rows(pack(lines), name, Counter(), dict[str, Any])) == lines - (name == "rows.csv")
        high = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return high

    assert peak(40_000) < 1.1 * peak(20_000)
