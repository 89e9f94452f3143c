"""Wording that messages share: values, names that do not exist, and numbers."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

NAMED_MAX: Final = 8
"""How many names a message lists: there are a hundred rules."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like a name; None if none is similar."""
    import difflib  # only when something is wrong

    return next(iter(difflib.get_close_matches(name, known)), None)


def allowed(name: str, known: Iterable[str]) -> str:
    """Return what a message says after an unknown name: the nearest known one, and all of them if they are few."""
    names = list(known)
    near = nearest(name, names) or next((one for one in names if name and one.startswith(name)), None)
    if near and len(names) > NAMED_MAX:
        return f"did you mean {near}?"
    some = names if len(names) <= NAMED_MAX else [*names[:NAMED_MAX], "..."]
    return f"{f'did you mean {near}? ' if near else ''}allowed: {', '.join(some) or 'none'}"


def listed(names: Sequence[str], most: int = NAMED_MAX) -> str:
    """Return names as a message lists them: the first ones, and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def shown(value: Any) -> str:
    """Return a value as a message shows it: short, in quotes where it is text."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
