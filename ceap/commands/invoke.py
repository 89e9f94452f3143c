"""`ceap invoke`: one stage of a workflow in this process, where debuggers and coverage see it."""

from __future__ import annotations

import argparse
import gc
import itertools
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ceap import signals
from ceap.errors import UsageError
from ceap.local import request
from ceap.output import say

if TYPE_CHECKING:
    from ceap.local.engine import Engine
    from ceap.local.invoke_report import Outputs
    from ceap.local.order import Build
    from ceap.local.runner import Deployment
    from ceap.local.seed import Seed
    from ceap.local.stage_input import StageInput
    from templates.model import LambdaStep

SHOWN_MAX: Final = 10
"""How many records a terminal gets."""
DEBUG_LIMIT_S: Final = 30 * 24 * 3600
"""How long a stage is told that it may take while it is debugged."""

EXAMPLES: Final = {
    "ceap invoke workflows/realtime.yaml ETLStage": "run the first stage on the sample message and print its records",
    "ceap invoke workflows/realtime.yaml FilterStage --input runs/latest": "run a later stage on what a kept run left",
    "ceap invoke workflows/realtime.yaml ETLStage --debug": "start pdb where the stage fails",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("workflow", type=Path, metavar="WORKFLOW.yaml", help="the declaration")
    parser.add_argument("stage", metavar="STAGE", help="the stage, which a handler does")
    parser.add_argument(
        "--input",
        metavar="FILE",
        help="the message (default for a first stage: messages/{name}.json beside the declaration), a run that was "
        "kept, or records as JSON Lines or CSV; - reads standard input",
    )
    request.add_seed_argument(parser)
    parser.add_argument("--debug", action="store_true", help="after a failure, start pdb where it was raised")
    parser.add_argument("--json", action="store_true", help="print the report as JSON, in place of the records")


def run(arguments: argparse.Namespace) -> int:
    """Deploy the generated templates into the local engine, run the stage here, print the records that it yields."""
    gc.disable()  # importing moto makes a million objects and no garbage
    request.require_engine()
    if arguments.debug and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "--debug needs a terminal, and standard input or output is not one; leave out pipes and redirections, or "
            "use the debugger of your editor (docs/how-to/debug.md)"
        )
    from ceap import project
    from ceap.local.stage_input import find_step, open_input

    [workflow] = project.load_workflows([arguments.workflow])
    step, beside = find_step(workflow, arguments.workflow, arguments.stage), arguments.workflow.parent
    seed = request.load_seed_for(arguments.seed, beside / "fixtures" / workflow.name, workflow)
    with open_input(workflow, step, arguments.input, beside / "messages" / f"{workflow.name}.json") as given:
        for note in given.notes:
            say(note)
        return _run(arguments, request.build_for(workflow, seed.functions), step, seed, given)


def _run(arguments: argparse.Namespace, build: Build, step: LambdaStep, seed: Seed, given: StageInput) -> int:
    from ceap.local.engine import Engine
    from ceap.local.runner import deployed
    from ceap.local.seed import describe, plant

    gc.freeze()
    gc.enable()
    start_engine = partial(Engine.start, warm=False)
    with deployed(start_engine, build, arguments.workflow, say) as (engine, deployment):
        plant(seed, engine.client, deployment.foundation.outputs)
        if planted := describe(seed):
            say(planted)
        return _invoke(arguments, engine, deployment, step.stage, given)


def _invoke(
    arguments: argparse.Namespace, engine: Engine, deployment: Deployment, stage: str, given: StageInput
) -> int:
    """Run a stage on what it is given, and tell what came of it."""
    import msgspec

    from ceap.local.called import Called
    from ceap.local.failures import blame_called, read_failure
    from ceap.local.frames import code_of_functions
    from ceap.local.invocation import build_event, environment_of, invoke
    from ceap.local.invoke_report import Outputs, build_report, describe

    s3, bucket = engine.client("s3"), deployment.foundation.outputs["WorkflowBucket"]
    if upload := given.upload:
        s3.put_object(Bucket=upload.bucket or bucket, Key=upload.key, Body=upload.content)
    function = engine.functions.describe(deployment.stages[stage].worker)
    event = build_event(deployment.machine, stage, given.execution, given.body)
    called = engine.functions.listener = Called(say)
    with environment_of(function), signals.raised():
        invocation = invoke(function, event, DEBUG_LIMIT_S if arguments.debug else function.timeout_s)
        outputs = Outputs(s3, bucket, given.execution, stage)
        failure = blame_called(read_failure(function, invocation.outcome, all_frames=False), function, called.failures)
        report = build_report(deployment.workflow, outputs, invocation.outcome, failure, len(engine.events()))
        if arguments.json:
            print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
        else:
            _print_records(outputs, report.stage.records_out or 0)
        say("\n".join(describe(report, failure)))
        if invocation.error and arguments.debug:
            from ceap.local import post_mortem

            post_mortem.debug(invocation.error, code_of_functions(function.root))
    return 1 if failure else 0


def _print_records(outputs: Outputs, total: int) -> None:
    shown = SHOWN_MAX if sys.stdout.isatty() else None
    for record in itertools.islice(outputs.records(), shown):
        print(record)
    if shown is not None and total > shown:
        say(f"these are the first {shown} of {total:,} records; redirect standard output to have all")
