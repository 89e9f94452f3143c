"""A workflow in the local engine: what of it is deployed."""

from __future__ import annotations

from pathlib import Path

from ceap import project
from ceap.local import request, runner
from ceap.local.engine import Engine

GLUE_ALONE = """
name: heavy
type: STANDARD
steps:
  - {stage: HeavyStage, glue: heavy, timeout_min: 5}
"""


def test_a_workflow_of_glue_steps_alone_is_deployed(tmp_path: Path) -> None:
    declaration = tmp_path / "heavy.yaml"
    declaration.write_text(GLUE_ALONE, encoding="utf-8")
    [workflow] = project.load_workflows([declaration])
    with Engine.start() as engine:
        assert list(runner.deploy(engine, request.build_for(workflow)).stages) == ["HeavyStage"]
