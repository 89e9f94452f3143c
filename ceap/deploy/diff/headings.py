"""The order in which a diff is told, the gravest first."""

from collections.abc import Iterable, Iterator
from typing import Final, assert_never

from ceap.deploy.diff.change import (
    Added,
    AttributeChanged,
    Change,
    EntryChanged,
    ExportChanged,
    MayBeReplaced,
    Removed,
    Replaced,
    Updated,
    WillFail,
)

_ORDER: Final = (
    "will fail",
    "replaced",
    "may be replaced",
    "removed",
    "added",
    "changed in place",
    "exports",
    "attributes",
    "rest",
)


def heading(change: Change) -> str:
    """Return the heading under which a change is told."""
    match change:
        case WillFail():
            found = "will fail"
        case Replaced():
            found = "replaced"
        case MayBeReplaced():
            found = "may be replaced"
        case Removed():
            found = "removed"
        case Added():
            found = "added"
        case Updated():
            found = "changed in place"
        case ExportChanged():
            found = "exports"
        case AttributeChanged():
            found = "attributes"
        case EntryChanged():
            found = "rest"
        case _:
            assert_never(change)
    return found


def by_heading(changes: Iterable[Change]) -> Iterator[tuple[str, list[Change]]]:
    """Yield each heading that has changes, with these, in order."""
    found: dict[str, list[Change]] = {name: [] for name in _ORDER}
    for change in changes:
        found[heading(change)].append(change)
    yield from ((name, listed) for name, listed in found.items() if listed)
