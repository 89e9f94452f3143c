"""From the bytes of a file to its rows, in constant memory: JSON Lines or CSV, plain or gzip, in UTF-8."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

import msgspec

from handlers.runtime.contract import PermanentStageError
from handlers.runtime.sources.base import BadRow

# At most this much is in memory at once.
LINE_BYTES: Final = 16 * 1024 * 1024

_GZIP_MAGIC: Final = b"\x1f\x8b"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_CSV_NAME: Final = re.compile(r"\.csv(\.gz)?$", re.IGNORECASE)


def read_rows(chunks: Iterable[bytes], where: str) -> Iterator[dict[str, Any] | BadRow]:
    """Yield the records and the bad rows of a file.

    A name that ends in .csv or .csv.gz is CSV, with commas and a header; any other is JSON Lines. Gzip is recognized by
    its first bytes. Empty lines are skipped.

    Args:
        chunks: The whole file.
        where: What to call it in messages; its end is its name.

    Raises:
        PermanentStageError: The gzip file is damaged, a line is longer than 16 MiB, or the CSV header is wrong.
    """
    lines = _read_lines(_open(iter(chunks)), where)
    return _read_csv(lines, where) if _CSV_NAME.search(where) else _read_json(lines, where)


def _open(chunks: Iterator[bytes]) -> io.BufferedIOBase:
    head = b""
    while len(head) < len(_GZIP_MAGIC) and (chunk := next(chunks, None)) is not None:
        head += chunk
    plain = io.BufferedReader(_ChunkReader(chain([head], chunks)))
    return gzip.GzipFile(fileobj=plain) if head.startswith(_GZIP_MAGIC) else plain


class _ChunkReader(io.RawIOBase):
    """Chunks as a file to read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            if (chunk := next(self._chunks, None)) is None:
                return 0
            self._rest = chunk
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def _read_lines(stream: io.BufferedIOBase, where: str) -> Iterator[bytes]:
    """Yield lines with their ends, without a byte-order mark before the first."""
    mark = _BYTE_ORDER_MARK
    try:
        while line := stream.readline(LINE_BYTES + 1):
            if len(line) > LINE_BYTES:
                raise PermanentStageError(
                    f"{where} has a line longer than {LINE_BYTES} bytes; export one record per line"
                )
            yield line.removeprefix(mark)
            mark = b""
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise PermanentStageError(f"{where} is not a complete gzip file: {error}; export it again") from error


def _read_json(lines: Iterator[bytes], where: str) -> Iterator[dict[str, Any] | BadRow]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for number, line in enumerate(lines, start=1):
        if not line or line.isspace():
            continue
        try:
            record = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reason = f"line {number} of {where} is not a JSON object: {error}"
            yield BadRow("JSON_INVALID", reason, line.decode(errors="replace").rstrip("\r\n"))
        else:
            yield record


def _read_csv(lines: Iterator[bytes], where: str) -> Iterator[dict[str, Any] | BadRow]:
    """Yield rows as texts by the names in the header; a field has at most 128 KiB (the limit of `csv`)."""
    raw: list[str] = []

    def decode() -> Iterator[str]:
        for line in lines:
            # A surrogate stands for a byte that is not UTF-8, so that the reader goes on behind it.
            raw.append(line.decode(errors="surrogateescape"))
            yield raw[-1]

    reader = csv.reader(decode(), strict=True)
    header = _read_header(reader, where)
    while True:
        raw.clear()
        try:
            row = next(reader, None)
            if row is None:
                return
            "".join(row).encode()
        except (csv.Error, UnicodeEncodeError) as error:
            yield _bad_csv("CSV_INVALID", f"line {reader.line_num} of {where} is wrong: {error}", raw)
            continue
        if not row:
            continue
        if len(row) == len(header):
            yield dict(zip(header, row, strict=True))
        else:
            reason = f"line {reader.line_num} of {where} has {len(row)} columns, its header has {len(header)}"
            yield _bad_csv("CSV_COLUMNS", reason, raw)


def _read_header(reader: Iterator[list[str]], where: str) -> list[str]:
    try:
        header = next(filter(None, reader), [])
        "".join(header).encode()
    except (csv.Error, UnicodeEncodeError) as error:
        raise PermanentStageError(f"{where} has no CSV header: {error}; name the columns in its first line") from error
    if "" in header or len(set(header)) < len(header):
        raise PermanentStageError(
            f"{where} has a CSV header with empty or repeated names; give each column a name of its own"
        )
    return header


def _bad_csv(code: str, reason: str, raw: list[str]) -> BadRow:
    text = "".join(raw).encode(errors="surrogateescape").decode(errors="replace")
    return BadRow(code, reason, text.rstrip("\r\n"))
