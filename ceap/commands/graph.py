"""`ceap graph`: a workflow's template as a picture."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

EXAMPLES: Final = {
    "ceap graph workflows/realtime.yaml": "print the workflow as Mermaid, to put into Markdown",
    "ceap graph workflows/realtime.yaml --format svg --out realtime.svg": "write it as a picture that browsers show",
}
SUFFIXES: Final = {"mermaid": ".mmd", "svg": ".svg"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("workflow", type=Path, metavar="WORKFLOW.yaml", help="the declaration of the workflow")
    parser.add_argument(
        "--format", choices=tuple(SUFFIXES), default="mermaid", help="form of the picture (default: mermaid)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the picture to a file, not to standard output")


def run(arguments: argparse.Namespace) -> int:
    """Draw the template that the declaration generates."""
    from ceap import files, project
    from ceap.cfn.template import parse_template
    from ceap.graph.mermaid import draw_mermaid
    from ceap.graph.read import read_chart
    from ceap.graph.svg import draw_svg

    out = arguments.out and files.check_place(arguments.out, "--out", SUFFIXES[arguments.format])
    [_, (name, text)] = project.build_templates(project.load_workflows([arguments.workflow]))
    chart = read_chart(parse_template(text, name))
    picture = draw_svg(chart) if arguments.format == "svg" else draw_mermaid(chart)
    if out:
        files.write_all([(out, picture)])
    else:
        sys.stdout.write(picture)
    return 0
