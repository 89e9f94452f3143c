"""How the page words numbers and durations, and how it cuts what is too long."""

from typing import Final

TEXT_MAX: Final = 2000
"""How many characters of a record, a message or an item are shown."""
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def count(number: int, noun: str) -> str:
    """Return e.g. `1,200 records`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return e.g. `0.31 s`, `20 s` or `30 min 4 s`: the two largest units."""
    seconds = max(0.0, seconds)
    if round(seconds, 2) < 60:
        return f"{round(seconds, 2):.4g} s"
    rest = round(seconds)
    parts: list[str] = []
    for size, unit in _UNITS:
        whole, rest = divmod(rest, size)
        if whole or parts:
            parts.append(f"{whole} {unit}")
    return " ".join(part for part in parts[:2] if not part.startswith("0 "))


def about(seconds: float) -> str:
    """Return e.g. `20 s` or `29 min`: in one unit, rounded."""
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= size or size == 1)
    return f"{round(seconds / size)} {unit}"


def cut(text: str, limit: int = TEXT_MAX) -> str:
    """Return a text, or its beginning with the number of characters left out."""
    return text if len(text) <= limit else f"{text[:limit]}\n... ({count(len(text) - limit, 'more character')})"


def shown_of(shown: int, total: int, noun: str) -> str:
    """Return e.g. `the first 3 of 12 records`, or `2 records` if that is all."""
    return count(total, noun) if shown >= total else f"the first {shown:,} of {count(total, noun)}"
