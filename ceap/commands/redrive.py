"""`ceap redrive`: failed executions of a STANDARD workflow, in place, from the stage that failed."""

from __future__ import annotations

import argparse
from typing import Final

EXAMPLES: Final = {
    "ceap redrive --env dev workflows/batch.yaml 8c1f0f3e-6d2b": "redrive one execution from the stage that failed",
    "ceap redrive --env dev --dry-run --failed workflows/batch.yaml": "list all that failed, and which can be redriven",
    "ceap redrive --env dev --failed --stage ScoreStage --since 2d --wait workflows/batch.yaml": (
        "redrive those that failed in a stage in the last two days, and wait for their ends"
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ceap.numbers import count
    from ceap.operate.call import add_workflow_arguments

    add_workflow_arguments(parser)
    parser.add_argument("executions", nargs="*", metavar="EXECUTION", help="names or ARNs of executions")
    which = parser.add_argument_group("which executions")
    which.add_argument("--failed", action="store_true", help="all that FAILED, TIMED_OUT or were ABORTED")
    which.add_argument("--error", metavar="TEXT", help="of --failed those with this text in error or cause")
    which.add_argument("--stage", metavar="STAGE", help="of --failed those that failed in this stage")
    which.add_argument("--since", metavar="WHEN", help="of --failed those that ended since, e.g. 2h or 2026-01-31")
    which.add_argument("--limit", type=count, metavar="N", help="redrive at most so many, the earliest end first")
    how = parser.add_argument_group("how")
    how.add_argument("--dry-run", action="store_true", help="only list what would be redriven")
    how.add_argument(
        "--old-definition", action="store_true", help="also where the definition has changed: AWS redrives the old one"
    )
    how.add_argument("--again", action="store_true", help="also what was replayed: its message is processed twice")
    how.add_argument("--rate", type=count, metavar="N", help="redrives a second (default: 10)")
    how.add_argument("--wait", action="store_true", help="wait until all have ended")
    how.add_argument("--yes", action="store_true", help="do not ask before more than one")
    parser.add_argument("--json", action="store_true", help="print what became of each as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Redrive what is asked for, and print what became of each execution."""
    from ceap.aws.moment import now_of
    from ceap.operate.call import opened
    from ceap.operate.moments import since
    from ceap.operate.redrive import RATE, Means, Options, Request, redrive
    from ceap.operate.redrive_check import Terms
    from ceap.operate.redrive_report import report_json, report_lines
    from ceap.operate.selection import Wanted
    from ceap.output import confirm, say

    _check(arguments)
    with opened(arguments) as (aws, workflow, call):
        now = now_of(aws)
        request = Request(
            names=tuple(arguments.executions),
            wanted=Wanted(error=arguments.error, state=arguments.stage),
            since_s=since(arguments.since, now) if arguments.since else None,
            limit=arguments.limit,
        )
        options = Options(
            terms=Terms(arguments.old_definition, arguments.again, call),
            consent=(lambda _: True) if arguments.yes else confirm,
            dry_run=arguments.dry_run,
            wait=arguments.wait,
            rate=arguments.rate or RATE,
        )
        report = redrive(aws, workflow, request, options, Means(say, now))
    print(report_json(report) if arguments.json else "\n".join(report_lines(report)))
    return 1 if report.has_failed else 0


def _check(arguments: argparse.Namespace) -> None:
    """Raise UsageError for options that do not go together."""
    from ceap.errors import UsageError

    if bool(arguments.executions) == arguments.failed:
        what = "not both" if arguments.failed else "but neither was given"
        raise UsageError(f"redrive takes names of executions, or --failed, {what}; e.g. --failed --dry-run lists them")
    filters = {"--error": arguments.error, "--stage": arguments.stage, "--since": arguments.since}
    if given := [name for name, value in filters.items() if value is not None and not arguments.failed]:
        raise UsageError(f"{given[0]} chooses among failed executions; give --failed with it, and no names")
