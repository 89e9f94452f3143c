"""`ceap run`: a message through the generated template, on this machine."""

from __future__ import annotations

import argparse
import gc
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ceap.errors import UsageError
from ceap.files import check_place, write_all
from ceap.local import request
from ceap.output import say
from templates import words

if TYPE_CHECKING:
    from ceap.local.engine import Engine
    from ceap.local.keep import RunFolder
    from ceap.local.order import Order
    from ceap.local.progress import Progress
    from ceap.local.run_report import RunReport
    from ceap.local.runner import Deployment, Remains
    from ceap.local.start import Start
    from ceap.local.watch import Watch
    from ceap.local.workers import Launch
    from templates.model import Workflow

    Work = Callable[[Engine, Deployment, Order, Progress, Callable[[str], None]], Remains]

EXAMPLES: Final = {
    "ceap run workflows/realtime.yaml": "run the workflow on its sample message",
    "ceap run workflows/realtime.yaml --fail FilterStage:1": "the same, with one failed attempt",
    "ceap run workflows/realtime.yaml --keep runs --watch": "run after each save; keep in runs/ what it left",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("workflow", type=Path, metavar="WORKFLOW.yaml", help="the declaration")
    parser.add_argument(
        "--message",
        metavar="FILE",
        help="the message body; - reads standard input (default: what the declaration's triggers send, or else "
        "messages/{name}.json beside it)",
    )
    parser.add_argument("--count", type=_positive, metavar="N", help="send the message N times (default: once)")
    parser.add_argument(
        "--fail",
        metavar="STAGE",
        help=f"make a stage fail before its handler runs: {request.FAIL_FORM} "
        "(TIMES: the first attempts that fail, default 1)",
    )
    request.add_seed_argument(parser)
    parser.add_argument(
        "--once", action="store_true", help="receive a message once: after a failed execution it stays in the queue"
    )
    parser.add_argument("--from", dest="start", metavar="STAGE", help="start at a stage, on the objects of --input")
    parser.add_argument(
        "--input",
        type=Path,
        metavar="DIR",
        help="a run that was kept, such as DIR/latest of --keep, or the folder of one execution in it",
    )
    parser.add_argument(
        "--watch", action="store_true", help="run again whenever handlers, declaration, message or seed change"
    )
    parser.add_argument(
        "--serve", action="store_true", help="send no message, but stay up for those that come through an endpoint"
    )
    _add_output_arguments(parser)


def _add_output_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="keep all that the run leaves in a folder of its own there; DIR/latest leads to the newest",
    )
    parser.add_argument("--logs", action="store_true", help="show what handlers print, as they do")
    parser.add_argument("--metrics", action="store_true", help="show lines of metrics among what handlers print, too")
    parser.add_argument(
        "--trace", action="store_true", help="show all frames of an exception, not only those of stages"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="write a page of the run, for a browser")


def run(arguments: argparse.Namespace) -> int:
    """Deploy the generated templates into the local engine, send the message, print what each stage did."""
    gc.disable()  # importing moto makes a million objects and no garbage
    request.require_engine()
    if arguments.serve:
        request.check_served(arguments.message, arguments.count, is_watched=arguments.watch)
    if not arguments.watch:
        return _run_once(arguments, None)
    if arguments.message == "-":
        raise UsageError("--watch --message -: standard input can be read only once; name a file")
    from ceap.local.watch import watch

    return watch(partial(_run_once, arguments), arguments.workflow, say)


def _run_once(arguments: argparse.Namespace, watch: Watch | None) -> int:
    from ceap import project

    own = project.resource_files(arguments.workflow)
    if watch:
        watch.changes.name(*own)
    [workflow] = project.load_workflows([arguments.workflow])
    if watch:
        message, fixtures = _defaults(arguments, workflow)
        watch.changes.name(Path(arguments.message or message), arguments.seed or fixtures, *own)
    order = _order(arguments, workflow)
    page = check_place(arguments.report, "--report", ".html") if arguments.report else None
    with _engines(watch) as start_engine:
        build = request.build_for(workflow, order.seed.functions)

        from ceap.local import runner
        from ceap.local.keep import claim_folder

        tells = {"logs": arguments.logs, "metrics": arguments.metrics, "all_frames": arguments.trace}
        if not gc.isenabled():
            gc.freeze()
            gc.enable()
        work = _serving(arguments, workflow) if arguments.serve else runner.run
        with (
            claim_folder(arguments.keep) as folder,
            runner.deployed(start_engine, build, arguments.workflow, say) as (engine, deployment),
            watch.cut_off() if watch else nullcontext(),
        ):
            report = _run(engine, deployment, order, tells, work=work, folder=folder, page=page)
    _print(report, arguments.json)
    # What serves was asked to end, and does not tell whether its messages were meant to fail.
    return 0 if report.status == "SUCCEEDED" or arguments.serve else 1


@contextmanager
def _engines(watch: Watch | None) -> Iterator[Callable[[], Engine]]:
    """Yield what starts the engine of a run; the packages of the functions load while the block goes on."""
    if watch:
        yield watch.start_engine
        return
    from ceap.local.fork_server import fast_launch

    def start(launch: Launch) -> Engine:
        from ceap.local.engine import Engine

        return Engine.start(launch=launch)

    with fast_launch() as launch:
        yield partial(start, launch)


def _serving(arguments: argparse.Namespace, workflow: Workflow) -> Work:
    """Return what serves a workflow and first tells where: a program in one line of JSON, or a person."""
    import msgspec

    from ceap.local.serve import Endpoint, describe, serve

    def announce(endpoint: Endpoint) -> None:
        if arguments.json:
            print(msgspec.json.encode(endpoint).decode(), flush=True)
            return
        message, _ = _defaults(arguments, workflow)
        for line in describe(endpoint, message, has_triggers=workflow.has_triggers):
            say(line)

    return partial(serve, announce=announce)


def _defaults(arguments: argparse.Namespace, workflow: Workflow) -> tuple[Path, Path]:
    """Return where message and seed are if no option names them."""
    beside = arguments.workflow.parent
    return beside / "messages" / f"{workflow.name}.json", beside / "fixtures" / workflow.name


def _order(arguments: argparse.Namespace, workflow: Workflow) -> Order:
    """Return what the arguments ask for; UsageError, or SetupError for what the machine lacks."""
    from ceap.local.order import Order
    from ceap.local.start import load_start

    stages, (message, fixtures) = [step.stage for step in workflow.steps], _defaults(arguments, workflow)
    start = load_start(arguments.start, arguments.input, stages)
    reached = _reached(stages, start)
    request.require_for(step for step in workflow.steps if step.stage in reached)
    return Order(
        body=_body(arguments, workflow, message),
        copies=0 if arguments.serve else arguments.count or 1,
        once=arguments.once,
        failure=request.parse_failure(arguments.fail, reached) if arguments.fail else None,
        seed=request.load_seed_for(arguments.seed, fixtures, workflow),
        start=start,
    )


def _body(arguments: argparse.Namespace, workflow: Workflow, default: Path) -> str | None:
    """Return the message; None where the workflow's triggers send theirs."""
    if arguments.serve:
        return ""
    if arguments.message is None and workflow.has_triggers:
        return None
    return request.load_body(arguments.message, default)


def _run(
    engine: Engine,
    deployment: Deployment,
    order: Order,
    tells: Mapping[str, bool],
    *,
    work: Work,
    folder: RunFolder | None,
    page: Path | None,
) -> RunReport:
    """Run, say what failed, keep and draw what is to be, and return the report."""
    from ceap.local import keep
    from ceap.local.page.contents import read_contents
    from ceap.local.page.layout import render_page
    from ceap.local.progress import Progress
    from templates import discovery

    progress = Progress(say, messages=0 if order.body is None else order.copies, **tells)
    remains = work(engine, deployment, order, progress, say)
    for line in progress.failures():
        say(line)
    paths = {key: folder.paths.assign(key) for key in remains.objects} if folder else {}
    report = _report(deployment, order, remains, progress, folder=folder, paths=paths)
    if folder:
        tables = keep.read_tables(discovery.tables().values(), engine.client, deployment.foundation.outputs)
        logs = progress.log_files()
        say(keep.keep_run(folder, remains, paths=paths, tables=tables, logs=logs, report=report))
    elif remains.objects:
        objects = words.plural(len(remains.objects), "object")
        say(f"{objects} in the workflow bucket; --keep DIR keeps them, with all else that the run leaves")
    if page:
        write_all([(page, render_page(read_contents(engine, deployment, remains, progress, report)))])
        say(f"page of the run in {page}")
    return report


def _report(
    deployment: Deployment,
    order: Order,
    remains: Remains,
    progress: Progress,
    *,
    folder: RunFolder | None,
    paths: Mapping[str, str],
) -> RunReport:
    """Return the report; `paths` are those of the objects in the folder that keeps the run."""
    from ceap.local.run_report import build_report

    return build_report(
        workflow=deployment.workflow,
        stages=_reached(list(deployment.stages), order.start),
        executions=remains.executions,
        objects=remains.objects,
        kept=str(folder.path) if folder else None,
        paths=paths,
        messages_sent=remains.sent,
        messages_left=len(remains.queued),
        messages_dead_lettered=len(remains.dead_letters),
        events_published=len(remains.events),
        alerts_published=len(remains.alerts),
        problems=remains.problems,
        reasons=progress.reasons(),
    )


def _reached(stages: list[str], start: Start | None) -> list[str]:
    return stages[stages.index(start.stage) :] if start else stages


def _print(report: RunReport, as_json: bool) -> None:
    from ceap.local.run_report import encode_report
    from ceap.local.run_table import print_report

    if as_json:
        sys.stdout.write(encode_report(report).decode())
    else:
        print_report(report)
    sys.stdout.flush()  # a watched run has others after it, and its reader waits for this one


def _positive(text: str) -> int:
    if not re.fullmatch(request.NUMBER, text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 999999")
    return int(text)
