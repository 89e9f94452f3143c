"""What a source is: where a message says that the records are."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import msgspec


class BadRow(msgspec.Struct, frozen=True):
    """A row of a source that cannot be read as a record: a code to count by, the reason, and the row as text."""

    code: str
    reason: str
    text: str


class BaseSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """A source's fields stand in the message beside `kind`, which chooses it by its tag."""

    @abstractmethod
    def read(self, source_bucket: str | None) -> Iterator[dict[str, Any] | BadRow]:
        """Return the records and the bad rows; `source_bucket` is the bucket that the step may read.

        Raises:
            PermanentStageError: The source may not be read, does not exist, or cannot be read as what it claims to be.
            TransientStageError: It cannot be read now.
        """
