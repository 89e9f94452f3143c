from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.runtime import document
from handlers.runtime.contract import PermanentStageError
from handlers.runtime.document import (
    EDGE_BYTES,
    CopiedHeader,
    Header,
    encode_document,
    read_footer,
    read_header,
    read_records,
)

WHERE = "s3://bucket/executions/e/S/output.json"
HEADER = Header(execution_id="e", stage="S", started_at="2026-01-02T03:04:05Z")
START = b'{"executionId":"e","stage":"S","startedAt":"2026-01-02T03:04:05Z","data":['
TWO = START + b'\n{"a":1},\n{"a":2}\n],"metadata":{"outputRecordCount":2}}\n'
EMPTY = START + b'\n],"metadata":{"outputRecordCount":0}}\n'

# What a JSON string may hold: all of Unicode but lone surrogates.
texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
records_of_any_kind = st.lists(st.dictionaries(texts, values, max_size=4), max_size=8)


def encode(records: list[Any]) -> bytes:
    return b"".join(encode_document(HEADER, records, lambda count: {"outputRecordCount": count}))


def read(body: bytes, chunks: list[bytes] | None = None, kind: Any = dict) -> list[Any]:
    count = read_footer(body[-EDGE_BYTES:], WHERE)
    return list(read_records(chunks or [body], msgspec.json.Decoder(kind), count=count, where=WHERE))


def cut(body: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


def test_a_document_has_one_record_per_line_between_header_and_footer() -> None:
    assert encode([{"a": 1}, {"a": 2}]) == TWO


def test_a_document_without_records_has_a_header_and_a_footer() -> None:
    assert encode([]) == EMPTY
    assert read(EMPTY) == []


def test_a_document_of_many_blocks_is_written_in_blocks() -> None:
    blocks = list(
        encode_document(HEADER, ({"n": n} for n in range(20_000)), lambda count: {"outputRecordCount": count})
    )
    assert len(blocks) > 2
    assert all(len(block) < 2 * document.BLOCK_BYTES for block in blocks)
    assert read(b"".join(blocks)) == [{"n": n} for n in range(20_000)]


def test_records_are_pulled_only_as_they_are_written() -> None:
    pulled = []

    def source() -> Iterator[dict[str, str]]:
        for number in range(10):
            pulled.append(number)
            yield {"text": "x" * document.BLOCK_BYTES}

    next(encode_document(HEADER, source(), lambda count: {"outputRecordCount": count}))
    assert pulled == [0]


def test_what_came_before_an_error_has_been_taken() -> None:
    taken: list[Any] = []

    def source() -> Iterator[dict[str, int]]:
        yield from ({"n": number} for number in range(100))
        raise KeyError

    with pytest.raises(KeyError):
        list(encode_document(HEADER, source(), lambda count: {"outputRecordCount": count}, taken=taken.extend))
    assert taken == [{"n": number} for number in range(100)]


@pytest.mark.parametrize("lines", [b'{"a":1},{"a":2},\n', b'{"a":1},\n\n{"a":2},\n'])
def test_records_that_do_not_stand_one_on_each_line_are_refused_also_in_a_large_block(lines: bytes) -> None:
    begin, end = START + b"\n" + b'{"a":0},\n' * 100 + lines, b'{"a":3}\n],"metadata":{"outputRecordCount":103}}\n'
    with pytest.raises(PermanentStageError, match=r"record 10[12] "):
        read(begin + end, [begin, end])


@given(records=records_of_any_kind, places=st.lists(st.integers(0, 2**16), max_size=6))
def test_records_come_back_as_written_however_the_document_is_cut_into_chunks(
    records: list[dict[str, Any]], places: list[int]
) -> None:
    body = encode(records)
    assert read(body, cut(body, places)) == records
    parsed = json.loads(body)
    assert parsed["data"] == records
    assert (parsed["executionId"], parsed["stage"], list(parsed)) == (
        "e",
        "S",
        ["executionId", "stage", "startedAt", "data", "metadata"],
    )


@settings(max_examples=1000)
@given(place=st.integers(0, len(TWO) - 1), byte=st.integers(0, 255))
def test_a_changed_byte_never_gives_other_records_than_a_json_parser_reads(place: int, byte: int) -> None:
    body = TWO[:place] + bytes([byte]) + TWO[place + 1 :]
    try:
        records = read(body)
    except PermanentStageError:
        return
    assert records == json.loads(body)["data"]


@given(length=st.integers(0, len(TWO) - 2))
def test_a_document_cut_short_is_refused(length: int) -> None:
    with pytest.raises(PermanentStageError, match="is not a stage document"):
        read(TWO[:length])


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        pytest.param(b"", "it is empty", id="no bytes"),
        pytest.param(b"\n", "not a footer", id="a line break alone"),
        pytest.param(b'{"data":[]}', "not a footer", id="JSON on one line"),
        pytest.param(START + b'\n{"a":1}\n', "not a footer", id="not a footer"),
        pytest.param(START + b'\n{"a":1}\n]}\n', "not a footer", id="a footer without metadata"),
        pytest.param(TWO + b"\n", "not a footer", id="an empty line after the footer"),
        pytest.param(TWO + b"{}\n", "not a footer", id="a record after the footer"),
        pytest.param(TWO + TWO, "follows its footer", id="two documents"),
        pytest.param(b"\xef\xbb\xbf" + TWO, "byte-order mark", id="a byte-order mark"),
        pytest.param(TWO.replace(b"\n", b"\r\n"), "carriage return", id="CRLF"),
        pytest.param(TWO.replace(b"1}", b"1\r}"), "record 1 contains a carriage return", id="CR in a record"),
        pytest.param(
            TWO.replace(b'"data":[\n', b'"data":[\r\n'), "its first line does not end", id="CR after the header"
        ),
        pytest.param(
            TWO.replace(b'"stage":', b'\r"stage":'), "the first line contains a carriage", id="CR in the header"
        ),
        pytest.param(TWO.replace(b"},\n", b"}\n"), "record 1 lacks the comma", id="no comma"),
        pytest.param(TWO.replace(b"2}\n", b"2},\n"), "the last, ends in a comma", id="a comma too many"),
        pytest.param(TWO.replace(b'{"a":2}', b""), r"record 2 \(line 3\) is wrong", id="an empty line"),
        pytest.param(TWO.replace(b'{"a":2}', b'{"a":2'), "record 2", id="a record that is not JSON"),
        pytest.param(TWO.replace(b'{"a":2}', b"[2]"), "Expected `object`", id="a record that is no object"),
        pytest.param(TWO.replace(b'{"a":1}', b'{"a":1},{"a":3}'), "record 1", id="two records on a line"),
        pytest.param(TWO.replace(b"1}", b"NaN}"), "record 1", id="NaN"),
        pytest.param(TWO.replace(b"1}", b"1e999}"), "out of range", id="a number without end"),
        pytest.param(TWO.replace(b"1}", b'"\xff"}'), "record 1 is not UTF-8", id="bad UTF-8"),
        pytest.param(TWO.replace(b"1}", b'"\\ud800"}'), "record 1", id="a lone surrogate"),
        pytest.param(TWO.replace(b":2}}", b":3}}"), "states 3 records but there are 2", id="a count too high"),
        pytest.param(TWO.replace(b":2}}", b":1}}"), "states 1 records but there are 2", id="a count too low"),
        pytest.param(TWO.replace(b":2}}", b":-2}}"), "its footer is wrong", id="a negative count"),
        pytest.param(TWO.replace(b":2}}", b':"2"}}'), "its footer is wrong", id="a count that is text"),
        pytest.param(TWO.replace(b'"outputRecordCount":2', b""), "outputRecordCount", id="no count"),
        pytest.param(TWO.replace(b"2}}", b'2},"data":[]}'), "unknown field `data`", id="data again in the footer"),
        pytest.param(TWO.replace(b"2}}", b"2}}\xff"), "the footer is not UTF-8", id="bad UTF-8 in the footer"),
        pytest.param(TWO.replace(b'"S"', b'"\xff"'), "the first line is not UTF-8", id="bad UTF-8 in the header"),
        pytest.param(
            TWO.replace(b'"stage":"S"', b'"stage":"S","stage":"S"'), "its first line has the keys", id="a key twice"
        ),
        pytest.param(
            TWO.replace(b'"stage":"S"', b'"stage":"S","x":1'), "startedAt, x; it must have", id="an unknown key"
        ),
        pytest.param(TWO.replace(b'"stage":"S",', b""), "its first line is wrong", id="a missing key"),
        pytest.param(TWO.replace(b'"stage":"S"', b'"stage":1'), "Expected `str`", id="a stage that is no text"),
        pytest.param(TWO.replace(b'"stage"', b'"stage'), "its first line is wrong", id="a header that is not JSON"),
        pytest.param(TWO.replace(b'"data":[', b'"data": ['), "does not end in", id="a blank in the header"),
        pytest.param(
            TWO.replace(b'"S"', b'"' + b"S" * EDGE_BYTES + b'"'), "within 64 KiB", id="a header of more than 64 KiB"
        ),
    ],
)
def test_a_broken_document_is_refused_with_its_fault(body: bytes, fault: str) -> None:
    for chunks in ([body], [body[n : n + 1] for n in range(min(len(body), 5000))] + [body[5000:]]):
        with pytest.raises(PermanentStageError, match=fault) as refusal:
            read(body, chunks)
        assert str(refusal.value).startswith(f"{WHERE} is not a stage document: ")


def test_the_first_line_of_a_document_may_have_exactly_64_kib() -> None:
    longest = START.replace(b'"S"', b'"' + b"S" * (EDGE_BYTES - len(START) + 1) + b'"')
    assert len(longest) == EDGE_BYTES
    assert read(longest + TWO.removeprefix(START)) == [{"a": 1}, {"a": 2}]
    with pytest.raises(PermanentStageError, match="within 64 KiB"):
        read(longest.replace(b"SS", b"SSS", 1) + TWO.removeprefix(START))


def test_a_footer_or_line_separator_inside_a_string_is_harmless() -> None:
    records = [{"text": '],"metadata":{"outputRecordCount":0}}'}, {"text": "\n]\u2028\r"}]
    assert read(encode(records)) == records


def test_a_document_that_ends_while_it_is_read_is_refused() -> None:
    records = read_records([TWO[: TWO.index(b"\n]")]], msgspec.json.Decoder(dict), count=2, where=WHERE)
    with pytest.raises(PermanentStageError, match="it ends without a footer"):
        list(records)


@pytest.mark.parametrize("size", [10, 2000])
@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'{"a":"x"},', "record 300 of s3://bucket/executions/e/S/output.json is not of type dict: Expected `int`"),
        (b'{"a":1}', "record 300 lacks the comma"),
        (b'{"a":1},{"a":2},', "record 300 (line 301) is wrong"),
        (b"", "record 300 (line 301) is wrong"),
        (b'{"a":1},\r', "record 300 contains a carriage return"),
        (b'{"a":"\xff"},', "record 300 is not UTF-8"),
        (b"],", "record 299, the last, ends in a comma"),
    ],
)
def test_a_fault_among_many_records_is_named_however_many_are_read_at_once(line: bytes, fault: str, size: int) -> None:
    records = b"\n".join([b'{"a":1},'] * 299 + [line] + [b'{"a":1},'] * 299)
    body = START + b"\n" + records + b'\n{"a":1}\n],"metadata":{"outputRecordCount":600}}\n'
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    with pytest.raises(PermanentStageError, match=re.escape(fault)):
        read(body, chunks, dict[str, int])


def test_the_last_line_break_may_be_missing() -> None:
    assert read(TWO[:-1]) == [{"a": 1}, {"a": 2}]


def test_a_record_of_10_mb_is_read() -> None:
    records = [{"text": "x" * 10_000_000}, {"text": "y"}]
    body = encode(records)
    assert read(body, [body[n : n + 65536] for n in range(0, len(body), 65536)]) == records


@pytest.mark.parametrize("size", [65536, 10**9])
def test_a_line_that_is_longer_than_the_limit_is_refused(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "RECORD_BYTES", 200_000)
    body = encode([{"text": "x" * 200_000}])
    with pytest.raises(PermanentStageError, match="a line is longer than 200000 bytes"):
        read(body, [body[n : n + size] for n in range(0, len(body), size)])


@pytest.mark.parametrize("number", [1, 300, 599])
def test_a_byte_that_is_not_utf_8_is_found_among_many_records_in_a_field_that_is_not_read(number: int) -> None:
    class Typed(msgspec.Struct):
        a: int

    lines = [b'{"a":1,"other":"x"},'] * 599
    lines[number - 1] = b'{"a":1,"other":"\xff"},'
    body = START + b"\n" + b"\n".join(lines) + b'\n{"a":1}\n],"metadata":{"outputRecordCount":600}}\n'
    with pytest.raises(PermanentStageError, match=f"record {number} is not UTF-8"):
        read(body, [body[start : start + 2000] for start in range(0, len(body), 2000)], kind=Typed)


def test_a_record_of_the_wrong_type_is_refused_with_its_place() -> None:
    class Typed(msgspec.Struct):
        a: str

    with pytest.raises(PermanentStageError) as refused:
        read(TWO, kind=Typed)
    assert str(refused.value) == (
        f"record 1 of {WHERE} is not of type Typed: Expected `str`, got `int` - at `$.a`; correct the stage that wrote "
        "it, or the `record_type` of this one"
    )


def test_metadata_that_a_reader_would_not_take_is_not_written() -> None:
    with pytest.raises(PermanentStageError, match="at most 65536 are allowed"):
        list(encode_document(HEADER, [], lambda count: {"outputRecordCount": count, "x": "y" * EDGE_BYTES}))


def test_metadata_of_exactly_64_kib_is_written_and_read() -> None:
    def pad(more: int) -> bytes:
        padding = "y" * (EDGE_BYTES - len(b'\n],"metadata":{"outputRecordCount":0,"x":""}}\n') + more)
        return b"".join(encode_document(HEADER, [], lambda count: {"outputRecordCount": count, "x": padding}))

    assert len(pad(0)) == len(START) + EDGE_BYTES
    assert read(pad(0)) == []
    with pytest.raises(PermanentStageError, match="is 65537 bytes long, at most 65536 are allowed"):
        pad(1)


COPY = (
    b'{"executionId":"e-replay-1","stage":"S","startedAt":"2026-01-02T03:04:05Z","copiedFrom":"e","skip":["S"],"data":['
)


def test_the_first_line_of_a_copy_names_its_original_and_the_stages_to_skip() -> None:
    header = CopiedHeader(
        execution_id="e-replay-1", stage="S", started_at="2026-01-02T03:04:05Z", copied_from="e", skip=("S",)
    )
    assert next(encode_document(header, [], lambda _: {})).startswith(COPY)
    assert read_header(COPY, WHERE, ("e-replay-1", "S")) == header
    assert read(COPY + TWO.removeprefix(START)) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (COPY.replace(b"-replay-1", b""), "says that it is a copy"),
        (COPY.replace(b'["S"]', b'["T"]'), "says that it is a copy"),
        (COPY.replace(b',"skip":["S"]', b""), "it must have"),
        (COPY.replace(b',"copiedFrom":"e"', b""), "it must have"),
        (COPY.replace(b'["S"]', b"[]"), "its first line is wrong"),
        (COPY.replace(b'["S"]', b"null"), "its first line is wrong"),
        (COPY.replace(b'"e",', b"null,"), "its first line is wrong"),
        (COPY.replace(b'"skip"', b'"skip":["S"],"skip"'), "it must have"),
        (COPY.replace(b'"skip"', b'"more":1,"skip"'), "it must have"),
    ],
)
def test_a_first_line_that_is_half_a_copy_is_refused(line: bytes, reason: str) -> None:
    with pytest.raises(PermanentStageError, match=reason):
        read(line + TWO.removeprefix(START))
