"""The checks of what a run is asked for; each imports what it needs when called: a wrong request is told fast."""

from __future__ import annotations

import argparse
import importlib.util
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, assert_never

from ceap.errors import SetupError, UsageError
from templates import words

if TYPE_CHECKING:
    from ceap.local.existing_functions import ExistingFunction
    from ceap.local.order import Build, RequestedFailure
    from ceap.local.seed import Seed
    from templates.model import Step, Workflow

NOT_IN_MESSAGES: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that SQS refuses in a body. Source: SQS API Reference, "SendMessage"."""
NUMBER: Final = "[1-9][0-9]{0,5}"
FAIL_FORM: Final = "STAGE, STAGE:TIMES, STAGE:always or STAGE:permanent"


def add_seed_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option of all commands that deploy a workflow here."""
    parser.add_argument(
        "--seed",
        type=Path,
        metavar="DIR",
        help="take objects, items, secrets, parameters and existing functions from there "
        "(default: fixtures/{name}/ beside the declaration, if there is one)",
    )


def require_engine() -> None:
    """Raise SetupError if packages of the local engine are not installed."""
    lacking = [module for module in ("moto", "psutil") if importlib.util.find_spec(module) is None]
    if lacking:
        raise SetupError(
            f"the local engine needs {' and '.join(lacking)}; install the extra: .venv/bin/pip install -e '.[local]'"
        )


def require_for(steps: Iterable[Step]) -> None:
    """Raise SetupError if the machine lacks what one of the steps runs in."""
    from templates.model import GlueStep, LambdaStep

    for step in steps:
        match step:
            case LambdaStep():
                pass  # this Python runs it
            case GlueStep():
                require_spark()
            case _:
                assert_never(step)


def require_spark() -> None:
    """Raise SetupError if the machine lacks what a Glue job runs in."""
    from ceap.local.spark import java_home, python_problem

    if problem := python_problem():
        raise SetupError(f"a Glue step {problem}")
    lacking = ["pyspark"] * (importlib.util.find_spec("pyspark") is None) + ["Java 11 to 17"] * (java_home() is None)
    if lacking:
        raise SetupError(f"a Glue step needs {' and '.join(lacking)}; install the extra `glue`: make glue")


def load_body(given: str | None, default: Path, *, option: str = "--message") -> str:
    """Return the message body, or raise UsageError where there is none or SQS would refuse it.

    `given` is the value of the option: a file, or - for standard input.
    """
    from templates.budget import MAX_MESSAGE_BYTES

    place = "standard input" if given == "-" else (given or str(default))
    try:
        raw = sys.stdin.buffer.read() if given == "-" else Path(given or default).read_bytes()
        body = raw.decode("utf-8")
    except OSError as error:
        cure = f"name another file with {option}" if given else f"write one, or name another with {option} FILE"
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


def check_served(message: str | None, copies: int | None, *, is_watched: bool) -> None:
    """Raise UsageError for an option that --serve does not take."""
    given = {"--message": message is not None, "--count": copies is not None, "--watch": is_watched}
    for option in [option for option, is_given in given.items() if is_given]:
        raise UsageError(
            f"--serve takes no {option}: it runs the messages that come through its endpoint, with the code as it was "
            f"deployed; leave out {option}"
        )


def build_for(workflow: Workflow, functions: Mapping[str, ExistingFunction] = {}) -> Build:
    """Return what is deployed for a workflow: its templates and scripts, generated anew, and existing functions."""
    from ceap import project
    from ceap.archive import read_scripts
    from ceap.local.order import Build
    from templates.discovery import JOB_FOLDERS

    (_, foundation), (_, template) = project.build_templates([workflow])
    scripts = read_scripts(*JOB_FOLDERS) if workflow.glue_steps else {}
    return Build(workflow.name, foundation, template, bool(workflow.lambda_steps), scripts, functions)


def parse_failure(text: str, stages: Sequence[str]) -> RequestedFailure:
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


def load_seed_for(given: Path | None, default: Path, workflow: Workflow) -> Seed:
    """Return what a run finds when its message comes, or raise UsageError if something of it is wrong."""
    from ceap.local.seed import load_seed, source_buckets
    from templates.discovery import load_needs, tables

    folder = given or (default if default.exists() else None)
    needs = [load_needs(step.handler) for step in workflow.lambda_steps]
    functions = workflow.legacy_functions
    return load_seed(folder, source_buckets(workflow), tables(), needs, functions=functions, default=default)
