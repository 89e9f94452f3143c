"""`ceap synth`: declarations -> templates."""

import argparse
import sys
from pathlib import Path
from typing import Final

from ceap import imports

EXAMPLES: Final = {
    "ceap synth": "write the templates of all workflows to generated/",
    "ceap synth workflows/realtime.yaml --out /tmp/templates": "write two templates, its own and the foundation's",
    "ceap synth workflows/realtime.yaml --stdout": "print the template of one workflow",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "workflows",
        nargs="*",
        type=Path,
        metavar="WORKFLOW.yaml",
        help="declarations; without any, all of workflows/, and its schema.json is written too",
    )
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--out", type=Path, metavar="DIR", help="folder for the templates (default: generated/)")
    target.add_argument(
        "--stdout", action="store_true", help="write the template of the one WORKFLOW.yaml to standard output"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the templates; nothing is written unless every declaration is right."""
    with imports.lean():
        from ceap import files, project
        from ceap.cfn.template import INLINE_MAX
        from ceap.errors import UsageError

    if arguments.stdout:
        if len(arguments.workflows) != 1:
            raise UsageError(f"--stdout takes exactly one WORKFLOW.yaml, not {len(arguments.workflows)}")
        [_, (_, text)] = project.build_templates(project.load_workflows(arguments.workflows))
        sys.stdout.write(text)
        return 0
    if arguments.workflows or arguments.out:
        folder = arguments.out or project.GENERATED
        build = project.build_templates if arguments.workflows else project.build_all_templates
        templates = build(project.load_workflows(arguments.workflows or project.declarations()))
        written = files.write_all((folder / name, text) for name, text in templates)
    else:
        written = files.write_all(project.build_generated())
    for path, size, changed in written:
        print(f"{'written  ' if changed else 'unchanged'}  {size:>7,} bytes  {_short(path)}")
        if path.suffix == ".yaml" and size > INLINE_MAX:
            print(
                f"ceap: {_short(path)} is over {INLINE_MAX:,} bytes: the AWS CLI deploys it with --s3-bucket only",
                file=sys.stderr,
            )
    return 0


def _short(path: Path) -> str:
    """Return a path relative to the working folder where it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
