"""The port to EventBridge: puts a stage's events on the bus."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from handlers.aws import client, stage_errors
from handlers.contract import TransientStageError
from handlers.needs import Publish

# The limits of one request, with room for the other fields of an entry. Source: API reference of PutEvents.
_ENTRY_LIMIT: Final = 10
_SIZE_LIMIT_BYTES: Final = 250_000
_ATTEMPTS: Final = 5


def publish_events(bus: str, publish: Publish, details: Iterable[Mapping[str, Any]]) -> None:
    """Put events on the bus, in order; entries that fail are sent again.

    Raises:
        PermanentStageError: The bus does not exist or may not be used.
        TransientStageError: Some entries failed each time; the others are published.
    """
    entries = (
        {
            "EventBusName": bus,
            "Source": publish.source,
            "DetailType": publish.detail_type,
            "Detail": msgspec.json.encode(detail).decode(),
        }
        for detail in details
    )
    for request in _requests(entries):
        _send(bus, request)


def _requests(entries: Iterable[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    request: list[dict[str, str]] = []
    size_bytes = 0
    for entry in entries:
        entry_bytes = len(entry["Detail"].encode())
        if request and (len(request) == _ENTRY_LIMIT or size_bytes + entry_bytes > _SIZE_LIMIT_BYTES):
            yield request
            request, size_bytes = [], 0
        request.append(entry)
        size_bytes += entry_bytes
    if request:
        yield request


def _send(bus: str, entries: list[dict[str, str]]) -> None:
    code = ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(random.uniform(0, 0.1 * 2**attempt))  # noqa: S311 - jitter, no secret
        with stage_errors("events:PutEvents", bus):
            results = client("events").put_events(Entries=entries)["Entries"]
        failed = [(entry, result) for entry, result in zip(entries, results, strict=True) if "ErrorCode" in result]
        if not failed:
            return
        entries = [entry for entry, _ in failed]
        code = failed[0][1]["ErrorCode"]
    raise TransientStageError(f"events:PutEvents on {bus} refused {len(entries)} events {_ATTEMPTS} times: {code}")
