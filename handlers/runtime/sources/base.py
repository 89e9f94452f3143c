"""What a source is: where a message says that the records are."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec


class BadRow(msgspec.Struct, frozen=True):
    """A line of a source that is no record: a code to count by, the reason, and the line as text.

    The reason quotes nothing of the line, because it may be logged.
    """

    code: str
    reason: str
    text: str


class BaseSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """A source's fields stand in the message beside `kind`, which chooses it by its tag."""

    @abstractmethod
    def read(self, source_bucket: str | None, skipped: Counter[str]) -> Iterator[dict[str, Any] | BadRow]:
        """Return the records and the bad rows.

        Args:
            source_bucket: The bucket that the step may read.
            skipped: Gets what is neither, by name; it stands in the `counts` of the output's metadata.

        Raises:
            PermanentStageError: The source may not be read, does not exist, is empty, or cannot be read as what it
                claims to be.
            TransientStageError: It cannot be read now.
        """
