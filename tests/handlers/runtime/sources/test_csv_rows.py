from __future__ import annotations

import csv
import re
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handlers.runtime.contract import PermanentStageError
from handlers.runtime.sources import BadRow
from tests.handlers.runtime.sources.support import bad_rows, read, read_csv

TWICE = 'has text after a closing quote; write a quote inside quotes twice ("")'
HIDDEN = (
    "holds lines inside quotes that look like rows; close the quote in line {}, or, if they are text, export them "
    "without line breaks or as JSON Lines"
)


@pytest.mark.parametrize(
    ("row", "code", "fault"),
    [
        (b"1", "CSV_COLUMNS", "has 1 columns, the header has 2"),
        (b"1,2,3", "CSV_COLUMNS", "has 3 columns, the header has 2"),
        (b" ", "CSV_COLUMNS", "has 1 columns, the header has 2"),
        (b'1,"2"2', "CSV_INVALID", TWICE),
        (b"1,\xff", "CSV_INVALID", "is not UTF-8 (byte 0xFF at character 3); export the file as UTF-8"),
        (b"1," + b"x" * 131_073, "CSV_INVALID", "has a field longer than 128 KiB"),
        (b'"1","' + b"x" * 131_073 + b'"', "CSV_INVALID", "has a field longer than 128 KiB"),
    ],
)
def test_a_row_that_does_not_fit_is_told_and_the_next_is_read(row: bytes, code: str, fault: str) -> None:
    first, bad, last = read_csv(b"a,b\n1,2\n" + row + b"\r\n3,4")
    assert (first, last) == ({"a": "1", "b": "2"}, {"a": "3", "b": "4"})
    assert bad == BadRow(code, f"line 3 of rows.csv {fault}", row.decode(errors="replace"))


def test_a_carriage_return_alone_ends_a_line_of_its_own() -> None:
    found = read_csv(b"a,b\n1,2\r3,4\r5,6\n7,8\n")
    reason = "line 2 of rows.csv has a carriage return (CR) that ends no line; end lines with LF or CRLF"
    assert bad_rows(found) == [("CSV_INVALID", reason, text) for text in ("1,2", "3,4", "5,6")]
    assert found[-1] == {"a": "7", "b": "8"}


def test_a_row_of_two_lines_says_where_its_quote_opens() -> None:
    *_, (_, last, _) = bad_rows(read_csv(b'a,b\n1,2\n1,"x\n"y\n3,4\n'))
    assert last == f"line 4 of rows.csv belongs to the row of lines 3 to 4, which {TWICE}; its quote opens in line 3"


@pytest.mark.parametrize(
    ("rows", "code", "fault"),
    [
        (b'1,"x\n\n"y', "CSV_INVALID", f"{TWICE}; its quote opens in line 3"),
        (b'"1\n1","x\n"y', "CSV_INVALID", f"{TWICE}; its quote opens in line 4"),
        (b'1,"x\ny\nz",3', "CSV_COLUMNS", "has 3 columns, the header has 2"),
        (b'1,"x\n\xff\nz"', "CSV_INVALID", "is not UTF-8 (byte 0xFF at character 1); export the file as UTF-8"),
        (b'1,"x\n2,y\n3,z"', "CSV_QUOTED_ROWS", HIDDEN.format(3)),
    ],
)
def test_a_bad_row_of_several_lines_counts_as_so_many(rows: bytes, code: str, fault: str) -> None:
    found = read_csv(b"a,b\n1,2\n" + rows + b"\n3,4\n")
    assert (found[0], found[-1]) == ({"a": "1", "b": "2"}, {"a": "3", "b": "4"})
    assert bad_rows(found) == [
        (code, f"line {number} of rows.csv belongs to the row of lines 3 to 5, which {fault}", line)
        for number, line in enumerate(rows.decode(errors="replace").split("\n"), start=3)
    ]


@pytest.mark.parametrize(
    ("rows", "line", "limit"),
    [
        (b'1,"2\n' + b"3,4\n" * 20, 2, "by the end of the file"),
        (b'1,2\n3,"4', 3, "by the end of the file"),
        (b'1,"2\n2"\n"3\n3","4\n' + b"5,6\n" * 20, 5, "by the end of the file"),
        (b'1,"2\n' + b"3,4\n" * 100_000, 2, "within 128 KiB"),
        (b'"1\n1","2\n' + b"3,4\n" * 100_000, 3, "within 128 KiB"),
        (b'1,"' + b"x" * 131_073 + b"\n3,4\n", 2, "within 128 KiB"),
        (b'x","y\n' * 1_000_000, 174_763, "within 1024 KiB"),
    ],
    ids=["end", "last line", "second quote", "field", "second field", "long line", "fields"],
)
def test_a_quote_that_is_never_closed_fails_permanently_and_names_its_line(rows: bytes, line: int, limit: str) -> None:
    with pytest.raises(PermanentStageError) as refused:
        read_csv(b"a,b\n" + rows)
    assert str(refused.value) == (
        f"the quote that opens in line {line} of rows.csv is not closed {limit}; close it, or write it twice "
        '("") if it is text, and export the file again'
    )


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("1 Main Street\nSpringfield, IL", "id,address,total,day"),
        ("Hello,\nthanks, all is well\n\nBye", "id,comment"),
        ("Hello\r\nthanks, all is well\r\n\r\nBye", "comment,id"),
        ("eggs, milk\nbread, butter, tea", "id,comment,day"),
        ('she said ""hi""\n""twice""', "id,comment"),
        ("a\nb", "id,comment"),
        ("\n", "comment,id"),
    ],
)
def test_text_with_line_breaks_is_read(text: str, header: str) -> None:
    names = header.split(",")
    values = [f'"{text}"' if name in ("address", "comment") else "1" for name in names]
    expected = [text.replace('""', '"') if name in ("address", "comment") else "1" for name in names]
    body = "\n".join([header, ",".join(values), ",".join("2" for _ in names)])
    assert read_csv(body.encode()) == [dict(zip(names, row, strict=True)) for row in (expected, ["2"] * len(names))]


WIDTH = 4
values = st.sampled_from(["", "c1", "x y", "2026-01-01", "5"])
plain_rows = st.lists(values, min_size=WIDTH, max_size=WIDTH).map(",".join)


@given(
    above=st.lists(plain_rows, max_size=3),
    below=st.lists(plain_rows, max_size=3),
    swallowed=st.lists(plain_rows, max_size=400),
    column=st.integers(0, WIDTH - 1),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_no_row_hides_between_two_stray_quotes(
    above: list[str], below: list[str], swallowed: list[str], column: int, end: str
) -> None:
    opens, closes = ["c", "o", "5", "d"], ["c", "o", "5", "d"]
    opens[column] = '"' + opens[column]
    closes[column] += '"'
    middle = [",".join(opens), *swallowed, ",".join(closes)]
    found = read_csv(end.join(["id,kind,total,day", *above, *middle, *below]).encode())
    assert [(code, text) for code, _, text in bad_rows(found)] == [("CSV_QUOTED_ROWS", line) for line in middle]
    assert len(found) == len(above) + len(middle) + len(below)


def test_rows_with_spaces_after_commas_do_not_hide_if_the_header_has_them() -> None:
    found = read_csv(b'id, kind, day\n"c1, order, 1\nc2, order, 2\nc3", order, 3\n')
    assert len(bad_rows(found)) == 3


def test_a_field_with_line_breaks_is_refused_where_every_line_is_a_row() -> None:
    assert [code for code, _, _ in bad_rows(read_csv(b'id\n"c1\nc2"\nc3\n'))] == ["CSV_QUOTED_ROWS"] * 2


def count_lines(text: bytes) -> int:
    """How many lines a file has; a carriage return alone ends one, too, but before LF it belongs to that."""
    lines = text.removesuffix(b"\n").split(b"\n")
    return sum(len(line.rstrip(b"\r").split(b"\r")) for line in lines)


LINE_BREAK = re.compile(r"\r*\n|\r")
pieces = st.sampled_from(
    [b'"', b'""', b",", b"\n", b"\r\n", b"\r", b"a", b"\xc3\xb6", b"\xff", b"1,2\n", b'"1","2"\n', b"1,2\n" * 300]
)


@given(pieces=st.lists(pieces, max_size=40), size=st.integers(1, 1000))
@example(pieces=[b'1,"2\n', b"1,2\n" * 300, b'1,2"\n'], size=7)
@example(pieces=[b'"\n\n1"', b",2\n"], size=1)
def test_no_line_is_lost_uncounted(pieces: list[bytes], size: int) -> None:
    # The first row shows that the file is UTF-8.
    body = b"a,b\n\xc3\xb6,2\n" + b"".join(pieces)
    skipped: Counter[str] = Counter()
    try:
        found = read(body, "rows.csv", size, skipped)
    except PermanentStageError as error:
        unclosed = str(error)
    else:
        unclosed = ""
        records = [row for row in found if isinstance(row, dict)]
        of_records = sum(1 + len(LINE_BREAK.findall("".join(map(str, row.values())))) for row in records)
        assert count_lines(body) == 1 + of_records + len(bad_rows(found)) + skipped["blankLines"]
    assert not unclosed or " is not closed " in unclosed


@pytest.mark.parametrize("header", ['a,"b;c;d"', "a,b;c,d", '"a""|",b', "{a},b"])
def test_names_may_hold_other_separators_in_quotes_or_fewer_of_them_than_commas(header: str) -> None:
    [names] = csv.reader([header])
    body = "\n".join([header, ",".join("1" for _ in names)])
    assert read_csv(body.encode()) == [dict.fromkeys(names, "1")]


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        (b"a,a", "has a CSV header with empty or repeated names; give each column a name of its own"),
        (b"a,", "has a CSV header with empty or repeated names; give each column a name of its own"),
        (b"a;b;c", "separates its columns by semicolons; export it as CSV with commas"),
        (b"a\tb", "separates its columns by tabs; export it as CSV with commas"),
        (b"a|b", "separates its columns by bars; export it as CSV with commas"),
        (b'"a";"b"', "separates its columns by semicolons; export it as CSV with commas"),
        (b'"a,b"\t"c"', "separates its columns by tabs; export it as CSV with commas"),
        (b'a|"b', "separates its columns by bars; export it as CSV with commas"),
        (
            b"a;b,c",
            "separates its columns by semicolons; export it as CSV with commas, or put names that hold semicolons in "
            "quotes",
        ),
        (b'{"a":1,"b":2}', "holds JSON, not CSV; give JSON Lines a name that ends in .jsonl"),
        (b' [ {"a":1}]', "holds JSON, not CSV; give JSON Lines a name that ends in .jsonl"),
        (b"[", "holds JSON, not CSV; give JSON Lines a name that ends in .jsonl"),
        (b"sep=,", "begins with a line for Excel (sep=); export it without that line"),
        (b"sep=;", "begins with a line for Excel (sep=); export it without that line"),
        (
            b"a,\xc3\xb6\xff",
            "has no CSV header: line 2 is not UTF-8 (byte 0xFF at character 4); export the file as UTF-8",
        ),
        (b'"a', "has no CSV header: line 2 has a quote that is not closed; name the columns in one line"),
        (b'a,"b\nc",d', "has no CSV header: line 2 has a quote that is not closed; name the columns in one line"),
        (b'"a"b', f"has no CSV header: line 2 {TWICE}; name the columns in one line"),
    ],
)
def test_a_file_without_a_header_is_refused(header: bytes, fault: str) -> None:
    with pytest.raises(PermanentStageError) as refused:
        read_csv(b"\n" + header + b"\n1,2\n")
    assert str(refused.value) == f"rows.csv {fault}"
