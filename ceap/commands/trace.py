"""`ceap trace`: all that AWS still tells of one message or execution."""

from __future__ import annotations

import argparse
from typing import Final

EXAMPLES: Final = {
    "ceap trace --env dev workflows/realtime.yaml 07a2257f-f0ad-47bf-bd30-45c5c66c174d": "by the id of a message",
    "ceap trace --env dev workflows/batch.yaml 1531c857": "by an execution, or the beginning of its name",
    "ceap trace --env dev --log-lines --json workflows/batch.yaml 1531c857": "with all its log lines, as JSON",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ceap.operate.call import add_workflow_arguments

    parser.description = f"{parser.description} The text of a handler's exception, which it shows, may quote a record."
    add_workflow_arguments(parser)
    parser.add_argument(
        "what",
        metavar="MESSAGE_ID|EXECUTION",
        help="id of a message, or name, beginning of a name or ARN of an execution",
    )
    parser.add_argument(
        "--since",
        metavar="WHEN",
        help="how far back to look, e.g. 2d or 2026-01-31 (default: 14d, for EXPRESS 7d)",
    )
    parser.add_argument("--log-lines", action="store_true", help="all lines of functions and jobs")
    parser.add_argument(
        "--records", action="store_true", help="also rejected records and details of errors: customers' data"
    )
    parser.add_argument("--json", action="store_true", help="print the story as JSON, exceptions' texts included")


def run(arguments: argparse.Namespace) -> int:
    """Find the message or execution, read what is known of it, and print it."""
    import msgspec

    from ceap.aws.moment import now_of
    from ceap.operate.call import opened
    from ceap.operate.finding import Search, default_since
    from ceap.operate.trace import Extent, trace
    from ceap.operate.trace_text import trace_lines
    from ceap.output import say

    with opened(arguments) as (aws, workflow, call):
        now = now_of(aws)
        search = Search(aws, workflow, default_since(workflow, arguments.since, now), say)
        story = trace(search, arguments.what, Extent(call, arguments.records, arguments.log_lines), now)
    print(msgspec.json.encode(story).decode() if arguments.json else "\n".join(trace_lines(story)))
    return 0
