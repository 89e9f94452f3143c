"""`ceap run`: how it shows what failed and what handlers print, with stages written for the purpose."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ceap.cli import main

Captured = pytest.CaptureFixture[str]
Try = Callable[..., tuple[int, str]]


@pytest.fixture
def attempt(write_stage: Callable[[str], None], capsys: Captured) -> Try:
    """Run a workflow of one stage, whose body is given, and return the exit code and what was told on the way."""

    def run(body: str, *words: str) -> tuple[int, str]:
        write_stage(body)
        code = main(["run", "tried.yaml", *words])
        told = capsys.readouterr()
        return code, told.err + told.out

    return run


def test_an_exception_is_shown_once_where_it_was_raised_with_what_was_printed(attempt: Try) -> None:
    code, told = attempt("print('at', record['id']); 1 / (record['id'] != 'r2')")
    assert code == 1
    block = told[told.index("\nBreakStage failed") : told.index("objects in the workflow bucket")].splitlines()[1:-1]
    assert block == [
        "BreakStage failed in attempt 1 of execution 1, having taken 2 records",
        "  ZeroDivisionError: division by zero, at handlers/break_it.py:16",
        "    handlers/break_it.py:16 in process_data",
        "        print('at', record['id']); 1 / (record['id'] != 'r2')",
        "  again in attempts 2 and 3, and in executions 2 and 3",
        "  5 last lines that it printed:",
        "  | INFO    stage started",
        "  | INFO    stage paths",
        "  | at r1",
        "  | at r2",
        "  | ERROR   stage failed  errorType=TransientStageError",
    ]
    lines = re.findall(r"attempt \d  FAILED  [0-9.]+ s  (.*)", told)
    assert lines == ["ZeroDivisionError: division by zero, at handlers/break_it.py:16"] + ["the same error again"] * 8
    assert told.endswith("\nlast failure: ZeroDivisionError: division by zero, at handlers/break_it.py:16\n")


def test_a_package_that_the_function_lacks_on_aws_fails_its_import_with_the_cure(attempt: Try) -> None:
    code, told = attempt("from rich import print as show")
    block = told[told.index("\nBreakStage failed") :].splitlines()[2:6]
    assert (code, block) == (
        1,
        [
            "  ModuleNotFoundError: No module named 'rich', at handlers/break_it.py:16",
            "    handlers/break_it.py:16 in process_data",
            "        from rich import print as show",
            "  cure: rich is installed here, but the function's zip does not hold it; list it in a set, e.g. "
            'handlers/packages/tables.in, call `make lock`, and name the set in NEEDS: packages="tables"',
        ],
    )


def test_a_stage_that_yields_none_is_shown_at_its_yield(attempt: Try) -> None:
    _, told = attempt("yield None")
    assert "\nBreakStage failed in attempt 1 of execution 1, having taken 1 record\n" in told
    assert "\n    handlers/break_it.py:16 in process_data\n        yield None\n  again in executions 2 and 3\n" in told


def test_lines_are_shown_as_they_come_and_kept(attempt: Try, tmp_path: Path) -> None:
    code, told = attempt("print('at', record['id'])", "--logs", "--keep", "kept")
    assert code == 0
    shown = [line.split(" | ")[1] for line in told.splitlines() if line.startswith("  BreakStage           | ")]
    assert shown[:4] == ["INFO    stage started", "INFO    stage paths", "at r1", "at r2"]
    assert shown[4].startswith('INFO    stage succeeded  records={"inputRecordCount":2,')
    assert len(shown) == 5
    [log] = (tmp_path / "kept" / "latest").glob("executions/*/logs/BreakStage.log")
    kept = log.read_text(encoding="utf-8").splitlines()
    assert kept[2:4] == ["at r1", "at r2"]
    assert any('"_aws"' in line for line in kept)


def test_metrics_and_all_frames_are_shown_if_they_are_wanted(attempt: Try) -> None:
    _, told = attempt("raise KeyError('colour')", "--logs", "--metrics", "--trace")
    assert "  BreakStage           | METRICS " in told
    assert "handlers/runtime/stage.py:" in told
    assert "last lines that it printed" not in told
