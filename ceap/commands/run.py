"""`ceap run`: a message through the generated template, on this machine."""

from __future__ import annotations

import argparse
import gc
import importlib.util
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, assert_never

from ceap.errors import SetupError, UsageError
from templates import words

if TYPE_CHECKING:
    from ceap.local.engine import Engine
    from ceap.local.order import Build, Order, RequestedFailure
    from ceap.local.run_report import RunReport
    from ceap.local.runner import Deployment
    from ceap.local.seed import Seed
    from templates.model import Workflow

NOT_IN_MESSAGES: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that SQS refuses in a body. Source: SQS API Reference, "SendMessage"."""
NUMBER: Final = "[1-9][0-9]{0,5}"
FAIL_FORM: Final = "STAGE, STAGE:TIMES, STAGE:always or STAGE:permanent"


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
        help=f"make a stage fail before its handler runs: {FAIL_FORM} (TIMES: the first attempts that fail, default 1)",
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
    _require_engine()
    from ceap import project
    from ceap.local.order import Order

    [workflow] = project.load_workflows([arguments.workflow])
    _require_for(workflow)
    order = Order(
        body=_body(arguments.message, arguments.workflow.parent / "messages" / f"{workflow.name}.json"),
        copies=arguments.count,
        failure=_failure(arguments.fail, [step.stage for step in workflow.steps]) if arguments.fail else None,
        seed=_seed(arguments.seed, arguments.workflow.parent / "fixtures" / workflow.name, workflow),
    )
    keep = _empty_folder(arguments.keep) if arguments.keep else None
    build = _build(workflow)

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
    )


def _build(workflow: Workflow) -> Build:
    from ceap import project
    from ceap.archive import read_scripts
    from ceap.local.order import Build
    from templates.discovery import JOB_FOLDERS

    (_, foundation), (_, template) = project.build_templates([workflow])
    scripts = read_scripts(*JOB_FOLDERS) if workflow.glue_steps else {}
    return Build(workflow.name, foundation, template, scripts)


def _print(report: RunReport, as_json: bool) -> None:
    import msgspec

    if as_json:
        print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
        return
    from ceap.local.run_table import print_report

    print_report(report)


def _require_engine() -> None:
    lacking = [module for module in ("moto", "psutil") if importlib.util.find_spec(module) is None]
    if lacking:
        raise SetupError(
            f"the local engine needs {' and '.join(lacking)}; install the extra: .venv/bin/pip install -e '.[local]'"
        )


def _require_for(workflow: Workflow) -> None:
    from templates.model import GlueStep, LambdaStep

    for step in workflow.steps:
        match step:
            case LambdaStep():
                pass  # this Python runs it
            case GlueStep():
                _require_spark()
            case _:
                assert_never(step)


def _require_spark() -> None:
    from ceap.local.spark import java_home

    lacking = ["pyspark"] * (importlib.util.find_spec("pyspark") is None) + ["Java 11 to 17"] * (java_home() is None)
    if lacking:
        raise SetupError(f"a Glue step needs {' and '.join(lacking)}; install the extra `glue`: make glue")


def _failure(text: str, stages: Sequence[str]) -> RequestedFailure:
    """Return the failure that `--fail` asks for, or raise UsageError."""
    from ceap.local.order import RequestedFailure
    from handlers.runtime.contract import PermanentStageError, TransientStageError

    stage, colon, how = text.partition(":")
    if stage not in stages:
        raise UsageError(f"--fail {text}: there is no stage {stage!r}; {words.allowed(stage, stages)}")
    if how == "permanent":
        return RequestedFailure(stage, PermanentStageError.__name__, None)
    if colon and how != "always" and not re.fullmatch(NUMBER, how):
        raise UsageError(f"--fail {text}: {how!r} is not a number of failures; allowed: {FAIL_FORM}")
    times = None if how == "always" else int(how or 1)
    return RequestedFailure(stage, TransientStageError.__name__, times)


def _seed(given: Path | None, default: Path, workflow: Workflow) -> Seed:
    """Return what fills buckets and tables, or raise UsageError if something of it is wrong."""
    from ceap.local.seed import load_seed, source_buckets
    from templates.discovery import tables

    return load_seed(given or (default if default.exists() else None), source_buckets(workflow), tables())


def _body(given: str | None, default: Path) -> str:
    """Return the message body, or raise UsageError where there is none or SQS would refuse it."""
    from templates.budget import MAX_MESSAGE_BYTES

    place = "standard input" if given == "-" else (given or str(default))
    try:
        raw = sys.stdin.buffer.read() if given == "-" else Path(given or default).read_bytes()
        body = raw.decode("utf-8")
    except OSError as error:
        cure = "name another file with --message" if given else "write one, or name another with --message FILE"
        raise UsageError(f"{place}: the message cannot be read: {error.strerror}; {cure}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{place}: byte {error.start} is not UTF-8; a message is text, such as JSON") from None
    if not body.strip():
        raise UsageError(f"{place}: the message is empty; write a JSON document into it")
    if found := NOT_IN_MESSAGES.search(body):
        raise UsageError(f"{place}: character {found.start()} is {found[0]!r}, which SQS refuses; remove it")
    if len(raw) > MAX_MESSAGE_BYTES:
        raise UsageError(
            f"{place}: the message has {len(raw):,} bytes; allowed: {MAX_MESSAGE_BYTES:,}; put the records on S3"
        )
    return body


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
    if not re.fullmatch(NUMBER, text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 999999")
    return int(text)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
