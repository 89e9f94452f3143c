"""`ceap rollback`: a stack back to the deployment before."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

EXAMPLES: Final = {
    "ceap rollback --env dev workflows/realtime.yaml": "go back to the deployment before, after a question",
    "ceap rollback --env dev --foundation --yes": "the same for the foundation, without a question",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ceap.deploy.arguments import add_change_arguments, add_gate_argument, add_stack_arguments

    add_stack_arguments(parser)
    add_change_arguments(parser)
    add_gate_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Go back, tell each step, and print the outputs."""
    from ceap import project
    from ceap.aws.environments import load_environment
    from ceap.deploy.arguments import stack_of
    from ceap.deploy.shipping import shipping

    name = stack_of(arguments)
    with shipping(arguments, load_environment(arguments.env, Path.cwd()), project.ROOT) as ship:
        ship.roll_back(name)
    return 0
