"""`ceap diff`: what a change of templates does to the stacks, before it is deployed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ceap.deploy.diff.report import Report

EXAMPLES: Final = {
    "ceap diff": "what generated/ changes against main",
    "ceap diff --format markdown --fail-on loss,replacement": "the same for a pull request, to be stopped",
    "ceap diff generated/realtime.template.yaml --deployed --env dev": "what a deployment of it would change in dev",
}
FORMATS: Final = ("text", "json", "markdown")
FAIL_ON: Final = ("replacement", "loss", "wider")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ceap.aws.session import add_aws_arguments

    parser.add_argument(
        "templates", nargs="*", type=Path, metavar="TEMPLATE", help="templates to compare (default: all of generated/)"
    )
    old = parser.add_mutually_exclusive_group()
    old.add_argument(
        "--against",
        metavar="REVISION|TEMPLATE",
        help="a git revision, or a template (default: the commit at which this branch left main)",
    )
    old.add_argument("--deployed", action="store_true", help="compare with what is deployed in the environment --env")
    add_aws_arguments(parser, is_env_required=False)
    parser.add_argument("--format", choices=FORMATS, default="text", help="format of the diff (default: text)")
    parser.add_argument(
        "--fail-on",
        type=_kinds,
        action="extend",
        default=[],
        metavar="KINDS",
        help=f"exit with 1 on one of {', '.join(FAIL_ON)}; several with commas, or given several times",
    )


def _kinds(text: str) -> list[str]:
    from templates.words import allowed

    kinds = text.split(",")
    for kind in kinds:
        if kind not in FAIL_ON:
            raise argparse.ArgumentTypeError(f"{kind!r} is no kind of change; {allowed(kind, FAIL_ON)}")
    return kinds


def run(arguments: argparse.Namespace) -> int:
    """Print the diff on standard output; return 1 if it has what --fail-on names, else 0."""
    from ceap.deploy.diff.describe import Form, describe_all
    from ceap.deploy.diff.report import failures
    from ceap.output import say

    report = _report(arguments)
    encoding = sys.stdout.encoding or "utf-8"
    text = describe_all(report, Form(arguments.format))
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()
    found = list(failures(report, arguments.fail_on))
    for line in found:
        say(f"ceap: --fail-on {','.join(dict.fromkeys(arguments.fail_on))}: {line}")
    return 1 if found else 0


def _report(arguments: argparse.Namespace) -> Report:
    from ceap.aws.environments import load_environment
    from ceap.aws.session import explained, open_session
    from ceap.deploy.diff import gather
    from ceap.errors import UsageError

    environment = load_environment(arguments.env, Path.cwd()) if arguments.env else None
    if arguments.deployed:
        if environment is None:
            raise UsageError("--deployed: which environment? name it: --deployed --env dev")
        aws = open_session(environment, arguments.profile, arguments.region)
        with explained(aws.profile):
            return gather.of_stacks(arguments.templates, aws, environment)
    if arguments.profile or arguments.region:
        raise UsageError("--profile and --region are for --deployed; without it no account is asked")
    if arguments.against and Path(arguments.against).is_file():
        return gather.of_file(arguments.templates, Path(arguments.against), environment)
    return gather.of_revision(arguments.templates, arguments.against, environment)
