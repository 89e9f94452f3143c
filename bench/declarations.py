"""Declarations to measure with: pairs of an EXPRESS and a STANDARD workflow with the steps of one of the project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ceap import project
from templates.model import WorkflowType
from templates.stacks import foundation_stack, workflow_stack

TYPES: Final = tuple(kind.value for kind in WorkflowType)


def declaration() -> Path:
    """Return the project's declaration to measure with; the sample's is the realtime workflow."""
    *_, path = project.declarations()
    return path


def write_pairs(folder: Path, count: int) -> list[Path]:
    """Write that declaration `count` times as each type, e.g. as `w0-express` and `w0-standard`; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    text = declaration().read_text(encoding="utf-8")
    paths = []
    for name, kind in ((f"w{number}-{kind.lower()}", kind) for number in range(count) for kind in TYPES):
        path = folder / f"{name}.yaml"
        typed = re.sub(r"(?m)^type:.*$", f"type: {kind}", text)
        path.write_text(re.sub(r"(?m)^name:.*$", f"name: {name}", typed), encoding="utf-8")
        paths.append(path)
    return paths


def contents(paths: list[Path]) -> Mapping[str, dict[str, Any]]:
    """Return the templates of declarations as data, by their names, and that of the foundation."""
    workflows = project.load_workflows(paths)
    return {"foundation": foundation_stack()} | {workflow.name: workflow_stack(workflow) for workflow in workflows}
