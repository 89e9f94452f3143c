"""`ceap logs`: the lines of one execution, of all its stages."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ceap.operate.stage_lines import StageLine

EXAMPLES: Final = {
    "ceap logs --env dev workflows/realtime.yaml 1531c857": "the lines of the execution whose name begins so",
    "ceap logs --env dev --follow workflows/batch.yaml 1531c857": "as they come, until it has ended",
    "ceap logs --env dev --stage ScoreStage --level ERROR workflows/batch.yaml 1531c857": "the errors of one stage",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ceap.log_text import LEVELS
    from ceap.operate.call import add_workflow_arguments

    add_workflow_arguments(parser)
    parser.add_argument(
        "what", metavar="EXECUTION", help="name, beginning of a name or ARN of an execution, or the id of its message"
    )
    parser.add_argument("--follow", action="store_true", help="print lines as they come, until the execution has ended")
    parser.add_argument("--stage", metavar="STAGE", help="only the lines of one stage")
    parser.add_argument("--level", type=str.upper, choices=LEVELS, help="only lines of this level or a worse one")
    parser.add_argument(
        "--since",
        metavar="WHEN",
        help="how far back to look for it, e.g. 2d or 2026-01-31 (default: 14d, for EXPRESS 7d)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document a line, with the line as it was written")


def run(arguments: argparse.Namespace) -> int:
    """Find the execution, and print its lines."""
    import time

    from ceap.aws.moment import now_of
    from ceap.aws.pace import Pace
    from ceap.operate.call import opened
    from ceap.operate.finding import Search, default_since
    from ceap.operate.logs import Shown, check_stage, find_one, follow, has_ended, lines_of, tells_more
    from ceap.output import say

    shown, is_any = Shown(arguments.stage, arguments.level), False
    with opened(arguments) as (aws, workflow, call):
        search = Search(aws, workflow, default_since(workflow, arguments.since, now_of(aws)), say)
        check_stage(search, arguments.stage)
        seen = find_one(search, arguments.what)
        if arguments.follow:
            batches = follow(search, seen, shown, Pace(), time.monotonic)
        else:
            batches = iter([lines_of(search, seen, shown)])
        for lines in batches:
            is_any = is_any or bool(lines)
            _print(lines, workflow.stages, as_json=arguments.json)
        if not is_any:
            end = "" if has_ended(search, seen) else "; it still runs: give --follow"
            say(f"execution {seen.execution.name} has no such line: lines stay for 14 days, and may come late{end}")
        if tells_more(search, seen):
            name = seen.execution.name
            say(f"execution {name} failed; what was raised, and where: ceap trace {call} {name}")
    return 0


def _print(lines: Iterable[StageLine], stages: Iterable[str], *, as_json: bool) -> None:
    import sys

    import msgspec

    from ceap.operate.line_text import is_noise, line_text

    width, in_colour = max(map(len, stages), default=0), sys.stdout.isatty()
    for line in lines:
        if as_json:
            print(msgspec.json.encode(line).decode())
        elif not is_noise(line.message):
            print(line_text(line, f"{line.stage:<{width}}  ", in_colour=in_colour))
    sys.stdout.flush()
