"""From the bytes of a file to its rows, in constant memory: JSON Lines or CSV, plain or gzip, in UTF-8."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

import msgspec

from handlers.runtime.contract import PermanentStageError
from handlers.runtime.sources.base import BadRow, reject_unfit
from handlers.runtime.sources.csv_rows import read_csv
from handlers.runtime.sources.lines import BlankLines, EmptyFileError, describe_bad_byte, read_lines

_CSV_NAME: Final = re.compile(r"\.csv(\.gz)?$", re.IGNORECASE)
_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# A string, also one that is not closed, or where an object begins or ends.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[{}]')
# What stands around the objects of a line: spaces, and the commas and brackets of an array.
_AROUND: Final = b" \t\r\n,[]"


def read_rows(chunks: Iterable[bytes], where: str, skipped: Counter[str], record_type: Any) -> Iterator[Any]:
    """Yield the records of a file, and a `BadRow` for each line that is none.

    A name that ends in .csv or .csv.gz is CSV, with commas and a header; any other is JSON Lines. Gzip is recognized by
    its first bytes.

    Args:
        chunks: The whole file.
        where: What to call it in messages; its end is its name.
        skipped: Gets `blankLines`, and `emptyObjects` for a header without rows.
        record_type: The type of the records; the texts of CSV become its numbers, truth values and times.

    Raises:
        PermanentStageError: The file is not UTF-8 text, its gzip is damaged, a line is longer than 16 MiB, its CSV
            header is wrong, or a quote is not closed.
        EmptyFileError: The file has no line but blank ones.
    """
    lines, blanks = read_lines(iter(chunks), where), BlankLines(where, skipped)
    if _CSV_NAME.search(where):
        return read_csv(lines, where, blanks, skipped, record_type)
    return _read_json(lines, where, blanks, record_type)


def _read_json(lines: Iterator[bytes], where: str, blanks: BlankLines, record_type: Any) -> Iterator[Any]:
    decode = msgspec.json.Decoder(record_type).decode
    number = 0
    for number, line in enumerate(lines, start=1):
        if line.isspace():
            blanks.count(number)
            continue
        try:
            record = decode(line)
        except _ERRORS as error:
            if line.lstrip().startswith(b"[") and number == blanks.total + 1:
                raise PermanentStageError(
                    f"{where} is a JSON array, not JSON Lines; export it with one object per line (jq -c '.[]')"
                ) from error
            yield from _reject_line(line, f"line {number} of {where}", record_type, error)
        else:
            yield record
    if number == blanks.total:
        raise EmptyFileError


def _reject_line(line: bytes, place: str, record_type: Any, error: Exception) -> Iterator[BadRow]:
    try:
        record = msgspec.json.decode(line, type=dict[str, Any])
    except _ERRORS as fault:
        yield from _reject_json(line, place, fault)
    else:
        yield reject_unfit(record, place, record_type, error)


def _reject_json(line: bytes, place: str, error: Exception) -> Iterator[BadRow]:
    """Yield a bad row for each object that the line holds, or one for what a carriage return alone ends."""
    parts = [part for piece in line.split(b"\r") for part in _split_objects(piece)]
    fault = describe_bad_byte(line) or f"is not a JSON object: {_describe(error)}"
    if len(parts) > 1:
        fault = f"holds {len(parts)} objects; write each on a line of its own, without commas or brackets around"
    for part in parts or [line]:
        yield BadRow("JSON_INVALID", f"{place} {fault}", part.decode(errors="replace").rstrip("\r\n"))


def _describe(error: Exception) -> str:
    return "it nests objects and lists too deeply" if isinstance(error, RecursionError) else str(error)


def _split_objects(text: bytes) -> list[bytes]:
    """Return a text in parts, one for each object and one for the rest, if it holds several objects; else whole."""
    parts = []
    start = depth = 0
    for token in _TOKEN.finditer(text):
        if token[0] == b"{":
            depth += 1
        elif token[0] == b"}" and depth:
            depth -= 1
            if not depth:
                parts.append(text[start : token.end()].strip(_AROUND))
                start = token.end()
    rest = text[start:].strip(_AROUND)
    if len(list(islice(filter(_is_object, parts), 2))) < 2:  # braces alone are no objects
        return [text] if text.strip(_AROUND) else []
    return [*parts, rest] if rest else parts


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text.decode(errors="replace")), dict)
    except (ValueError, RecursionError):
        return False
