"""EventBridge: puts a stage's events on the bus."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from handlers.runtime.aws import client, stage_errors
from handlers.runtime.contract import PermanentStageError, TransientStageError
from handlers.runtime.needs import Publish
from handlers.runtime.records import BadRecordError, encode_record

# The limits of one request: 10 entries, and less than 1 MB in all, with room for the other fields of the entries.
# Source: API reference of PutEvents.
_ENTRY_LIMIT: Final = 10
_SIZE_LIMIT_BYTES: Final = 990_000
# EventBridge takes 1000 levels, which Python's JSON encoder does not reach everywhere.
_NESTING_MAX: Final = 500
# The integers that an event may hold, from the same page, and what shows without decoding that one may be beyond.
_INTEGER_MIN: Final = -(2**63)
_INTEGER_MAX: Final = 2**63 - 1
_DIGITS: Final = bytes(ord("0") if byte in b"0123456789" else ord(" ") for byte in range(256))
_LONG_INTEGER: Final = b"0" * 19
_ATTEMPTS: Final = 5
# Source: API reference of PutEventsResultEntry, "Non-retryable errors".
_PERMANENT_CODES: Final = frozenset(
    {
        "AccessDeniedException",
        "InvalidAccountIdException",
        "InvalidArgument",
        "MalformedDetail",
        "NotAuthorizedForDetailTypeException",
        "NotAuthorizedForSourceException",
        "RedactionFailure",
    }
)


class _Entry(NamedTuple):
    place: int
    fields: dict[str, str]


def check_event(detail: Mapping[str, Any]) -> None:
    """Check that the bus can take an event with this detail.

    Raises:
        BadRecordError: The record that the event tells of makes it too large, or holds an integer beyond 64 bits.
    """
    encoded = encode_record(detail, _NESTING_MAX)
    if len(encoded) > _SIZE_LIMIT_BYTES:
        raise BadRecordError(
            "EVENT_TOO_LARGE",
            f"its event would have {len(encoded)} bytes, EventBridge allows {_SIZE_LIMIT_BYTES}; shorten its texts",
        )
    if has_long_number(encoded) and _has_large_integer(msgspec.json.decode(encoded)):
        raise BadRecordError(
            "EVENT_NUMBER_TOO_LARGE",
            "its event would hold an integer of more than 64 bits, which EventBridge refuses; write it as text",
        )


def has_long_number(encoded: bytes) -> bool:
    """Tell whether a JSON text has so many digits in a row that it may hold an integer that no event may hold."""
    return _LONG_INTEGER in encoded.translate(_DIGITS)


def _has_large_integer(value: Any) -> bool:
    match value:
        case int():
            return not _INTEGER_MIN <= value <= _INTEGER_MAX
        case list():
            return any(map(_has_large_integer, value))
        case dict():
            return any(map(_has_large_integer, value.values()))
        case _:
            return False


def publish_events(
    bus: str, publish: Publish, details: Iterable[Mapping[str, Any]], *, taken: Callable[[list[int]], object]
) -> None:
    """Put events on the bus, in order; entries that fail are sent again.

    `taken` is called after each answer with the places, from 0, of the events that the bus has taken.

    Raises:
        PermanentStageError: The bus does not exist or may not be used, or it can never take an event.
        TransientStageError: Some events failed each time.
    """
    entries = (
        _Entry(
            place,
            {
                "EventBusName": bus,
                "Source": publish.source,
                "DetailType": publish.detail_type,
                "Detail": msgspec.json.encode(detail).decode(),
            },
        )
        for place, detail in enumerate(details)
    )
    for request in _requests(entries):
        _send(bus, request, taken)


def _requests(entries: Iterable[_Entry]) -> Iterator[list[_Entry]]:
    request: list[_Entry] = []
    size_bytes = 0
    for entry in entries:
        entry_bytes = len(entry.fields["Detail"].encode())
        if request and (len(request) == _ENTRY_LIMIT or size_bytes + entry_bytes > _SIZE_LIMIT_BYTES):
            yield request
            request, size_bytes = [], 0
        request.append(entry)
        size_bytes += entry_bytes
    if request:
        yield request


def _send(bus: str, entries: list[_Entry], taken: Callable[[list[int]], object]) -> None:
    codes: list[str] = []
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(random.uniform(0, 0.1 * 2**attempt))  # noqa: S311 - jitter, no secret
        with stage_errors("events:PutEvents", bus):
            results = client("events").put_events(Entries=[entry.fields for entry in entries])["Entries"]
        answers = list(zip(entries, results, strict=True))
        taken([entry.place for entry, result in answers if "ErrorCode" not in result])
        entries = [entry for entry, result in answers if "ErrorCode" in result]
        codes = sorted({result["ErrorCode"] for result in results if "ErrorCode" in result})
        if not entries:
            return
        if _PERMANENT_CODES.intersection(codes):
            raise PermanentStageError(
                f"events:PutEvents on {bus} refused {len(entries)} events: {', '.join(codes)}; correct the bus, its "
                "policy or the events"
            )
    raise TransientStageError(
        f"events:PutEvents on {bus} refused {len(entries)} events {_ATTEMPTS} times: {', '.join(codes)}; a later "
        "attempt may succeed: if none does, see the bus's quota"
    )
