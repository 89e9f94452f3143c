"""The order in which a diff is told, the gravest first."""

from collections.abc import Iterable, Iterator
from typing import Final, assert_never

from ceap.deploy.diff.change import (
    AccessChanged,
    Added,
    AttributeChanged,
    Change,
    ContractChanged,
    Direction,
    EntryChanged,
    ExportChanged,
    MayBeReplaced,
    Removed,
    Replaced,
    ResourceChange,
    RunningAffected,
    StageAdded,
    StageRemoved,
    StageRenamed,
    StageRuns,
    StagesReordered,
    Topic,
    Updated,
    ValueChanged,
    WillFail,
)

_ORDER: Final = (
    "stages",
    "will fail",
    "contracts between stages",
    "replaced",
    "may be replaced",
    "removed",
    "wider access",
    "narrower access",
    "kept shorter",
    "time",
    "cost",
    "added",
    "changed in place",
    "exports",
    "attributes",
    "the rest of the template",
)

_OF_TOPIC: Final = {Topic.RETENTION: "kept shorter", Topic.TIME: "time", Topic.COST: "cost"}


def heading(change: Change) -> str:
    """Return the heading under which a change is told."""
    match change:
        case StageAdded() | StageRemoved() | StageRenamed() | StageRuns() | StagesReordered() | RunningAffected():
            found = "stages"
        case ContractChanged():
            found = "contracts between stages"
        case AccessChanged(direction=direction):
            found = "narrower access" if direction is Direction.NARROWER else "wider access"
        case ValueChanged(topic=topic):
            found = _OF_TOPIC[topic]
        case ExportChanged():
            found = "exports"
        case EntryChanged():
            found = "the rest of the template"
        case _:
            found = _of_resource(change)
    return found


def _of_resource(change: ResourceChange) -> str:
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
        case AttributeChanged():
            found = "attributes"
        case _:
            assert_never(change)
    return found


def by_heading(changes: Iterable[Change]) -> Iterator[tuple[str, list[Change]]]:
    """Yield each heading that has changes, with these, in order."""
    found: dict[str, list[Change]] = {name: [] for name in _ORDER}
    for change in changes:
        found[heading(change)].append(change)
    yield from ((name, listed) for name, listed in found.items() if listed)
