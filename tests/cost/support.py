"""A small load whose bill can be computed by hand."""

from __future__ import annotations

from pathlib import Path

from ceap.cfn.lookup import Machine
from ceap.cfn.template import Template
from ceap.cost.load import Load, Stated, stated_load
from ceap.graph.read import find_pipeline
from templates.model import StepKind
from tests.graph.support import template_of


def machine_of(declaration: Path) -> tuple[Template, Machine]:
    template = template_of(declaration)
    return template, find_pipeline(template)[2]


def load_of(declaration: Path, message: str = "{}", **stated: float) -> Load:
    """Return a load of 1,000 executions with 10 records of 100 bytes, where nothing else is stated."""
    _, machine = machine_of(declaration)
    numbers = {"executions": 1000, "records": 10, "record_bytes": 100, "stage_s": 2.0, "job_s": 90.0, "retries": 0.0}
    stages = {stage: kind is StepKind.GLUE for stage, kind in machine.kinds().items()}
    return stated_load(Stated(**(numbers | stated)), stages, message, publishes=True)  # type: ignore[arg-type]
