"""Moments as people write and read them on a command line: `2h` before now, or a date and time, in UTC."""

from __future__ import annotations

import datetime
import re
from typing import Final

from ceap.errors import UsageError

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_AGO: Final = re.compile(r"(\d+)([smhd])")


def since(text: str, now_s: float, option: str = "--since") -> float:
    """Return a moment in seconds since the epoch: `90s`, `30m`, `2h` or `7d` before now, or an ISO date or time.

    A time without a zone is UTC.

    Raises:
        UsageError: it is no moment, or in the future.
    """
    moment = _moment(text, now_s)
    if moment is None or moment > now_s:
        why = "is in the future" if moment else "is not a moment"
        raise UsageError(f"{option} {text}: {why}; give e.g. 2h (s, m, h, d before now), or 2026-01-31T08:00 (UTC)")
    return moment


def shown(moment_s: float) -> str:
    """Return a moment for people, to the second, e.g. `2026-01-31 08:00:00 UTC`."""
    return datetime.datetime.fromtimestamp(moment_s, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def span(seconds: float) -> str:
    """Return a duration for people in its two largest units, e.g. `2 d 3 h`, `45 s`; parts of a second are left out."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, length in reversed(_SECONDS.items()):
        amount, left = divmod(left, length)
        if amount or parts or unit == "s":
            parts.append(f"{amount} {unit}")
    first, *others = parts[:2]
    return " ".join([first, *(part for part in others if not part.startswith("0 "))])


def took(seconds: float) -> str:
    """Return how long something took, for people: `12.3 s`, from a minute on as `span` does."""
    return f"{seconds:.1f} s" if seconds < 60 else span(seconds)


def ago(seconds: float) -> str:
    """Return a duration as `since` reads it, in the largest unit without a rest: `2h`, `90s`."""
    whole = round(seconds)
    unit, length = next((unit, length) for unit, length in reversed(_SECONDS.items()) if whole % length == 0)
    return f"{whole // length}{unit}"


def _moment(text: str, now_s: float) -> float | None:
    if ago := _AGO.fullmatch(text):
        return now_s - int(ago[1]) * _SECONDS[ago[2]]
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).timestamp()
