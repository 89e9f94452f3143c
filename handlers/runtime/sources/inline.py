"""Records that travel in the message itself."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from handlers.runtime.sources.base import BaseSource, reject_unfit


class Inline(BaseSource, frozen=True, tag="inline"):
    """`{"kind": "inline", "records": [...]}`."""

    records: list[dict[str, Any]]

    # The arguments are those of all sources.
    def read(self, source_bucket: str | None, skipped: Counter[str], record_type: Any) -> Iterator[Any]:
        for number, record in enumerate(self.records, start=1):
            try:
                yield msgspec.convert(record, record_type)
            except msgspec.ValidationError as error:
                yield reject_unfit(record, f"record {number} of the message", record_type, error)
