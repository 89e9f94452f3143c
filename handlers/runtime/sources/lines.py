"""From the bytes of a file to its lines, in constant memory; what is not UTF-8 text is told by what it is."""

import codecs
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from handlers.runtime.contract import PermanentStageError

# At most this much is in memory at once.
LINE_BYTES: Final = 16 * 1024 * 1024
# What a file is judged by.
HEAD_BYTES: Final = 64 * 1024
# More of them in a row are no rows of an export: packed with gzip, a hundred million take 100 KB.
MAX_BLANK_LINES: Final = 100_000

_GZIP: Final = b"\x1f\x8b"
_SIGNATURES: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32, not UTF-8"),  # begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "UTF-32, not UTF-8"),
    (codecs.BOM_UTF16_LE, "UTF-16, not UTF-8"),
    (codecs.BOM_UTF16_BE, "UTF-16, not UTF-8"),
    (_GZIP, "a gzip file inside a gzip file"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook (.xlsx)"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook (.xls)"),
    (b"PAR1", "a Parquet file"),
    (b"ORC", "an ORC file"),
    (b"Obj\x01", "an Avro file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\0", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
)
# A byte that is not UTF-8, as `surrogateescape` decodes it.
_BAD_BYTE: Final = re.compile("[\udc80-\udcff]")
_GOOD_CHARACTER: Final = re.compile("[^\0-\x7f\udc80-\udcff]")
# So few bad lines may be rows that were damaged.
_DAMAGED_LINES: Final = 2


class EmptyFileError(Exception):
    """A file has no line but blank ones."""


def read_lines(chunks: Iterator[bytes], where: str) -> Iterator[bytes]:
    """Yield the lines of a file, plain or gzip, with their ends (LF) and without a byte-order mark.

    Args:
        chunks: The whole file.
        where: What to call it in messages.

    Raises:
        PermanentStageError: The gzip file is damaged, a line is longer than 16 MiB, or the file is not UTF-8 text.
    """
    start = _take(chunks, len(_GZIP))
    chunks = chain([start], chunks)
    if start.startswith(_GZIP):
        chunks = _unpack(chunks, where)
    head = _take(chunks, HEAD_BYTES)
    _check_head(head, where)
    stream = io.BufferedReader(_ChunkReader(chain([head.removeprefix(codecs.BOM_UTF8)], chunks)), HEAD_BYTES)
    while line := stream.readline(LINE_BYTES + 1):
        if len(line) > LINE_BYTES:
            raise PermanentStageError(f"{where} has a line longer than {LINE_BYTES} bytes; export one record per line")
        yield line


def describe_bad_byte(line: bytes) -> str:
    """Return what is wrong with a line that is not UTF-8, or nothing."""
    try:
        line.decode()
    except UnicodeDecodeError as error:
        place = len(line[: error.start].decode()) + 1
        return f"is not UTF-8 (byte 0x{line[error.start]:02X} at character {place}); export the file as UTF-8"
    return ""


class BlankLines:
    """Counts the blank lines of a file as `blankLines`, and refuses one that goes on with them."""

    def __init__(self, where: str, skipped: Counter[str]) -> None:
        self.total = 0
        self._where = where
        self._skipped = skipped
        self._last = 0
        self._in_a_row = 0

    def count(self, number: int) -> None:
        """Count the blank line of this number; PermanentStageError if it is one of too many in a row."""
        self._in_a_row = self._in_a_row + 1 if number == self._last + 1 else 1
        self._last = number
        if self._in_a_row > MAX_BLANK_LINES:
            raise PermanentStageError(
                f"{self._where} has more than {MAX_BLANK_LINES} blank lines in a row, up to line {number}; "
                "export it without them"
            )
        self.total += 1
        self._skipped["blankLines"] += 1


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


def _take(chunks: Iterator[bytes], size_bytes: int) -> bytes:
    """Return the first chunks, of this size or more together, or all of a smaller file."""
    head = bytearray()
    while len(head) < size_bytes and (chunk := next(chunks, None)) is not None:
        head += chunk
    return bytes(head)


def _unpack(chunks: Iterator[bytes], where: str) -> Iterator[bytes]:
    packed = gzip.GzipFile(fileobj=io.BufferedReader(_ChunkReader(chunks)))
    try:
        while block := packed.read1(HEAD_BYTES):
            yield block
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise PermanentStageError(f"{where} is not a complete gzip file: {error}; export it again") from error


def _check_head(head: bytes, where: str) -> None:
    what = _name_text(head) if _is_text(head) else _name_signature(head) or _name_encoding(head)
    if what:
        raise PermanentStageError(
            f"{where} is {what}; export it as JSON Lines or as CSV with commas, in UTF-8 (Excel: 'CSV UTF-8'), "
            "plain or gzip"
        )


def _is_text(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return b"\0" not in head


def _name_text(head: bytes) -> str:
    cut = b"\r" in head.rstrip(b"\r") and b"\n" not in head
    return "text whose lines end in CR alone, not in LF or CRLF" if cut else ""


def _name_signature(head: bytes) -> str:
    return next((what for signature, what in _SIGNATURES if head.startswith(signature)), "")


def _name_encoding(head: bytes) -> str:
    """Return what a text is that is not UTF-8 as a whole, or nothing if single lines of it may be damaged."""
    zeros = head.count(b"\0") / len(head)
    if zeros > 0.1:
        return "UTF-32, not UTF-8" if zeros > 0.6 else "UTF-16 or binary, not UTF-8"
    text = head.decode(errors="surrogateescape")
    lines = [line for line in text.split("\n") if line.strip()]
    bad = sum(1 for line in lines if _BAD_BYTE.search(line))
    if _GOOD_CHARACTER.search(text) or (bad <= _DAMAGED_LINES and 2 * bad < len(lines)):
        return _name_text(head)
    return "not UTF-8, but perhaps Windows-1252 or Latin-1"
