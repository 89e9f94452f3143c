"""`ceap cost`: what a workflow costs on AWS, as EXPRESS and as STANDARD."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ceap.cost.load import Load
    from templates.model import Workflow

EXAMPLES: Final = {
    "ceap cost workflows/realtime.yaml --executions 1000000": "a million messages a month, of a stated size",
    "ceap cost workflows/realtime.yaml --report run.json": "with the counts of `ceap run --json > run.json`",
}
METRICS: Final = 4
"""The custom metrics of a function by program, marketplace and stage, where messages name one of each."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ceap.numbers import count

    whole = partial(parser.add_argument, type=count, metavar="N")
    quantity = partial(parser.add_argument, type=_quantity, metavar="N")
    parser.add_argument("workflow", type=Path, metavar="WORKFLOW.yaml", help="the declaration of the workflow")
    whole("--executions", default=10_000, help="executions a month (default: 10,000)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="what `ceap run --json` printed, for its counts")
    parser.add_argument("--message", type=Path, metavar="FILE", help="the body of a message (default: the sample's)")
    whole("--records", default=100, help="records of an execution (default: 100)")
    whole("--record-bytes", default=600, help="size of a record in bytes (default: 600)")
    quantity("--stage-seconds", default=1.0, help="how long a function takes, in seconds (default: 1)")
    quantity("--job-minutes", default=5.0, help="how long a job takes, in minutes (default: 5)")
    quantity("--retries", default=0.0, help="further attempts an execution (default: 0)")
    whole("--metrics", help="custom metrics beside 4 of each function (default: 4 more a function)")
    whole("--pollers", default=5, help="receivers by which the pipe waits at an empty queue (default: 5)")
    parser.add_argument("--prices", type=Path, metavar="FILE", help="a changed copy of ceap/cost/prices.yaml")
    parser.add_argument("--json", action="store_true", help="print the bill as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the bill of a month."""
    import msgspec

    from ceap import project
    from ceap.cfn.template import parse_template
    from ceap.cost import prices
    from ceap.cost.bill import build_bill
    from ceap.cost.report import bill_lines

    [workflow] = project.load_workflows([arguments.workflow])
    [_, (name, text)] = project.build_templates([workflow])
    load = _load(arguments, workflow)
    functions = len(workflow.lambda_steps)
    bill = build_bill(
        parse_template(text, name),
        workflow.name,
        load,
        prices.load_prices(arguments.prices or prices.FILE),
        metrics=METRICS * functions if arguments.metrics is None else arguments.metrics,
        pollers=arguments.pollers,
    )
    print(msgspec.json.encode(bill).decode() if arguments.json else "\n".join(bill_lines(bill)))
    return 0


def _load(arguments: argparse.Namespace, workflow: Workflow) -> Load:
    from ceap.cost.load import Stated, load_report, stated_load
    from templates import discovery
    from templates.model import GlueStep

    file = arguments.message or arguments.workflow.parent / "messages" / f"{workflow.name}.json"
    message = _message(file)
    stages = {step.stage: isinstance(step, GlueStep) for step in workflow.steps}
    stated = Stated(
        executions=arguments.executions,
        records=arguments.records,
        record_bytes=arguments.record_bytes,
        stage_s=arguments.stage_seconds,
        job_s=60 * arguments.job_minutes,
        retries=arguments.retries,
    )
    if arguments.report:
        return load_report(arguments.report, stated, stages, message, workflow.name)
    publishes = any(discovery.load_needs(step.handler).events for step in workflow.lambda_steps)
    return stated_load(stated, stages, message, publishes=publishes)


def _message(file: Path) -> str:
    from ceap.errors import UsageError

    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--message {file}: cannot be read: {error}; name a file with the body of a message") from None


def _quantity(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f"is {text!r}; give a number from 0 on, e.g. 0.5")
    return value
