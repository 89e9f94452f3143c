"""Records that travel in the message itself."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from handlers.runtime.sources.base import BaseSource


class Inline(BaseSource, frozen=True, tag="inline"):
    """`{"kind": "inline", "records": [...]}`."""

    records: list[dict[str, Any]]

    # The arguments are those of all sources.
    def read(self, source_bucket: str | None, skipped: Counter[str]) -> Iterator[dict[str, Any]]:  # noqa: ARG002
        return iter(self.records)
