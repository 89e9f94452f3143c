from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ceap.cli import main
from ceap.graph.mermaid import draw_mermaid
from ceap.graph.svg import draw_svg
from tests.graph.support import chart_of
from tests.reference import EXPRESS


def graph(*arguments: object) -> int:
    return main(["graph", *map(str, arguments)])


def test_the_workflow_is_printed_as_mermaid(capsys: pytest.CaptureFixture[str]) -> None:
    assert graph(EXPRESS) == 0
    assert capsys.readouterr().out == draw_mermaid(chart_of(EXPRESS, None))


def test_a_picture_is_written_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "x.svg"
    assert graph(EXPRESS, "--format", "svg", "--out", out) == 0
    assert out.read_text(encoding="utf-8") == draw_svg(chart_of(EXPRESS, None))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("form", "name"), [("svg", "x.yaml"), ("mermaid", "x.svg")])
def test_a_file_of_another_kind_is_not_replaced(
    form: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / name
    assert graph(EXPRESS, "--format", form, "--out", out) == 2
    assert "its name does not end in" in capsys.readouterr().err
    assert not out.exists()


def test_a_declaration_that_is_missing_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert graph("nowhere.yaml") == 2
    assert "nowhere.yaml" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["mermaid", "svg"])
def test_two_processes_draw_the_same_bytes(form: str) -> None:
    program = "import sys, tests.conftest; from ceap.cli import main; sys.exit(main())"
    words = [sys.executable, "-c", program, "graph", str(EXPRESS), "--format", form]
    drawn = [
        subprocess.run(words, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in ("1", "4294967295")
    ]
    assert drawn[0] == drawn[1]
