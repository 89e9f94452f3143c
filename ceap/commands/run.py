"""`ceap run`: a message through the generated template, on this machine."""

from __future__ import annotations

import argparse
import gc
import importlib.util
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, assert_never

from ceap.errors import SetupError, UsageError
from templates import words

if TYPE_CHECKING:
    from ceap.local.cloudformation import Stack
    from ceap.local.engine import Engine
    from ceap.local.run_report import RunReport
    from ceap.local.seed import Seed
    from templates.model import Workflow

NOT_IN_MESSAGES: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that SQS refuses in a body. Source: SQS API Reference, "SendMessage"."""
NUMBER: Final = "[1-9][0-9]{0,5}"
FAIL_FORM: Final = "STAGE, STAGE:TIMES, STAGE:always or STAGE:permanent"
ENVIRONMENT: Final = "local"


class RequestedFailure(NamedTuple):
    """A requested failure, on the first `times` attempts; None: on every one."""

    stage: str
    error_type: str
    times: int | None


class Task(NamedTuple):
    """What to run; `templates` are those of the foundation and of the workflow.

    `scripts` are the Glue scripts of the workflow by file name, `tells` what `Progress` shows by option.
    """

    workflow: str
    templates: Sequence[str]
    scripts: Mapping[str, bytes]
    body: str
    copies: int
    failure: RequestedFailure | None
    keep: Path | None
    seed: Seed
    tells: Mapping[str, bool]


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
    from ceap.archive import read_scripts
    from templates.discovery import JOB_FOLDERS

    [workflow] = project.load_workflows([arguments.workflow])
    _require_for(workflow)
    task = Task(
        workflow=workflow.name,
        failure=_failure(arguments.fail, [step.stage for step in workflow.steps]) if arguments.fail else None,
        seed=_seed(arguments.seed, arguments.workflow.parent / "fixtures" / workflow.name, workflow),
        body=_body(arguments.message, arguments.workflow.parent / "messages" / f"{workflow.name}.json"),
        copies=arguments.count,
        keep=_empty_folder(arguments.keep) if arguments.keep else None,
        tells={"logs": arguments.logs, "metrics": arguments.metrics, "all_frames": arguments.trace},
        templates=[text for _, text in project.build_templates([workflow])],
        scripts=read_scripts(*JOB_FOLDERS) if workflow.glue_steps else {},
    )

    from ceap.local.cloudformation import DeployError
    from ceap.local.engine import Engine, EngineError

    gc.freeze()
    gc.enable()
    try:
        with Engine.start() as engine:
            report = _run(engine, task)
    except EngineError as error:
        raise SetupError(str(error)) from error
    except DeployError as error:
        raise UsageError(f"{arguments.workflow}: {error}") from error
    _print(report, arguments.json)
    return 0 if report.status == "SUCCEEDED" else 1


def _run(engine: Engine, task: Task) -> RunReport:
    """Deploy, seed, send, drain and report."""
    from ceap.local import seed
    from ceap.local.progress import Progress
    from ceap.local.run_report import build_report

    _say(f"deploying the foundation and {task.workflow} into the local engine")
    foundation, stack = _deploy(engine, task)
    seed.plant(task.seed, engine.client, foundation.outputs)
    if planted := seed.describe(task.seed):
        _say(planted)
    stages = {stage.state: stage for stage in engine.machine(stack.outputs["StateMachineArn"]).stages}
    if task.failure:
        engine.fail(stages[task.failure.stage], task.failure.error_type, task.failure.times)

    states = {stage.worker: stage.state for stage in stages.values()}
    progress = Progress(_say, messages=task.copies, **task.tells)
    engine.listen(progress.follow, lambda job, line: _say(f"  {states[job]:<20} | {line}"), progress)
    for _ in range(task.copies):
        engine.send(stack.outputs["QueueUrl"], task.body)
    executions = engine.drain()
    for line in progress.failures():
        _say(line)

    objects = dict(engine.objects(foundation.outputs["WorkflowBucket"]))
    if task.keep:
        _write_files(task.keep, objects, "object")
        _write_files(task.keep, progress.log_files(), "log")
    elif objects:
        _say(f"{words.plural(len(objects), 'object')} in the workflow bucket; --keep DIR writes them to a folder")
    return build_report(
        workflow=task.workflow,
        stages=list(stages),
        executions=executions,
        objects=objects,
        are_kept=task.keep is not None,
        messages_sent=task.copies,
        messages_left=len(engine.messages(stack.outputs["QueueUrl"])),
        messages_dead_lettered=len(engine.messages(stack.outputs["DeadLetterQueueUrl"])),
        events_published=len(engine.events()),
        alerts_published=len(engine.published(foundation.outputs["AlertTopic"])),
        problems=engine.problems(),
    )


def _deploy(engine: Engine, task: Task) -> tuple[Stack, Stack]:
    """Deploy the foundation, put handlers and scripts into its artifact bucket, then deploy the workflow."""
    import handlers
    from ceap.archive import build_zip, glue_prefix, handlers_key, read_sources
    from templates import naming

    parameters = {"Environment": ENVIRONMENT}
    foundation = engine.deploy(task.templates[0], f"{naming.base(naming.FOUNDATION)}-{ENVIRONMENT}", parameters)
    package = build_zip(read_sources(*map(Path, handlers.__path__)))
    key = parameters[naming.HANDLERS_KEY_PARAMETER] = handlers_key(package)
    artifacts = {key: package}
    if task.scripts:
        prefix = parameters[naming.GLUE_PREFIX_PARAMETER] = glue_prefix(task.scripts)
        artifacts |= {prefix + name: content for name, content in task.scripts.items()}
    for key, content in artifacts.items():
        engine.client("s3").put_object(Bucket=foundation.outputs["ArtifactBucket"], Key=key, Body=content)
    return foundation, engine.deploy(task.templates[1], f"{naming.base(task.workflow)}-{ENVIRONMENT}", parameters)


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
