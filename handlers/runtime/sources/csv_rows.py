"""CSV: from lines to rows, so that no line is lost uncounted: a bad row of n lines gives n bad rows."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import msgspec

from handlers.runtime.contract import PermanentStageError
from handlers.runtime.sources.base import BadRow, reject_unfit
from handlers.runtime.sources.lines import BlankLines, EmptyFileError, describe_bad_byte

# The limit of a row of several lines, as it is in memory at once.
ROW_BYTES: Final = 1024 * 1024

_UNCLOSED: Final = "unexpected end of data"
_TOO_LONG: Final = "field larger than field limit"
# The errors of `csv`, in plain words.
_FAULTS: Final = {
    _UNCLOSED: "has a quote that is not closed",
    _TOO_LONG: "has a field longer than 128 KiB",
    "expected after": 'has text after a closing quote; write a quote inside quotes twice ("")',
    "new-line character": "has a carriage return (CR) that ends no line; end lines with LF or CRLF",
}
_OTHER_SEPARATORS: Final = {";": "semicolons", "\t": "tabs", "|": "bars"}
_QUOTED: Final = re.compile(rb'"[^"]*"')
# How the first line begins of a file that is no CSV: an object, or an array, also one that goes over several lines.
_JSON: Final = re.compile(rb'\s*[\[{]\s*(["{\[]|$)')
# Where msgspec says that a value is wrong.
_FIELD: Final = re.compile(r" - at `\$\.(.*)`$")
# Stands for a comma between columns; no text that is UTF-8 holds it.
_SEPARATOR: Final = "\ud800"


class _Lines(msgspec.Struct, frozen=True):
    """The lines of one row, the number of the first, and what to call the file."""

    lines: list[bytes]
    first: int
    where: str

    def reject(self, code: str, fault: str) -> Iterator[BadRow]:
        """Yield a bad row for each line; a carriage return alone ends one, too."""
        last = self.first + len(self.lines) - 1
        row = "" if last == self.first else f" belongs to the row of lines {self.first} to {last}, which"
        for number, line in enumerate(self.lines, start=self.first):
            for part in line.rstrip(b"\r\n").split(b"\r"):
                yield BadRow(code, f"line {number} of {self.where}{row} {fault}", part.decode(errors="replace"))

    def reject_malformed(self, error: csv.Error) -> Iterator[BadRow]:
        """Yield bad rows; PermanentStageError if nobody can tell where the row ends."""
        if _UNCLOSED in str(error):
            self.refuse(self.find_quote(self.lines), "by the end of the file")
        several = len(self.lines) > 1
        # With an even number of quotes the line closes all that it opens.
        if _TOO_LONG in str(error) and (several or self.lines[0].count(b'"') % 2):
            self.refuse(self.find_quote(self.lines[:-1]), "within 128 KiB")
        opened = f"; its quote opens in line {self.find_quote(self.lines[:-1])}" if several else ""
        return self.reject("CSV_INVALID", _describe(error) + opened)

    def find_quote(self, before: list[bytes]) -> int:
        """Return the number of the line in which the quote opens that is open after these lines."""
        *closed, _ = next(csv.reader(line.decode(errors="replace") for line in before), [""])
        return self.first + sum(field.count("\n") for field in closed)

    def refuse(self, opened: int, limit: str) -> NoReturn:
        raise PermanentStageError(
            f"the quote that opens in line {opened} of {self.where} is not closed {limit}; close it, or write it "
            'twice ("") if it is text, and export the file again'
        )


def read_csv(
    lines: Iterator[bytes], where: str, blanks: BlankLines, skipped: Counter[str], record_type: Any
) -> Iterator[Any]:
    """Return rows as records, their values by the names in the header, and bad rows; the lines hold their ends.

    Raises:
        PermanentStageError: The header is wrong, or a quote is not closed.
        EmptyFileError: There is no header.
    """
    return _CsvFile(lines, where, blanks, record_type).read(skipped)


class _CsvFile:
    """A CSV file whose header has been read."""

    def __init__(self, lines: Iterator[bytes], where: str, blanks: BlankLines, record_type: Any) -> None:
        self._lines = lines
        self._record_type = record_type
        self._where = where
        self._blanks = blanks
        self._header, self._above = _read_header(lines, where, blanks)
        # The lines of the row that is read, and those of them that are not UTF-8.
        self._raw: list[bytes] = []
        self._damaged: list[bytes] = []
        self._reader = csv.reader(self._decode(), strict=True)

    def read(self, skipped: Counter[str]) -> Iterator[Any]:
        is_text = self._record_type == dict[str, Any]
        header, raw, damaged, reader = self._header, self._raw, self._damaged, self._reader
        width, spaced = len(header), any(name.startswith(" ") for name in header)
        while True:
            raw.clear()
            damaged.clear()
            try:
                row = next(reader, None)
            except csv.Error as error:
                yield from self._row().reject_malformed(error)
                continue
            if row is None:
                break
            if len(row) == width and not damaged and (len(raw) == 1 or not _hides_rows(row, width - 1, spaced)):
                record = dict(zip(header, row, strict=True))
                yield record if is_text else self._convert(record)
            else:
                yield from self._reject(row)
        if self._above + reader.line_num == self._blanks.total + 1:
            skipped["emptyObjects"] += 1

    def _decode(self) -> Iterator[str]:
        raw, size_bytes = self._raw, 0
        for line in self._lines:
            size_bytes = size_bytes + len(line) if raw else len(line)
            if raw and size_bytes > ROW_BYTES:
                row = self._row()
                row.refuse(row.find_quote(raw), f"within {ROW_BYTES // 1024} KiB")
            raw.append(line)
            try:
                text = line.decode()
            except UnicodeDecodeError:
                # So that the reader goes on behind it.
                text = line.decode(errors="replace")
                self._damaged.append(line)
            yield text

    def _row(self) -> _Lines:
        return _Lines(self._raw, self._above + self._reader.line_num - len(self._raw) + 1, self._where)

    def _convert(self, record: dict[str, str]) -> Any:
        """Return a record of the stage's type, or a bad row; an empty text that does not fit counts as missing."""
        values = record
        while True:
            try:
                return msgspec.convert(values, self._record_type, strict=False)
            except msgspec.ValidationError as error:
                wrong = _FIELD.search(str(error))
                if wrong is None or values.get(wrong[1]) != "":
                    place = f"line {self._row().first} of {self._where}"
                    return reject_unfit(dict(record), place, self._record_type, error)
                values = {name: value for name, value in values.items() if name != wrong[1]}

    def _reject(self, row: list[str]) -> Iterator[BadRow]:
        lines = self._row()
        if not row:
            self._blanks.count(lines.first)
        elif self._damaged:
            yield from lines.reject("CSV_INVALID", describe_bad_byte(self._damaged[0]))
        elif len(row) != len(self._header):
            yield from lines.reject("CSV_COLUMNS", f"has {len(row)} columns, the header has {len(self._header)}")
        else:
            yield from lines.reject(
                "CSV_QUOTED_ROWS",
                f"holds lines inside quotes that look like rows; close the quote in line {lines.first}, or, if they "
                "are text, export them without line breaks or as JSON Lines",
            )


def _read_header(lines: Iterator[bytes], where: str, blanks: BlankLines) -> tuple[list[str], int]:
    """Return the names of the columns and the number of their line."""
    for number, line in enumerate(lines, start=1):
        if line.rstrip(b"\r\n"):
            _check_header(line, where)
            header = _split_header(line, f"{where} has no CSV header: line {number}")
            break
        blanks.count(number)
    else:
        raise EmptyFileError
    if "" in header or len(set(header)) < len(header):
        raise PermanentStageError(
            f"{where} has a CSV header with empty or repeated names; give each column a name of its own"
        )
    return header, number


def _check_header(line: bytes, where: str) -> None:
    """Refuse the first line of what is another kind of file by what it is."""
    if _JSON.match(line):
        raise PermanentStageError(f"{where} holds JSON, not CSV; give JSON Lines a name that ends in .jsonl")
    if line.startswith(b"sep="):
        raise PermanentStageError(f"{where} begins with a line for Excel (sep=); export it without that line")
    names = _QUOTED.sub(b"", line)
    commas = names.count(b",")
    for separator, what in _OTHER_SEPARATORS.items():
        if names.count(separator.encode()) >= max(1, commas):
            quote = f", or put names that hold {what} in quotes" if commas else ""
            raise PermanentStageError(f"{where} separates its columns by {what}; export it as CSV with commas{quote}")


def _split_header(line: bytes, place: str) -> list[str]:
    if fault := describe_bad_byte(line):
        raise PermanentStageError(f"{place} {fault}")
    try:
        [header] = csv.reader([line.decode()], strict=True)
    except csv.Error as error:
        raise PermanentStageError(f"{place} {_describe(error)}; name the columns in one line") from error
    return header


def _describe(error: csv.Error) -> str:
    return next((fault for part, fault in _FAULTS.items() if part in str(error)), f"is wrong: {error}")


def _hides_rows(row: list[str], separators: int, spaced: bool) -> bool:
    """Whether a line inside the quotes of a row of several lines has as many columns as the header.

    A stray quote swallows rows until the next one. A line whose commas all stand before a space is a sentence, unless
    the file is spaced: its header has a space after a comma, too.
    """
    quoted = [field for field in row if "\n" in field]
    text = "".join(quoted)
    if len(quoted) == 1 and separators and text.count(",") == (0 if spaced else text.count(", ")):
        return False
    # Commas of fields of one line are text for sure.
    lines = _SEPARATOR.join(field if "\n" in field else "" for field in row).split("\n")

    def is_row(line: str) -> bool:
        commas = line.count(",")
        return line.count(_SEPARATOR) + commas == separators and commas > (0 if spaced else line.count(", "))

    return (
        not separators or any(map(is_row, lines)) or any(line.count(_SEPARATOR) == separators for line in lines[1:-1])
    )
