"""`ceap resume`: the pipe of a workflow started, so that it takes messages again."""

from __future__ import annotations

import argparse
from typing import Final

EXAMPLES: Final = {
    "ceap resume --env dev workflows/realtime.yaml": "let the pipe take the messages that wait",
    "ceap resume --env dev --json workflows/batch.yaml": "the same, and print the pipe and what waits as JSON",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ceap.operate.call import add_workflow_arguments

    add_workflow_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the pipe and what waits as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Start the pipe, and print what follows from it."""
    import msgspec

    from ceap.aws.pace import Pace
    from ceap.operate.call import opened
    from ceap.operate.pausing import resume, resumed_lines

    with opened(arguments) as (aws, workflow, _):
        turned = resume(aws, workflow, Pace())
    print(msgspec.json.encode(turned).decode() if arguments.json else "\n".join(resumed_lines(turned)))
    return 0
