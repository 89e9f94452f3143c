"""A stage document, read by ranges of bytes; each worker finds the lines that are its own."""

import json
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from typing import Any

import boto3  # type: ignore[import-untyped]  # boto3 ships no types

from lib.errors import JobError
from lib.piece import Piece, read_piece

RANGE_BYTES = 16 * 1024 * 1024  # what a worker holds of a document at once, at least
RANGES_MAX = 9000  # an upload has at most 10,000 parts
EDGE_BYTES = 64 * 1024  # the longest header, and the longest footer


def open_document(s3: Any, bucket: str, key: str) -> tuple[Piece, int]:
    """Return where the records of a stage document stand and how many there should be, from its header and footer."""
    answer = s3.get_object(Bucket=bucket, Key=key)
    head, size = answer["Body"].read(EDGE_BYTES), answer["ContentLength"]
    answer["Body"].close()
    if not size:
        raise malformed("it is empty")
    tail = read_piece(s3, Piece(bucket, key, answer["ETag"], max(0, size - EDGE_BYTES), size))
    header, (_, newline, footer) = head.partition(b"\n")[0], tail.removesuffix(b"\n").rpartition(b"\n")
    if not newline or not footer.startswith(b"],"):
        raise malformed("its last line is not a footer (`],...`): it was cut short, or text follows the footer")
    if not header.endswith(b',"data":['):
        raise malformed('its first line does not end in `,"data":[` within 64 KiB')
    try:
        named = json.loads(header + b"]}")
        count = json.loads(b"{" + footer[2:])["metadata"]["outputRecordCount"]
    except (ValueError, KeyError, TypeError) as error:
        raise malformed(f"its header or footer is wrong: {error!r}") from error
    if key != (own := f"executions/{named.get('executionId')}/{named.get('stage')}/output.json"):
        raise JobError(f"the input is the document of {own}, copied to {key}; put there what this execution wrote")
    last = size - len(footer) - tail.endswith(b"\n")
    return Piece(bucket, key, answer["ETag"], len(header) + 1, last), count


def read_range(document: Piece, width: int, begin: int) -> Iterator[tuple[int, str]]:
    """Yield place and text of the records that begin in a range; raises JobError at one that is wrong."""
    decode = json.JSONDecoder(parse_constant=int).decode  # int refuses NaN and Infinity
    for position, line in read_lines(document, width, begin):
        is_last = position + len(line) + 1 == document.last
        try:
            text = line.removesuffix(b",").decode().strip(" \t")
            if not isinstance(decode(text), dict) or line.endswith(b",") == is_last or "\r" in text:
                raise ValueError
        except ValueError:
            raise malformed(
                f"expected at byte {position} a JSON object, a comma (unless it is the last) and LF"
            ) from None
        yield position, text


def read_lines(document: Piece, width: int, begin: int) -> Iterator[tuple[int, bytes]]:
    """Yield place and content of the lines of a document that begin in a range; only LF ends a line."""
    read = partial(read_piece, boto3.client("s3"))
    # A line begins after an LF. So read the byte before the range, too, and skip the end of the line before it.
    at, end = max(document.first, begin - 1), min(begin + width, document.last)
    data = read(document._replace(first=at, last=end))
    skip = data.find(b"\n") + 1 or len(data) if begin > document.first else 0
    if at + skip >= end:
        return
    while not data.endswith(b"\n"):
        reached = at + len(data)
        more = read(document._replace(first=reached, last=min(reached + EDGE_BYTES, document.last)))
        data += more[: more.find(b"\n") + 1 or None]
    lines = BytesIO(data)
    at += lines.seek(skip)
    for line in lines:
        yield at, line[:-1]
        at += len(line)


def range_bytes(size: int) -> int:
    return max(RANGE_BYTES, -(-size // RANGES_MAX))


def count_lines(document: Piece, width: int, begin: int) -> int:
    return sum(1 for _ in read_lines(document, width, begin))


def malformed(fault: str) -> JobError:
    return JobError(f"the input is not a stage document: {fault}; correct the stage that wrote it")
