from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from ceap.project import ROOT
from templates.config import parse_workflow
from templates.errors import ConfigError
from templates.source import parse_source
from tests import bare, processes

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the framework in which the README's own handler and workflow were written."""
    folder = tmp_path_factory.mktemp("clone")
    bare.copy_framework(folder)
    bare.write_own_workflow(folder)
    return folder


def ceap(clone: Path, *words: str) -> str:
    command = [sys.executable, "-c", "import sys; from ceap.cli import main; sys.exit(main())", *words]
    environment = {**os.environ, "PYTHONPATH": str(clone)}
    done = processes.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def test_the_handler_of_the_readme_runs_as_it_says(clone: Path) -> None:
    ceap(clone, "run", "workflows/orders.yaml", "--keep", "objects")
    [output] = clone.glob("objects/latest/executions/*/ConvertStage/output.json")
    assert json.loads(output.read_text())["data"] == [{"id": 1, "amount": 10.5, "currency": "EUR"}]
    rejected = json.loads((output.parent / "rejected.jsonl").read_text())
    assert (rejected["code"], rejected["record"]) == ("AMOUNT_MISSING", {"id": 2})


def test_its_template_is_written_and_fresh_and_breaks_no_rule(clone: Path) -> None:
    assert "generated/orders.template.yaml" in ceap(clone, "synth")
    assert ceap(clone, "check") == ""


def test_a_step_that_is_too_long_is_answered_as_it_shows() -> None:
    [declaration] = re.findall(r"```yaml\n(# workflows/orders\.yaml\n.*?)```", README, re.DOTALL)
    [shown] = re.findall(r"```text\n(ceap: workflows/orders\.yaml:8.*)\n```", README)
    longer = declaration.replace("timeout_s: 30\n", "timeout_s: 301\n").replace("handler: convert", "handler: take")
    with pytest.raises(ConfigError) as refused:
        parse_workflow(parse_source(longer, "workflows/orders.yaml"))
    assert f"ceap: {refused.value}" == shown


def test_every_page_that_the_readme_names_is_there() -> None:
    missing = [path for path in re.findall(r"]\((?!https?:)([^)#]+)\)", README) if not (ROOT / path).exists()]
    assert missing == []
