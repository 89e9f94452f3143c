"""What the README shows of the sample."""

from __future__ import annotations

import re

import pytest

from ceap import project
from ceap.cli import main

README = (project.ROOT / "README.md").read_text(encoding="utf-8")
DECLARATION = project.WORKFLOWS / "realtime.yaml"


def test_the_declaration_that_it_shows_is_the_committed_one() -> None:
    [shown] = re.findall(r"```yaml\n# workflows/realtime.yaml\n(.*?)```", README, re.DOTALL)
    committed = DECLARATION.read_text(encoding="utf-8")
    for key in ("stage", "handler"):
        names = re.findall(rf"{key}: (\w+)", shown)
        assert names == re.findall(rf"{key}: (\w+)", committed)
        assert len(names) == 5


def test_a_run_ends_with_the_line_that_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(DECLARATION)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] in README.splitlines()
