"""Patterns with which lines of a log are found."""

from __future__ import annotations

import pytest

from ceap.local.clock import CLOCK
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


def test_lines_are_taken_however_far_the_clock_has_jumped(engine: Engine) -> None:
    engine.travel(3 * 24 * 3600)
    logs, now = engine.client("logs"), int(CLOCK.now() * 1000)
    logs.create_log_group(logGroupName="group")
    logs.create_log_stream(logGroupName="group", logStreamName="stream")
    events = [{"timestamp": now + hours * 3_600_000, "message": f"{hours} h"} for hours in (-24, 0, 1, 3)]
    answer = logs.put_log_events(logGroupName="group", logStreamName="stream", logEvents=events)

    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 3}
    assert [event["message"] for event in logs.filter_log_events(logGroupName="group")["events"]] == [
        "-24 h",
        "0 h",
        "1 h",
    ]
