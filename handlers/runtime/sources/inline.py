"""Records that travel in the message itself."""

from collections.abc import Iterator
from typing import Any

from handlers.runtime.sources.base import BaseSource


class Inline(BaseSource, frozen=True, tag="inline"):
    """`{"kind": "inline", "records": [...]}`."""

    records: list[dict[str, Any]]

    def read(self, source_bucket: str | None) -> Iterator[dict[str, Any]]:  # noqa: ARG002 - the interface of all sources
        return iter(self.records)
