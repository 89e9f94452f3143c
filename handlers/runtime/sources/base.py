"""What a source is: where a message says that the records are."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from handlers.runtime.contract import PermanentStageError
from handlers.runtime.records import describe_mismatch, type_name


class BadRow(msgspec.Struct, frozen=True):
    """What a stage cannot take of a source: a code to count by, the reason, and the record, or the line as text.

    The reason quotes nothing of it, because it may be logged.
    """

    code: str
    reason: str
    record: dict[str, Any] | str


class BaseSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """A source's fields stand in the message beside `kind`, which chooses it by its tag."""

    @abstractmethod
    def read(self, source_bucket: str | None, skipped: Counter[str], record_type: Any) -> Iterator[Any]:
        """Return the records and, as `BadRow`, what is none.

        Args:
            source_bucket: The bucket that the step may read.
            skipped: Gets what is neither, by name; it stands in the `counts` of the output's metadata.
            record_type: The type of the records, as a stage declares it.

        Raises:
            PermanentStageError: The source may not be read, does not exist, is empty, or cannot be read as what it
                claims to be.
            TransientStageError: It cannot be read now.
        """


def reject_unfit(record: dict[str, Any], place: str, record_type: Any, error: Exception) -> BadRow:
    """Return the bad row of a record that is not of the type that the stage takes."""
    reason = f"{place} does not fit {type_name(record_type)}: {describe_mismatch(error)}"
    return BadRow("RECORD_INVALID", reason, record)


def require_record(rows: Iterator[Any]) -> Iterator[Any]:
    """Return the rows of a source; PermanentStageError at the end if all of them were bad, which no stage may hide."""
    bad: Counter[str] = Counter()
    first = ""
    for row in rows:
        yield row
        if not isinstance(row, BadRow):
            yield from rows
            return
        bad[row.code] += 1
        first = first or row.reason
    if bad:
        listed = ", ".join(f"{code} {number}" for code, number in bad.most_common())
        cure = "send records that fit, or put a stage first that makes them"
        if "JSON_INVALID" in bad:
            cure = "export JSON Lines, or CSV in a file whose name ends in .csv"
        raise PermanentStageError(
            f"none of the {bad.total()} records of the source can be taken ({listed}); the first: {first}; {cure}"
        )
