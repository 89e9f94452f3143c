"""Lines that a function prints, as people read them."""

from __future__ import annotations

import json

import pytest

from ceap.local.log_lines import read_line

METRICS = json.dumps({"Count": 3, "Stage": "SiftStage", "_aws": {"Timestamp": 1}})


def test_a_line_of_the_logger_has_its_level_message_and_own_keys() -> None:
    common = {"timestamp": "t", "service": "ceap", "location": "run:3", "executionId": "e", "currentStage": "SiftStage"}
    line = json.dumps({"level": "WARNING", "message": "table is slow", **common, "table": "config", "tries": [1, 2]})
    assert read_line(line, with_metrics=False) == "WARNING table is slow  table=config  tries=[1,2]"


@pytest.mark.parametrize("line", ["plain", "", "{not JSON", "[1]", '{"level": 3, "message": "m"}', "null"])
def test_any_other_line_stays_as_it_is(line: str) -> None:
    assert read_line(line, with_metrics=False) == line


def test_a_line_of_metrics_is_shown_only_if_they_are_wanted() -> None:
    assert read_line(METRICS, with_metrics=False) is None
    assert read_line(METRICS, with_metrics=True) == "METRICS Count=3  Stage=SiftStage"


def test_a_long_value_is_cut() -> None:
    line = json.dumps({"level": "INFO", "message": "m", "rows": "x" * 500})
    assert read_line(line, with_metrics=False) == f"INFO    m  rows={'x' * 160}..."
