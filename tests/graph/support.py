"""Charts of the reference's templates, and templates with one thing changed."""

from __future__ import annotations

from pathlib import Path

from ceap import project
from ceap.cfn.template import Template, parse_template
from ceap.graph.chart import Chart
from ceap.graph.read import read_chart
from templates.config import load_workflow


def template_of(declaration: Path) -> Template:
    """Return the template that a declaration generates."""
    [_, (name, text)] = project.build_templates([load_workflow(declaration)])
    return parse_template(text, name)


def chart_of(declaration: Path, environment: str | None = "dev") -> Chart:
    return read_chart(template_of(declaration), environment)
