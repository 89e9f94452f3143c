"""What EventBridge Scheduler takes as the time of a schedule.

Source: EventBridge Scheduler User Guide, "Schedule types in EventBridge Scheduler".
"""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Final, NamedTuple

# Texts: most workflows have no schedule, and to compile these takes longer than to check one.
_FORM: Final = r"(?s)(cron|rate|at)\((.*)\)"
_RATE: Final = r"([1-9][0-9]{0,8}) (minute|hour|day)(s?)"
_MOMENT: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
_PART: Final = r"(?P<first>\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?|\*(?:/(?P<each>\d+))?"
_FORMS: Final = "cron(0 2 * * ? *), rate(15 minutes) or at(2027-01-31T02:00:00)"
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


class _Field(NamedTuple):
    """A field of a cron expression; `names` are those of its numbers from `low` on, `more` is what else may stand."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    more: str = ""


_FIELDS: Final = (
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _Field("day-of-month", 1, 31, more=r"\?|L|LW|([1-9]|[12]\d|3[01])W"),
    _Field("month", 1, 12, _MONTHS),
    _Field("day-of-week", 1, 7, _DAYS, more=rf"\?|L|([1-7]|{'|'.join(_DAYS)})(L|#[1-5])"),
    _Field("year", 1970, 2199),
)


@cache
def time_zones() -> frozenset[str]:
    """Return the names of the IANA time zones that this machine knows, which takes long to gather."""
    import zoneinfo  # only workflows with a schedule need it

    return frozenset(zoneinfo.available_timezones())


def expression_problem(expression: str) -> str | None:
    """Return what is wrong with the time of a schedule, with the cure; None if Scheduler takes it."""
    form = re.fullmatch(_FORM, expression)
    if form is None:
        return f"is no time that EventBridge Scheduler knows; write {_FORMS}"
    kind, inner = form.groups()
    match kind:
        case "rate":
            return _rate_problem(inner)
        case "at":
            return _moment_problem(inner)
        case _:
            return next(_cron_problems(inner.split()), None)


def _rate_problem(inner: str) -> str | None:
    rate = re.fullmatch(_RATE, inner)
    if rate is None or (rate[1] == "1") == bool(rate[3]):
        return "is no rate; write a whole number and minutes, hours or days: rate(1 hour), rate(15 minutes)"
    return None


def _moment_problem(inner: str) -> str | None:
    try:
        datetime.fromisoformat(inner if re.fullmatch(_MOMENT, inner) else "")
    except ValueError:
        return "is no moment; write at(2027-01-31T02:00:00), without a time zone, which has a key of its own"
    return None


def _cron_problems(texts: list[str]) -> Iterator[str]:
    if len(texts) != len(_FIELDS):
        names = ", ".join(field.name for field in _FIELDS)
        yield f"has {len(texts)} fields; cron takes {len(_FIELDS)}: {names}; write e.g. cron(0 2 * * ? *)"
        return
    for field, text in zip(_FIELDS, texts, strict=True):
        if not _fits(field, text.upper()):
            named = f", {field.names[0]} to {field.names[-1]}" if field.names else ""
            yield f"has {text!r} as {field.name}; allowed: {field.low} to {field.high}{named}, and * , - /, e.g. 1-5"
    _, _, day, _, weekday, _ = texts
    if (day == "?") == (weekday == "?"):
        yield "names the day twice, or not at all; write ? for either day-of-month or day-of-week, as in 0 2 * * ? *"


def _fits(field: _Field, text: str) -> bool:
    if field.more and re.fullmatch(field.more, text):
        return True
    return all(_is_part(field, part) for part in text.split(","))


def _is_part(field: _Field, part: str) -> bool:
    found = re.fullmatch(_PART, part)
    if found is None:
        return False
    step = found["step"] or found["each"]
    numbers = [_number(field, found[name]) for name in ("first", "last") if found[name]]
    return step != "0" and None not in numbers and numbers == sorted(numbers, key=lambda number: number or 0)


def _number(field: _Field, text: str) -> int | None:
    if text in field.names:
        return field.low + field.names.index(text)
    number = int(text) if re.fullmatch(r"\d{1,4}", text) else -1
    return number if field.low <= number <= field.high else None
