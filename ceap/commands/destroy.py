"""`ceap destroy`: a stack deleted, its data kept."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

EXAMPLES: Final = {
    "ceap destroy --env dev workflows/realtime.yaml": "delete a workflow's stack, once its queue is empty",
    "ceap destroy --env dev --leave-messages workflows/realtime.yaml": "leave the messages in the queue, which stays",
    "ceap destroy --env dev --foundation": "delete the foundation, when no workflow uses it any more",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ceap.deploy.arguments import add_change_arguments, add_stack_arguments

    add_stack_arguments(parser)
    add_change_arguments(parser)
    parser.add_argument(
        "--leave-messages", action="store_true", help="also while messages are in the queue, which stays with them"
    )


def run(arguments: argparse.Namespace) -> int:
    """Bring the workflow to rest, delete its stack, and tell what stays."""
    from ceap import project
    from ceap.aws.environments import load_environment
    from ceap.deploy.arguments import stack_of
    from ceap.deploy.shipping import shipping

    name = stack_of(arguments)
    with shipping(arguments, load_environment(arguments.env, Path.cwd()), project.ROOT) as ship:
        ship.destroy(name, leave_messages=arguments.leave_messages)
    return 0
