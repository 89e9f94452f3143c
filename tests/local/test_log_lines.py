"""Lines that a function prints, as people read them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ceap.local.frames import code_of_functions
from ceap.local.log_lines import read_line

METRICS = json.dumps({"Count": 3, "Stage": "SiftStage", "_aws": {"Timestamp": 1}})


def test_a_line_of_the_logger_has_its_level_message_and_own_keys() -> None:
    common = {"timestamp": "t", "service": "ceap", "location": "run:3", "executionId": "e", "currentStage": "SiftStage"}
    line = json.dumps({"level": "WARNING", "message": "table is slow", **common, "table": "config", "tries": [1, 2]})
    assert read_line(line, with_metrics=False) == "WARNING table is slow  table=config  tries=[1,2]"


@pytest.mark.parametrize(
    "line", ["plain", "", "{not JSON", "[1]", '{"level": 3, "message": "m"}', "null", '{"a":' * 9999]
)
def test_any_other_line_stays_as_it_is(line: str) -> None:
    assert read_line(line, with_metrics=False) == line


def test_a_line_of_metrics_is_shown_only_if_they_are_wanted() -> None:
    assert read_line(METRICS, with_metrics=False) is None
    assert read_line(METRICS, with_metrics=True) == "METRICS Count=3  Stage=SiftStage"


def test_a_long_value_is_cut() -> None:
    line = json.dumps({"level": "INFO", "message": "m", "rows": "x" * 500})
    assert read_line(line, with_metrics=False) == f"INFO    m  rows={'x' * 160}..."


def test_a_line_with_an_exception_shows_its_last_line_and_its_own_frames() -> None:
    trace = """Traceback (most recent call last):
  File "/unpacked/handlers/runtime/stage.py", line 7, in run
    step()
  File "/unpacked/handlers/store.py", line 41, in save
    1 / count
    ~~^~~~~~~
ZeroDivisionError: division by zero

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/unpacked/handlers/runtime/stage.py", line 7, in run
    step()
  File "/unpacked/handlers/new.py", line 43, in save
    raise KeyError(name) from error
  File "/usr/lib/python3/mapping.py", line 5, in get
    raise
KeyError: 'colour'"""
    line = json.dumps({"level": "ERROR", "message": "m", "row": 3, "exception": trace, "exception_name": "KeyError"})
    assert read_line(line, with_metrics=False) == "ERROR   m  row=3\n  KeyError: 'colour'"
    shown = read_line(line, with_metrics=False, code=code_of_functions(Path("/unpacked")))
    assert (shown or "").splitlines() == [
        "ERROR   m  row=3",
        "  KeyError: 'colour'",
        "    handlers/new.py:43 in save",
        "        raise KeyError(name) from error",
    ]
