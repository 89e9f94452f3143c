"""The options that all commands have which change stacks."""

import argparse
from pathlib import Path


def add_change_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --env, --profile, --region, --yes and --json."""
    from ceap.aws.session import add_aws_arguments

    add_aws_arguments(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask; without a terminal nothing is done without it")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")


def add_gate_argument(parser: argparse.ArgumentParser) -> None:
    """Add --allow-replacement."""
    parser.add_argument(
        "--allow-replacement",
        action="store_true",
        help="also do what replaces a resource or loses data; without it that is refused",
    )


def add_stack_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the one stack that is meant: a declaration, or --foundation."""
    stack = parser.add_mutually_exclusive_group(required=True)
    stack.add_argument(
        "workflow", nargs="?", type=Path, metavar="WORKFLOW.yaml", help="the declaration of the deployed workflow"
    )
    stack.add_argument("--foundation", action="store_true", help="the foundation instead of a workflow")


def stack_of(arguments: argparse.Namespace) -> str:
    """Return the name of the workflow that is meant, or `foundation`; ConfigError if the declaration is wrong."""
    from templates import naming
    from templates.config import load_workflow

    return naming.FOUNDATION if arguments.foundation else load_workflow(arguments.workflow).name
