"""Attempts and waits to scale, with long waits as gaps of one width whose length is written."""

from __future__ import annotations

from ceap.local.executions import Execution, Wait
from ceap.local.page.timeline import draw_timeline, stage_rows
from tests.local.page.support import attributes, execution, texts


def draw(one: Execution) -> str:
    return draw_timeline(stage_rows(one), one.started, one.ended)


def bars(drawn: str) -> list[tuple[str, ...]]:
    """Return the drawn attempts of all rows: class, left and width."""
    return [
        found
        for found in attributes(drawn, ".//ol/li/div/svg[@class='track']/rect", "class", "x", "width")
        if found[0].startswith("bar")
    ]


def test_attempts_without_waits_are_to_scale() -> None:
    drawn = draw(execution(("A", 0, 1, "SUCCEEDED"), ("B", 1, 4, "SUCCEEDED")))
    assert bars(drawn) == [("bar succeeded", "0.00%", "25.00%"), ("bar succeeded", "25.00%", "75.00%")]
    assert texts(drawn, ".//div[@class='name']") == ["A", "B"]
    assert texts(drawn, ".//div[@class='numbers']") == ["4 s in all", "1 s", "3 s"]


def test_a_long_wait_is_a_gap_whose_length_is_written() -> None:
    waits = (Wait("A", 2, 1200.0),)
    drawn = draw(execution(("A", 0, 0.3, "FAILED"), ("A", 1200.3, 1200.6, "SUCCEEDED"), waits=waits))
    assert bars(drawn) == [("bar failed", "0.00%", "44.00%"), ("bar succeeded", "56.00%", "44.00%")]
    assert attributes(drawn, ".//line", "class", "x1", "x2") == [("wait", "44.00%", "56.00%")]
    assert texts(drawn, ".//svg[@class='track head']/text") == ["20 min"]
    assert attributes(drawn, ".//svg[@class='track head']/text", "x", "y") == [("50.00%", "13")]
    assert attributes(drawn, ".//rect[@class='gap']", "x", "width", "y", "height")[0] == ("44.00%", "12.00%", "0", "18")
    assert texts(drawn, ".//div[@class='numbers']") == [
        "20 min 1 s in all",
        "failed after 0.3 s, wait 20 min, 0.3 s",
    ]
    assert attributes(drawn, ".//svg[@role='img']", "aria-label") == [
        ("attempt 1 FAILED 0.3 s; attempt 2 SUCCEEDED 0.3 s",)
    ]


def test_a_short_wait_is_to_scale() -> None:
    drawn = draw(execution(("A", 0, 9.5, "SUCCEEDED"), ("B", 10, 20, "SUCCEEDED")))
    assert bars(drawn) == [("bar succeeded", "0.00%", "47.50%"), ("bar succeeded", "50.00%", "50.00%")]
    assert texts(drawn, ".//text") == []


def test_thirty_gaps_leave_half_of_the_width_to_the_attempts() -> None:
    attempts = [("A", 100.0 * number, 100.0 * number + 1, "SUCCEEDED") for number in range(31)]
    drawn = draw(execution(*attempts))  # type: ignore[arg-type]
    assert {width for _, _, width in bars(drawn)} == {"1.68%"}
    assert bars(drawn)[-1][1] == "98.32%"
    assert texts(drawn, ".//text") == []


def test_waits_before_the_first_and_after_the_last_attempt_are_gaps_too() -> None:
    drawn = draw(execution(("A", 100, 101, "TIMED_OUT"), status="TIMED_OUT", ended=301))
    assert bars(drawn) == [("bar timed_out", "12.00%", "76.00%")]
    assert texts(drawn, ".//text") == ["2 min", "3 min"]


def test_an_execution_of_no_length_is_drawn() -> None:
    drawn = draw(execution(("A", 0, 0, "SUCCEEDED")))
    assert bars(drawn) == [("bar succeeded", "0.00%", "0.00%")]
    assert texts(draw(execution()), ".//div[@class='numbers']") == ["0 s in all"]
