"""What messages say of names that do not exist, and of numbers of things."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like a name; None where none is like it."""
    import difflib  # only where something is wrong

    return next(iter(difflib.get_close_matches(name, known, n=1)), None)


def allowed(name: str, known: Iterable[str]) -> str:
    """Return what a message says after a name that does not exist: the nearest name, then all that do."""
    names = list(known)
    near = nearest(name, names)
    return f"{f'did you mean {near}? ' if near else ''}allowed: {', '.join(names) or 'none'}"


def plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
