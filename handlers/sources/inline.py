"""Records that travel in the message itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec


class Inline(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="inline"):
    """`{"kind": "inline", "records": [...]}`."""

    records: list[dict[str, Any]]

    def read(self) -> Iterator[dict[str, Any]]:
        return iter(self.records)
