"""Moments and durations as people write and read them."""

from __future__ import annotations

import pytest

from ceap.errors import UsageError
from ceap.operate.moments import ago, shown, since, span, took

NOW = 1_769_846_400.0  # 2026-01-31T08:00:00Z


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", NOW - 90),
        ("30m", NOW - 1800),
        ("2h", NOW - 7200),
        ("7d", NOW - 604_800),
        ("2026-01-31T08:00", NOW),
        ("2026-01-31T09:00+01:00", NOW),
        ("2026-01-31", NOW - 8 * 3600),
    ],
)
def test_a_moment_is_a_span_before_now_or_a_time_in_utc(text: str, seconds: float) -> None:
    assert since(text, NOW) == seconds


@pytest.mark.parametrize(("text", "why"), [("yesterday", "is not a moment"), ("2026-02-01", "is in the future")])
def test_what_is_no_moment_or_in_the_future_is_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=rf"^--since {text}: {why}; give e\.g\. 2h \(s, m, h, d before now\)"):
        since(text, NOW)


def test_a_moment_is_shown_to_the_second() -> None:
    assert shown(NOW + 0.7) == "2026-01-31 08:00:00 UTC"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (45.9, "45 s"),
        (60, "1 m"),
        (3725, "1 h 2 m"),
        (86_400 * 2 + 3600 * 3 + 59, "2 d 3 h"),
        (86_460, "1 d"),
    ],
)
def test_a_duration_is_shown_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(12.34, "12.3 s"), (60, "1 m"), (310, "5 m 10 s")])
def test_what_took_less_than_a_minute_is_told_to_a_tenth_of_a_second(seconds: float, text: str) -> None:
    assert took(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(90, "90s"), (7200, "2h"), (7 * 86_400, "7d")])
def test_a_duration_is_written_as_it_is_read(seconds: int, text: str) -> None:
    assert ago(seconds) == text
    assert since(text, NOW) == NOW - seconds
