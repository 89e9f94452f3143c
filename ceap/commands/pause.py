"""`ceap pause`: the pipe of a workflow stopped, so that messages wait in the queue."""

from __future__ import annotations

import argparse
from typing import Final

EXAMPLES: Final = {
    "ceap pause --env dev workflows/realtime.yaml": "let messages wait in the queue",
    "ceap pause --env dev --json workflows/batch.yaml": "the same, and print the pipe and what waits as JSON",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ceap.operate.call import add_workflow_arguments

    add_workflow_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the pipe and what waits as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Stop the pipe, and print what follows from it."""
    import msgspec

    from ceap.aws.pace import Pace
    from ceap.operate.call import opened
    from ceap.operate.pausing import pause, paused_lines

    with opened(arguments) as (aws, workflow, call):
        turned = pause(aws, workflow, Pace())
    print(msgspec.json.encode(turned).decode() if arguments.json else "\n".join(paused_lines(turned, call)))
    return 0
