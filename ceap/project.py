"""Where a project keeps its files, and what its declarations generate."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from templates import naming
from templates.config import load_workflow
from templates.errors import ConfigError
from templates.model import Workflow
from templates.render import render
from templates.stacks import Sections, deploy_sections, foundation_sections, workflow_sections

ROOT: Final = Path(__file__).resolve().parent.parent
WORKFLOWS: Final = ROOT / "workflows"
GENERATED: Final = ROOT / "generated"
SCHEMA: Final = WORKFLOWS / "schema.json"

_RESOURCES: Final = re.compile(r"""^resources:\s*["']?([^"'#\n]+?)["']?\s*(?:#.*)?$""", re.MULTILINE)


def declarations() -> list[Path]:
    """Return the project's declarations, sorted by name, without what they name as `resources`."""
    found = sorted(WORKFLOWS.glob("*.yaml"))
    named = {file for path in found for file in resource_files(path)}
    return [path for path in found if path not in named]


def resource_files(declaration: Path) -> list[Path]:
    """Return the file that a declaration names as `resources`, if it does, also where the declaration is wrong."""
    try:
        text = declaration.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [declaration.parent / name for name in _RESOURCES.findall(text)]


def load_workflows(paths: Iterable[Path]) -> list[Workflow]:
    """Load declarations; ConfigError if one is wrong, or two declare one name and would share a template."""
    seen: dict[str, Path] = {}
    workflows = []
    for path in paths:
        workflow = load_workflow(path)
        if (other := seen.setdefault(workflow.name, path)) != path:
            raise ConfigError(f"{path}: name is {workflow.name!r}, as in {other}; rename one of them")
        workflows.append(workflow)
    return workflows


def build_templates(workflows: Iterable[Workflow]) -> Iterator[tuple[str, str]]:
    """Yield file name and text of the foundation's template, then of each workflow's, one at a time."""
    for name, template in _built(workflows):
        yield naming.template_file(name), render(template)


def build_all_templates(workflows: Sequence[Workflow]) -> Iterator[tuple[str, str]]:
    """Yield those templates, then that of the roles that can deploy all of them, if there is a workflow to deploy."""
    types: set[str] = set()
    for name, template in _built(workflows):
        types |= {resource["Type"] for resource in template["Resources"].values()}
        yield naming.template_file(name), render(template)
    if not workflows:
        return
    roles = deploy_sections(types, in_vpc=any(workflow.vpc for workflow in workflows))
    yield naming.template_file(naming.DEPLOY), render(roles)


def _built(workflows: Iterable[Workflow]) -> Iterator[tuple[str, Sections]]:
    yield naming.FOUNDATION, foundation_sections()
    for workflow in workflows:
        yield workflow.name, workflow_sections(workflow)


def build_generated() -> Iterator[tuple[Path, str]]:
    """Yield path and text of every file that the project's declarations generate, the schema for editors included."""
    from templates.schema import schema_text

    for name, text in build_all_templates(load_workflows(declarations())):
        yield GENERATED / name, text
    yield SCHEMA, schema_text()
