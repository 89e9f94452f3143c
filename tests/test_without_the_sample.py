"""docs/how-to/without-the-sample.md, followed in a copy of the project."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests import bare

TABLES = "AWS::DynamoDB::Table"


def test_a_project_without_the_sample_passes_its_check_and_runs_a_workflow_of_its_own(tmp_path: Path) -> None:
    project = tmp_path / "project"
    bare.copy(project)
    bare.make_environment(project)
    for command in bare.deletions(bare.PAGE.read_text(encoding="utf-8")):
        bare.run(project, *command.split())
    bare.write_own_workflow(project)
    bare.run(project, "make", "templates")
    generated = sorted(path.name for path in (project / "generated").iterdir())
    assert generated == ["foundation.template.yaml", "orders.template.yaml"]
    foundation = yaml.load((project / "generated/foundation.template.yaml").read_bytes(), Loader=yaml.BaseLoader)
    assert [name for name, body in foundation["Resources"].items() if body["Type"] == TABLES] == []
    bare.run(project, "make", "check")
    assert "orders: SUCCEEDED" in bare.run(project, "make", "run", "WORKFLOW=orders")
