"""How the page words numbers and durations."""

from __future__ import annotations

import pytest

from ceap.local.page.amounts import about, count, cut, duration, shown_of


@pytest.mark.parametrize(
    ("seconds", "long", "short"),
    [
        (-0.1, "0 s", "0 s"),
        (0.314, "0.31 s", "0 s"),
        (20.0, "20 s", "20 s"),
        (59.994, "59.99 s", "60 s"),
        (59.996, "1 min", "60 s"),
        (60.0, "1 min", "1 min"),
        (1804.2, "30 min 4 s", "30 min"),
        (3600.0, "1 h", "1 h"),
        (3661.0, "1 h 1 min", "1 h"),
        (90000.0, "1 d 1 h", "1 d"),
    ],
)
def test_a_duration_is_in_its_two_largest_units_or_about_in_one(seconds: float, long: str, short: str) -> None:
    assert (duration(seconds), about(seconds)) == (long, short)


def test_a_number_has_its_noun() -> None:
    assert [count(number, "record") for number in (0, 1, 1200)] == ["0 records", "1 record", "1,200 records"]


def test_a_long_text_ends_with_how_much_is_left_out() -> None:
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefg", 6) == "abcdef\n... (1 more character)"


def test_a_sample_says_of_how_many_it_is() -> None:
    assert [shown_of(3, 3, "record"), shown_of(3, 1204, "record")] == ["3 records", "the first 3 of 1,204 records"]
