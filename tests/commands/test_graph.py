from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ceap.cli import main
from ceap.graph.mermaid import draw_mermaid
from ceap.graph.svg import draw_svg
from ceap.local.engine import Engine
from tests.graph.support import chart_of
from tests.reference import EXPRESS, STAGES


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


def test_the_format_that_the_name_of_a_file_asks_for_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert graph(EXPRESS, "--out", tmp_path / "x.svg") == 2
    assert capsys.readouterr().err.endswith("x.svg: its name does not end in .mmd; give --format svg with it\n")


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


def test_the_deployed_template_is_drawn_with_the_names_of_the_environment(
    sent: tuple[Engine, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert graph(EXPRESS, "--env", "dev") == 0
    assert capsys.readouterr().out == draw_mermaid(chart_of(EXPRESS, "dev"))


def test_an_execution_is_drawn_with_state_attempts_and_duration_of_each_stage(
    sent: tuple[Engine, str], capsys: pytest.CaptureFixture[str]
) -> None:
    engine, message = sent
    assert graph(EXPRESS, "--env", "dev", "--execution", message, "--format", "svg") == 0
    drawn = capsys.readouterr().out
    assert f"execution {engine.executions[-1].name}: succeeded, as its log told, started " in drawn
    assert drawn.count('<g class="function succeeded">') == len(STAGES)
    assert len(re.findall(r">succeeded, 1 attempt in [\d.]+ s<", drawn)) == len(STAGES)


def test_an_execution_that_nobody_knows_is_an_error(
    sent: tuple[Engine, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert graph(EXPRESS, "--env", "dev", "--execution", "nobody") == 1
    assert "nobody" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--execution", "--profile", "--region"])
def test_what_asks_aws_needs_an_environment(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert graph(EXPRESS, option, "x") == 2
    assert f"{option} needs an environment" in capsys.readouterr().err
