"""`ceap drain`: waiting until a workflow has nothing left to do."""

from __future__ import annotations

import argparse
from typing import Final

EXAMPLES: Final = {
    "ceap drain --env dev workflows/realtime.yaml": "wait until the queue is empty and nothing runs",
    "ceap drain --env dev --pause --timeout 1800 workflows/batch.yaml": (
        "before maintenance: stop the pipe, and wait for what runs, half an hour at most"
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ceap.numbers import seconds
    from ceap.operate.call import add_workflow_arguments

    add_workflow_arguments(parser)
    parser.add_argument(
        "--pause", action="store_true", help="stop the pipe first, and wait for what runs; messages that wait stay"
    )
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="how long to wait (default: until it is so)")
    parser.add_argument("--json", action="store_true", help="print how it ended as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Wait, telling what is left, and print how it ended."""
    import msgspec

    from ceap.operate.call import opened
    from ceap.operate.drain import Means, drain, drained_lines
    from ceap.output import say

    with opened(arguments) as (aws, workflow, call):
        drained = drain(aws, workflow, Means(say), pause=arguments.pause, timeout_s=arguments.timeout)
    lines = drained_lines(drained, workflow, call)
    print(msgspec.json.encode(drained).decode() if arguments.json else "\n".join(lines))
    return 0 if drained.is_drained else 1
