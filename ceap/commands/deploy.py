"""`ceap deploy`: the foundation and workflows into an environment, by change sets."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ceap.ceap_toml import Environment
    from ceap.cfn.template import Template
    from templates.model import Workflow

EXAMPLES: Final = {
    "ceap deploy --env dev workflows/realtime.yaml": "deploy the foundation and a workflow, after a question for each",
    "ceap deploy --env dev --yes": "deploy the foundation and all workflows, without questions, as CI does",
    "ceap deploy --env dev --foundation": "deploy the foundation alone",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ceap.deploy.arguments import add_change_arguments, add_gate_argument

    parser.add_argument(
        "workflows", nargs="*", type=Path, metavar="WORKFLOW.yaml", help="declarations (default: all of workflows/)"
    )
    parser.add_argument("--foundation", action="store_true", help="deploy the foundation alone")
    add_change_arguments(parser)
    add_gate_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Deploy, tell each step, and print the outputs."""
    from ceap import project
    from ceap.aws.environments import load_environment
    from ceap.ceap_toml import load_config
    from ceap.deploy.artifacts import build_artifacts
    from ceap.deploy.shipping import shipping
    from ceap.errors import UsageError

    if arguments.foundation and arguments.workflows:
        raise UsageError("--foundation deploys the foundation alone; leave it out, or the declarations")
    paths = [] if arguments.foundation else (arguments.workflows or project.declarations())
    environment = load_environment(arguments.env, Path.cwd())
    templates = _templates(project.load_workflows(paths), environment)
    artifacts = build_artifacts(bytecode=load_config(Path.cwd()).bytecode)
    with shipping(arguments, environment, project.ROOT) as ship:
        ship.deploy(templates, artifacts)
    return 0


def _templates(workflows: Iterable[Workflow], environment: Environment) -> dict[str, Template]:
    """Return the templates by the names of their stacks, the foundation's first.

    Raises:
        UsageError: the committed template is another one, or ceap.toml gives a value to a parameter of none.
    """
    from ceap import project
    from ceap.aws.environments import check_parameters
    from ceap.cfn.template import parse_template
    from templates import naming

    workflows = list(workflows)
    names = [naming.FOUNDATION, *(workflow.name for workflow in workflows)]
    built = dict(zip(names, project.build_templates(workflows), strict=True))
    templates = {name: parse_template(text, _committed(file, text)) for name, (file, text) in built.items()}
    if environment.parameters:
        others = project.build_templates(project.load_workflows(project.declarations()))
        check_parameters(environment, [*templates.values(), *(parse_template(text, file) for file, text in others)])
    return templates


def _committed(file: str, text: str) -> str:
    """Return the path of a template in generated/; UsageError if what was reviewed there is not what is deployed."""
    from os.path import relpath

    from ceap import project
    from ceap.errors import UsageError

    path = project.GENERATED / file
    shown = relpath(path)
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        raise UsageError(f"{shown}: is not what the declaration generates; run `make templates`, review it and commit")
    return shown
