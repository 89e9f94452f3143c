"""`ceap graph`: a workflow's template as a picture."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ceap.graph.chart import Chart

EXAMPLES: Final = {
    "ceap graph workflows/realtime.yaml": "print the workflow as Mermaid, to put into Markdown",
    "ceap graph workflows/realtime.yaml --format svg --out realtime.svg": "write it as a picture that browsers show",
    "ceap graph --env dev --execution 1531c857 workflows/batch.yaml": "show what became of each stage of an execution",
}
SUFFIXES: Final = {"mermaid": ".mmd", "svg": ".svg"}
_FORMATS: Final = {suffix: name for name, suffix in SUFFIXES.items()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ceap.aws.session import add_aws_arguments

    parser.add_argument("workflow", type=Path, metavar="WORKFLOW.yaml", help="the declaration of the workflow")
    parser.add_argument(
        "--format", choices=tuple(SUFFIXES), default="mermaid", help="form of the picture (default: mermaid)"
    )
    parser.add_argument(
        "--execution",
        metavar="EXECUTION",
        help="show what became of an execution: its name, the beginning of it, its ARN, or the id of its message",
    )
    add_aws_arguments(parser, is_env_required=False)
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the picture to a file, not to standard output")


def run(arguments: argparse.Namespace) -> int:
    """Draw the template that the declaration generates, or the deployed one of an environment."""
    from ceap import files
    from ceap.errors import UsageError
    from ceap.graph.mermaid import draw_mermaid
    from ceap.graph.svg import draw_svg

    suffix = SUFFIXES[arguments.format]
    if arguments.out and (meant := _FORMATS.get(arguments.out.suffix, arguments.format)) != arguments.format:
        raise UsageError(f"--out {arguments.out}: its name does not end in {suffix}; give --format {meant} with it")
    out = arguments.out and files.check_place(arguments.out, "--out", suffix)
    chart = _deployed(arguments) if arguments.env else _declared(arguments)
    picture = draw_svg(chart) if arguments.format == "svg" else draw_mermaid(chart)
    if out:
        files.write_all([(out, picture)])
    else:
        sys.stdout.write(picture)
    return 0


def _declared(arguments: argparse.Namespace) -> Chart:
    from ceap import project
    from ceap.cfn.template import parse_template
    from ceap.errors import UsageError
    from ceap.graph.read import read_chart

    for option in ("execution", "profile", "region"):
        if vars(arguments)[option] is not None:
            raise UsageError(f"--{option} needs an environment, whose AWS account is asked: --env dev")
    [_, (name, text)] = project.build_templates(project.load_workflows([arguments.workflow]))
    return read_chart(parse_template(text, name))


def _deployed(arguments: argparse.Namespace) -> Chart:
    from ceap.aws.moment import now_of
    from ceap.graph.read import read_chart
    from ceap.operate.call import opened
    from ceap.operate.execution_chart import with_execution
    from ceap.operate.finding import Search, default_since
    from ceap.operate.trace import Extent, trace
    from ceap.output import say

    with opened(arguments) as (aws, workflow, call):
        chart = read_chart(workflow.stack.template, arguments.env)
        if arguments.execution is None:
            return chart
        now = now_of(aws)
        search = Search(aws, workflow, default_since(workflow, None, now), say)
        story = trace(search, arguments.execution, Extent(call, False, False), now)
    return with_execution(chart, story.executions[-1])
