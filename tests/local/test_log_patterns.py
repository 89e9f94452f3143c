"""Patterns with which lines of a log are found."""

from __future__ import annotations

import pytest

from ceap.local.engine import Engine

LINES = ("an apple", 'a "quoted" pear', "a plum?")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ('?"apple" ?"plum"', [0, 2]),
        ('?"\\"quoted\\""', [1]),
        ('?"cherry" ?"fig"', []),
        ('"pear"', [1]),
        (None, [0, 1, 2]),
    ],
)
def test_a_line_needs_one_of_the_terms(pattern: str | None, found: list[int]) -> None:
    with Engine.start(warm=False) as engine:
        logs = engine.client("logs")
        logs.create_log_group(logGroupName="g")
        engine.logs.write("g", "s", LINES, None)
        given = {"filterPattern": pattern} if pattern else {}
        events = logs.filter_log_events(logGroupName="g", **given)["events"]
    assert [event["message"] for event in events] == [LINES[number] for number in found]
