"""What the tests of sources share: to read a file from its bytes, and a bucket to put it into."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ceap.testing import put_source
from handlers.runtime.sources import BadRow
from handlers.runtime.sources.rows import read_rows

EXPORTS = "my-exports"

Rows = list[Any]


def read(
    body: bytes,
    name: str = "s3://b/rows.jsonl",
    size: int = 64 * 1024,
    skipped: Counter[str] | None = None,
    kind: Any = dict[str, Any],
) -> Rows:
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    return list(read_rows(chunks, name, Counter() if skipped is None else skipped, kind))


def read_csv(body: bytes) -> Rows:
    return read(body, "rows.csv")


def bad_rows(found: Rows) -> list[tuple[str, str, Any]]:
    return [(row.code, row.reason, row.record) for row in found if isinstance(row, BadRow)]


def put(key: str, body: bytes) -> None:
    put_source(EXPORTS, key, body)
