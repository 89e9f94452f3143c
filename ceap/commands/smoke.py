"""`ceap smoke`: one message through a deployed workflow, and what came of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

EXAMPLES: Final = {
    "ceap smoke --env dev workflows/backfill.yaml": "send the smoke message, and look at what it leads to",
    "ceap smoke --env dev --allow-events workflows/realtime.yaml": "send it to a workflow that publishes events",
    "ceap smoke --env dev --keep --json workflows/backfill.yaml": "remove nothing afterwards; print the report as JSON",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ceap.aws.session import add_aws_arguments
    from ceap.numbers import seconds

    parser.add_argument("workflow", type=Path, metavar="WORKFLOW.yaml", help="the declaration of the deployed workflow")
    add_aws_arguments(parser)
    parser.add_argument(
        "--allow-events", action="store_true", help="also smoke a workflow that publishes events: consumers get them"
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        help="how long the execution may take (default: 900)",
    )
    parser.add_argument("--keep", action="store_true", help="remove nothing that the message led to")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Send the workflow's smoke message, judge what AWS shows of it, and print the report."""
    from ceap import project
    from ceap.aws.deployed import difference_from
    from ceap.aws.environments import load_environment
    from ceap.aws.session import explained, open_session
    from ceap.aws.workflow import load_deployed
    from ceap.deploy.smoke.message import load_message, smoke_file
    from ceap.deploy.smoke.report import report_json, report_lines
    from ceap.deploy.smoke.run import TIMEOUT_S, Options, Telling, smoke
    from ceap.output import say
    from templates import naming
    from templates.config import load_workflow

    workflow = load_workflow(arguments.workflow)
    aws = open_session(load_environment(arguments.env, Path.cwd()), arguments.profile, arguments.region)
    say(str(aws))
    values = {"Environment": arguments.env, **aws.pseudo_parameters}
    message = load_message(smoke_file(arguments.workflow, workflow.name), values)
    options = Options(arguments.timeout or TIMEOUT_S, arguments.allow_events, arguments.keep)
    with explained(aws.profile):
        deployed = load_deployed(aws, workflow.name, arguments.env)
        if difference := difference_from(deployed.stack, project.GENERATED / naming.template_file(workflow.name)):
            say(difference)
        report = smoke(aws, deployed, message, options, Telling(say))
    print(report_json(report) if arguments.json else "\n".join(report_lines(report)))
    return 1 if report.has_failed else 0
