"""The table of docs/reference/bench.md."""

import pytest

from bench import page
from bench.catalogue import figures
from bench.figure import Figure, Seen
from bench.page import BEGIN, END, Row, read_rows, write_rows

EMPTY = f"Before.\n\n{BEGIN}\n{END}\n\nAfter.\n"
SPEED, SIZE = Figure("speed", 0.5), Figure("size", 64, "MiB")
ALL = {"synth": [SPEED], "check": [SIZE]}


def measured(text: str = EMPTY, *, value: float = 0.4) -> str:
    return write_rows(text, ALL, "synth", [Seen(SPEED, value)], "a machine")


def test_the_page_has_the_figures_of_all_measurements_and_their_goals() -> None:
    found = figures()
    rows = [row[:3] for row in read_rows(page.PAGE.read_text(encoding="utf-8")) if row.name in found]
    assert rows == [(name, each.title, each.goal) for name, some in found.items() for each in some]


def test_what_is_not_measured_yet_has_a_row() -> None:
    assert read_rows(write_rows(EMPTY, ALL)) == [
        Row("synth", "speed", "at most 0.5"),
        Row("check", "size", "at most 64 MiB"),
    ]


def test_a_measurement_replaces_only_its_own_rows() -> None:
    text = write_rows(measured(), ALL, "check", [Seen(SIZE, 70)], "another")
    assert read_rows(text) == [
        Row("synth", "speed", "at most 0.5", "0.4", "met", "a machine"),
        Row("check", "size", "at most 64 MiB", "70 MiB", "missed", "another"),
    ]


def test_a_figure_that_was_not_seen_keeps_its_row() -> None:
    assert write_rows(measured(), ALL, "synth", [], "another") == measured()


@pytest.mark.parametrize(("value", "verdict"), [(0.5, "met"), (0.5004, "met"), (0.51, "missed")])
def test_the_verdict_is_that_on_the_number_in_the_row(value: float, verdict: str) -> None:
    assert read_rows(measured(value=value))[0].verdict == verdict


def test_a_new_goal_is_held_against_what_was_seen() -> None:
    stricter = ALL | {"synth": [SPEED._replace(at_most=0.3)]}
    assert read_rows(write_rows(measured(), stricter))[0][2:5] == ("at most 0.3", "0.4", "missed")


def test_a_figure_that_is_gone_loses_its_row() -> None:
    assert [row.title for row in read_rows(write_rows(measured(), ALL | {"synth": []}))] == ["size"]


def test_rows_of_a_measurement_that_is_not_here_stay() -> None:
    assert read_rows(write_rows(measured(), {"check": [SIZE]}))[1] == read_rows(measured())[0]


def test_what_is_written_by_hand_stays() -> None:
    text = measured()
    assert (text.partition(BEGIN)[0], text.partition(END)[2]) == ("Before.\n\n", "\n\nAfter.\n")
