"""`ceap run`: a message through the generated template, on this machine."""

from __future__ import annotations

import argparse
import gc
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ceap.errors import SetupError, UsageError
from ceap.local import request
from templates import words

if TYPE_CHECKING:
    from ceap.local.engine import Engine
    from ceap.local.order import Order
    from ceap.local.run_report import RunReport
    from ceap.local.runner import Deployment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("workflow", type=Path, metavar="WORKFLOW.yaml", help="the declaration")
    parser.add_argument(
        "--message",
        metavar="FILE",
        help="the message body; - reads standard input (default: messages/{name}.json beside the declaration)",
    )
    parser.add_argument("--count", type=_positive, default=1, metavar="N", help="send the message N times")
    parser.add_argument(
        "--fail",
        metavar="STAGE",
        help=f"make a stage fail before its handler runs: {request.FAIL_FORM} "
        "(TIMES: the first attempts that fail, default 1)",
    )
    parser.add_argument(
        "--seed",
        type=Path,
        metavar="DIR",
        help="fill buckets and tables from there (default: fixtures/{name}/ beside the declaration, if there is one)",
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="write every object of the workflow bucket there")
    parser.add_argument("--logs", action="store_true", help="show what handlers print, as they do")
    parser.add_argument("--metrics", action="store_true", help="show lines of metrics among what handlers print, too")
    parser.add_argument(
        "--trace", action="store_true", help="show all frames of an exception, not only those of stages"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Deploy the generated templates into the local engine, send the message, print what each stage did."""
    gc.disable()  # importing moto makes a million objects and no garbage
    request.require_engine()
    from ceap import project
    from ceap.local.order import Order

    [workflow] = project.load_workflows([arguments.workflow])
    request.require_for(workflow)
    stages, beside = [step.stage for step in workflow.steps], arguments.workflow.parent
    order = Order(
        body=request.load_body(arguments.message, beside / "messages" / f"{workflow.name}.json"),
        copies=arguments.count,
        failure=request.parse_failure(arguments.fail, stages) if arguments.fail else None,
        seed=request.load_seed_for(arguments.seed, beside / "fixtures" / workflow.name, workflow),
    )
    keep = _empty_folder(arguments.keep) if arguments.keep else None
    build = request.build_for(workflow)

    from ceap.local.cloudformation import DeployError
    from ceap.local.engine import Engine, EngineError
    from ceap.local.runner import deploy

    tells = {"logs": arguments.logs, "metrics": arguments.metrics, "all_frames": arguments.trace}
    gc.freeze()
    gc.enable()
    try:
        with Engine.start() as engine:
            _say(f"deploying the foundation and {workflow.name} into the local engine")
            report = _run(engine, deploy(engine, build), order, tells, keep)
    except EngineError as error:
        raise SetupError(str(error)) from error
    except DeployError as error:
        raise UsageError(f"{arguments.workflow}: {error}") from error
    _print(report, arguments.json)
    return 0 if report.status == "SUCCEEDED" else 1


def _run(
    engine: Engine, deployment: Deployment, order: Order, tells: Mapping[str, bool], keep: Path | None
) -> RunReport:
    """Run, say what failed, keep what is to be kept, and return the report."""
    from ceap.local import runner
    from ceap.local.progress import Progress
    from ceap.local.run_report import build_report

    progress = Progress(_say, messages=order.copies, **tells)
    remains = runner.run(engine, deployment, order, progress, _say)
    for line in progress.failures():
        _say(line)
    if keep:
        _write_files(keep, remains.objects, "object")
        _write_files(keep, progress.log_files(), "log")
    elif remains.objects:
        _say(
            f"{words.plural(len(remains.objects), 'object')} in the workflow bucket; --keep DIR writes them to a folder"
        )
    return build_report(
        workflow=deployment.workflow,
        stages=list(deployment.stages),
        executions=remains.executions,
        objects=remains.objects,
        are_kept=keep is not None,
        messages_sent=order.copies,
        messages_left=len(remains.queued),
        messages_dead_lettered=len(remains.dead_letters),
        events_published=len(remains.events),
        alerts_published=len(remains.alerts),
        problems=remains.problems,
        reasons=progress.reasons(),
    )


def _print(report: RunReport, as_json: bool) -> None:
    import msgspec

    if as_json:
        print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
        return
    from ceap.local.run_table import print_report

    print_report(report)


def _empty_folder(folder: Path) -> Path:
    """Return the folder, made if it was not there, or raise UsageError if it cannot be used or is not empty."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"--keep {folder}: the folder is not empty; name a new or an empty one")
    except OSError as error:
        raise UsageError(f"--keep {folder}: cannot be used: {error.strerror}; name a new or an empty folder") from None
    return folder


def _write_files(folder: Path, files: Mapping[str, bytes], what: str) -> None:
    for key, content in files.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    _say(f"kept {words.plural(len(files), what)} in {folder}")


def _positive(text: str) -> int:
    if not re.fullmatch(request.NUMBER, text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 999999")
    return int(text)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
