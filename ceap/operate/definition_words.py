"""What differs between two definitions of a state machine, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from templates.words import shown


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return what changed from an old definition to a new one, as parsed JSON; none if they mean the same."""
    before, after = old.get("States", {}), new.get("States", {})
    found = [f"state {name} was added" for name in after if name not in before]
    found += [f"state {name} was removed" for name in before if name not in after]
    for name in before:
        if name in after:
            found += [f"state {name}: {change}" for change in _changes(before[name], after[name])]
    rest_before, rest_after = ({key: each[key] for key in each if key != "States"} for each in (old, new))
    return [*found, *_changes(rest_before, rest_after)]


def _changes(old: Any, new: Any, place: str = "") -> Iterator[str]:
    """Yield what changed, by the place inside both."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            inner = f"{place}.{key}" if place else str(key)
            if key not in old:
                yield f"{inner} was added"
            elif key not in new:
                yield f"{inner} was removed"
            else:
                yield from _changes(old[key], new[key], inner)
    elif old != new:
        is_long = isinstance(old, list | Mapping) or isinstance(new, list | Mapping)
        yield f"{place} changed" if is_long else f"{place} was {shown(old)}, is {shown(new)}"
