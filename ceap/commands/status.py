"""`ceap status`: how deployed workflows are, and what to do about it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ceap.aws.session import Aws
    from ceap.operate.status_judgement import WorkflowStatus

EXAMPLES: Final = {
    "ceap status --env dev workflows/realtime.yaml": "say whether the workflow is healthy, or what is wrong",
    "ceap status --env dev --watch": "show all deployed workflows, again and again",
    "ceap status --env prod --since 7d --all workflows/batch.yaml": "show every failed execution of a week",
}

KEPT_S: Final = 90 * 86_400
"""How long Step Functions keeps an execution that has ended."""
_WORKFLOWS_AT_ONCE: Final = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ceap.aws.session import add_aws_arguments

    parser.add_argument(
        "workflows",
        type=Path,
        nargs="*",
        metavar="WORKFLOW.yaml",
        help="declarations of deployed workflows (default: all in workflows/ that are deployed)",
    )
    add_aws_arguments(parser)
    parser.add_argument(
        "--since",
        default="24h",
        metavar="TIME",
        help="count executions since then: e.g. 30m, 2h, 7d, or a date and time in UTC (default: 24h)",
    )
    parser.add_argument("--all", action="store_true", help="look at more failed executions, and show each")
    parser.add_argument("--watch", action="store_true", help="show it again every few seconds; q or Ctrl-C ends")
    parser.add_argument("--json", action="store_true", help="print the status as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the status; return 0 if all is healthy, 1 if something is wrong, 3 if not all could be read."""
    from concurrent.futures import ThreadPoolExecutor

    from ceap.aws.environments import load_environment
    from ceap.aws.session import explained, open_session
    from ceap.operate import status_watch
    from ceap.operate.call import options_of
    from ceap.operate.status_judgement import Call, judge
    from ceap.operate.status_reading import StatusReader
    from ceap.output import say

    aws = open_session(load_environment(arguments.env, Path.cwd()), arguments.profile, arguments.region)
    say(str(aws))
    with explained(aws.profile), ThreadPoolExecutor(_WORKFLOWS_AT_ONCE) as pool:
        reach_s = _reach_s(arguments.since, aws)
        deployed = _deployed(arguments, aws)
        readers = list(
            pool.map(lambda each: StatusReader(aws, each[0], arguments.env, reach_s, is_all=arguments.all), deployed)
        )
        calls = [Call(options_of(arguments), path) for _, path in deployed]

        def read() -> Sequence[WorkflowStatus]:
            with explained(aws.profile):
                found = pool.map(lambda reader: reader.read(), readers)
                return [judge(facts, call) for facts, call in zip(found, calls, strict=True)]

        def text(statuses: Sequence[WorkflowStatus]) -> str:
            return _text(statuses, is_json=arguments.json, is_all=arguments.all)

        if not arguments.watch:
            statuses = read()
            print(text(statuses), end="")
            return _code(statuses)
        is_drawn = sys.stdout.isatty() and not arguments.json
        with status_watch.keys() as wait:
            return _code(status_watch.watch(read, text, wait, is_drawn=is_drawn))


def _reach_s(since: str, aws: Aws) -> float:
    from ceap.aws.moment import now_of
    from ceap.errors import UsageError
    from ceap.operate import moments

    now = now_of(aws)
    reach_s = now - moments.since(since, now)
    if not 0 < reach_s <= KEPT_S:
        raise UsageError(f"--since {since}: Step Functions keeps executions for 90 days; give at most 90d")
    return reach_s


def _deployed(arguments: argparse.Namespace, aws: Aws) -> list[tuple[str, str]]:
    """Return name and path of the workflows: those that are named, or of the project's those that are deployed."""
    from ceap import project
    from ceap.aws.stacks import find_stack
    from ceap.ceap_toml import NAME, load_config
    from ceap.errors import SetupError
    from ceap.output import say
    from templates import naming

    paths = arguments.workflows or [Path(os.path.relpath(path)) for path in project.declarations()]
    found = [(each.name, str(path)) for each, path in zip(project.load_workflows(paths), paths, strict=True)]
    if arguments.workflows:
        return found
    deployed = [each for each in found if find_stack(aws, naming.stack(each[0], arguments.env))]
    if not deployed:
        known = [name for name in load_config(Path.cwd()).env if name != arguments.env]
        others = f"is that the environment? {NAME} has {', '.join(known)}; if it is, " if known else ""
        raise SetupError(
            f"no workflow of the project is deployed in {arguments.env}: {others}`ceap deploy` deploys them"
        )
    for name, path in found:
        if (name, path) not in deployed:
            say(f"{name} is not deployed in {arguments.env}")
    return deployed


def _text(statuses: Sequence[WorkflowStatus], *, is_json: bool, is_all: bool) -> str:
    from ceap.operate.status_report import footnotes, status_json, status_lines

    if is_json:
        return status_json(statuses) + "\n"
    lines = [line for status in statuses for line in (*status_lines(status, is_all=is_all), "")]
    return "\n".join([*lines, *footnotes(statuses), ""])


def _code(statuses: Sequence[WorkflowStatus]) -> int:
    from ceap.operate.status_judgement import StatusVerdict, worst

    codes = {StatusVerdict.HEALTHY: 0, StatusVerdict.WRONG: 1, StatusVerdict.UNKNOWN: 3}
    return codes[worst(status.verdict for status in statuses)] if statuses else 3
