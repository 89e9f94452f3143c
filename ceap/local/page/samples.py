"""Data of a run as samples: rejected records, objects with their first records, messages, events and items."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import starmap
from typing import Any, Final

import msgspec

from ceap.local.executions import Execution
from ceap.local.page.amounts import count, cut, shown_of
from ceap.local.page.markup import Markup, element, join, note, within
from ceap.local.run_report import StageReport
from handlers.runtime.contract import EXECUTIONS_PREFIX, rejected_key
from handlers.runtime.tables import Item

RECORDS_MAX: Final = 3
REJECTED_MAX: Final = 10
OF_A_CODE_MAX: Final = 2
MESSAGES_MAX: Final = 5
ITEMS_MAX: Final = 3
PREVIEW_MAX: Final = 200
REJECTED_BYTES_MAX: Final = 300_000
OBJECTS_BYTES_MAX: Final = 50_000
TABLES_BYTES_MAX: Final = 100_000
"""How large the samples of all rejected records may be, those of an execution's objects, and those of all tables."""
WHOLE_MAX: Final = 64 * 1024
"""How many bytes of an object without records are read for its sample."""

_UNREADABLE: Final = (ValueError, RecursionError)
"""What is raised for JSON that is wrong, not UTF-8 or nested too deep: data of a run may be anything."""
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
"""Numbers of DynamoDB keep all their digits."""


class _Records(msgspec.Struct, frozen=True):
    """The records of a stage document."""

    data: list[msgspec.Raw]


class _Rejection(msgspec.Struct, frozen=True):
    """A line of rejected records; it may have more fields."""

    code: str
    reason: str


def describe_rejections(
    stages: Sequence[StageReport], executions: Sequence[Execution], objects: Mapping[str, bytes]
) -> Markup:
    """Return the first rejected records of each stage, so that every code has some."""
    parts = [
        _rejections(stage, [objects.get(rejected_key(execution.name, stage.stage), b"") for execution in executions])
        for stage in stages
        if stage.records_rejected
    ]
    shown, left_out = within(parts, REJECTED_BYTES_MAX, "stage")
    return join([shown, note(left_out)])


def describe_objects(
    executions: Mapping[str, Execution], stages: Sequence[StageReport], objects: Mapping[str, bytes]
) -> Markup:
    """Return the objects of some executions, and those that belong to none, with their sizes and first records.

    `executions` are those by the title of their objects.
    """
    order = {stage.stage: number for number, stage in enumerate(stages)}
    parts = []
    for title, execution in executions.items():
        prefix = f"{EXECUTIONS_PREFIX}{execution.name}/"
        own = {key.removeprefix(prefix): content for key, content in objects.items() if key.startswith(prefix)}
        ordered = sorted(own.items(), key=lambda entry: order.get(entry[0].partition("/")[0], -1))
        parts.append(_objects(title, f"{prefix}, ", dict(ordered)))
    others = {key: content for key, content in objects.items() if not key.startswith(EXECUTIONS_PREFIX)}
    return join([*parts, _objects("Other objects", "", others)])


def describe_messages(texts: Sequence[str], noun: str) -> Markup:
    """Return the first messages of a queue or a topic."""
    return _samples([(_preview(text), pretty(text)) for text in texts[:MESSAGES_MAX]], len(texts), noun)


def describe_events(events: Sequence[Mapping[str, Any]]) -> Markup:
    """Return the first events, as PutEvents has them, with the detail as what it says."""
    shown = [
        (
            f"{event.get('DetailType')} {_preview(str(event.get('Detail')))}",
            _text({**event, "Detail": _parsed(event.get("Detail"))}),
        )
        for event in events[:MESSAGES_MAX]
    ]
    return _samples(shown, len(events), "event")


def describe_tables(tables: Mapping[str, Sequence[Item]]) -> Markup:
    """Return the first items of each table."""
    parts = [
        element(
            "section",
            element("h3", element("code", name)),
            _samples([(_preview(_text(item)), _text(item)) for item in items[:ITEMS_MAX]], len(items), "item"),
        )
        for name, items in tables.items()
    ]
    shown, left_out = within(parts, TABLES_BYTES_MAX, "table")
    return join([shown, note(left_out)])


def pretty(text: str | bytes) -> str:
    """Return JSON over several lines, and any other text as it is."""
    content = text.encode("utf-8", "replace") if isinstance(text, str) else text
    try:
        return msgspec.json.format(content, indent=2).decode("utf-8", "replace")
    except _UNREADABLE:
        return content.decode("utf-8", "replace")


def _rejections(stage: StageReport, files: Iterable[bytes]) -> Markup:
    seen: Counter[str] = Counter()
    shown = []
    for line in (line for content in files for line in content.splitlines()):
        rejection = _decode(line, _Rejection)
        if rejection is None or seen[rejection.code] == OF_A_CODE_MAX:
            continue
        seen[rejection.code] += 1
        shown.append(_rejection(rejection, line))
        if len(shown) == REJECTED_MAX:
            break
    total = stage.records_rejected or 0
    heading = element("h3", stage.stage, " ", element("small", f"{len(shown)} of {count(total, 'rejected record')}"))
    return element("section", heading, element("ul", *shown, class_="rejections"))


def _rejection(rejection: _Rejection, line: bytes) -> Markup:
    summary = element("summary", element("code", rejection.code), " ", rejection.reason)
    return element("li", element("details", summary, _block(pretty(line))))


def _objects(title: str, place: str, objects: Mapping[str, bytes]) -> Markup:
    if not objects:
        return Markup()
    shown, left_out = within(starmap(_object, objects.items()), OBJECTS_BYTES_MAX, "object")
    size = f"{place}{count(len(objects), 'object')}, {count(sum(map(len, objects.values())), 'byte')}"
    heading = element("h3", title, " ", element("small", size))
    return element("section", heading, element("ul", shown, class_="objects"), note(left_out))


def _object(key: str, content: bytes) -> Markup:
    texts, total = _first_records(key, content)
    size = element("span", count(len(content), "byte"), class_="number")
    if total is None:
        shown, said = [_beginning(content)], ""
    else:
        shown, said = texts, shown_of(len(texts), total, "record")
    summary = element("summary", element("code", key), " ", element("span", said, class_="quiet"), " ", size)
    return element("li", element("details", summary, *map(_block, shown)))


def _first_records(key: str, content: bytes) -> tuple[list[str], int | None]:
    """Return the first records and their number; no number if the object is no document and no lines of records."""
    if key.endswith(".jsonl"):
        lines = content.splitlines()
        return [pretty(line) for line in lines[:RECORDS_MAX]], len(lines)
    document = _decode(content, _Records) if key.endswith(".json") else None
    if document is None:
        return [], None
    return [pretty(bytes(record)) for record in document.data[:RECORDS_MAX]], len(document.data)


def _beginning(content: bytes) -> str:
    return pretty(content) if len(content) <= WHOLE_MAX else content[:WHOLE_MAX].decode("utf-8", "replace")


def _samples(samples: Sequence[tuple[str, str]], total: int, noun: str) -> Markup:
    """Return samples, each as a line and its whole text; nothing if there is nothing to show."""
    items = [
        element("li", element("details", element("summary", element("code", line, class_="preview")), _block(text)))
        for line, text in samples
    ]
    return (
        join([note(shown_of(len(samples), total, noun)), element("ul", *items, class_="samples")])
        if total
        else Markup()
    )


def _preview(text: str) -> str:
    """Return a text in one line, which the page cuts at its width."""
    return " ".join(text[: PREVIEW_MAX * 4].split())[:PREVIEW_MAX]


def _block(text: str) -> Markup:
    return element("pre", cut(text))


def _decode(content: bytes, type_: type[Any]) -> Any:
    try:
        return msgspec.json.decode(content, type=type_)
    except _UNREADABLE:
        return None


def _parsed(text: object) -> object:
    try:
        return json.loads(str(text))
    except _UNREADABLE:
        return text


def _text(value: object) -> str:
    return msgspec.json.format(_ENCODER.encode(value), indent=2).decode()
