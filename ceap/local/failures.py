"""Failures of stages as their developer reads them: the exception, its place in the repository, and the cure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from ceap.local import cures
from ceap.local.calls import read_function_name
from ceap.local.existing_functions import configuration_of
from ceap.local.frames import Code, Frame, code_of_functions, code_of_job
from ceap.local.jobs import JobEnd
from ceap.local.packages import cure_import, missing_module
from ceap.local.run_report import remove_place
from ceap.local.spark import SCRIPT_NAME
from ceap.local.tracebacks import Cause, read_stack, reduce_spark
from ceap.local.workers import Function, Outcome
from handlers.runtime.needs import LEGACY_VARIABLE
from templates import words
from templates.model import LEGACY_HANDLER

_BRIDGE: Final = f"handlers.{LEGACY_HANDLER}.handler"
_REQUEST: Final = re.compile(r"^RequestId: \S+ Error: ")


class _Exceptions(msgspec.Struct, frozen=True):
    """What a process says of a failure: the exceptions, outermost first, and the number of the record taken last."""

    causes: tuple[Cause, ...]
    record: int | None


class Failure(NamedTuple):
    """What to show of a failure: one line, the lines below it, and the number of the record taken last, if known."""

    headline: str
    details: tuple[str, ...]
    record: int | None

    @property
    def taken(self) -> str:
        """How far the stage was, to be put behind what failed: it may have taken a batch, and failed at any of it."""
        return f", having taken {words.plural(self.record, 'record')}" if self.record else ""


CalledFailure: TypeAlias = tuple[str, Failure]
"""The name of a function that another called, and its failure."""


def read_failure(function: Function, outcome: Outcome, *, all_frames: bool) -> Failure | None:
    """Return the failure of an invocation; None if it did not fail, or was asked for."""
    if not outcome.failed:
        return None
    error = json.loads(outcome.payload)
    kind, text = error["errorType"], error["errorMessage"]
    code = code_of_functions(function.root, function.home)
    if outcome.failure is not None:
        causes, record = _read_exceptions(outcome.failure)
        return _describe(code, causes, record, _cure(function, causes), all_frames=all_frames)
    if "." not in kind:  # asked for: Lambda's own types have a dot
        return None
    place = f"in {configuration_of(function.home)}" if function.home else "of the step"
    cure = {
        "Sandbox.Timedout": cures.cure_timeout(function.timeout_s, place),
        "Runtime.OutOfMemory": cures.cure_memory(function.memory_mb, place),
    }.get(kind)
    return _describe_ended(code, f"{kind}: {_REQUEST.sub('', text)}", outcome.stack, cure, all_frames=all_frames)


def blame_called(failure: Failure | None, caller: Function, called: Sequence[CalledFailure]) -> Failure | None:
    """Return the failure of a function with those of the functions that it called.

    That of a stage which only hands its records to an existing function is the failure of that function, if this
    failed: it may as well have returned what the stage refuses, after another function failed that it called.
    """
    if failure is None or not called:
        return failure
    name, inner = called[-1]
    if caller.handler == _BRIDGE and name == read_function_name(caller.environment.get(LEGACY_VARIABLE, "")).name:
        return Failure(f"{name} failed: {inner.headline}", inner.details, failure.record)
    lines = [line for name, inner in called for line in (f"{name} failed: {inner.headline}", *inner.details)]
    return failure._replace(details=(*failure.details, *lines))


def read_job_failure(end: JobEnd, *, all_frames: bool) -> Failure | None:
    """Return the failure of a Glue job's run; None if it did not fail. Its folder must still be there."""
    if end.error is None:
        return None
    code = code_of_job(end.folder, SCRIPT_NAME, end.job.script.rpartition("/")[2])
    if end.failure is not None:
        causes, record = _read_exceptions(end.failure)
        causes = tuple(map(reduce_spark, causes))
        cure = cures.cure_job_denial(end.job.name) if _denial(causes) else None
        return _describe(code, causes, record, cure, all_frames=all_frames)
    cure = cures.cure_job_timeout(end.job.timeout_min) if end.state == "TIMEOUT" else None
    return _describe_ended(code, end.error, end.stack, cure, all_frames=all_frames)


def _read_exceptions(failure: Mapping[str, Any]) -> tuple[tuple[Cause, ...], int | None]:
    """Return the exceptions, without the stage error that only keeps the text of an unexpected one out of the logs."""
    causes, record = msgspec.structs.astuple(msgspec.convert(failure, _Exceptions))
    wraps = len(causes) > 1 and causes[0].text.startswith(f"unexpected {causes[1].type};")
    return causes[1:] if wraps else causes, record


def _cure(function: Function, causes: Sequence[Cause]) -> str | None:
    denied = _denial(causes)
    if function.home is not None:
        return _cure_existing(function.home, denied, causes)
    cure = cures.cure_denial(function.name, *denied) if denied else _cure_exception(function, causes)
    return cure or _cure_call(function, causes)


def _cure_existing(home: Path, denied: tuple[str, str] | None, causes: Sequence[Cause]) -> str | None:
    if denied:
        return cures.cure_existing_denial(configuration_of(home), *denied)
    missing = (missing_module(cause.text) for cause in causes if cause.type == "ModuleNotFoundError")
    if module := next(filter(None, missing), None):
        return cures.cure_existing_import(home, module)
    return next(filter(None, (cures.cure_existing_unmodelled(cause.text) for cause in causes)), None)


def _cure_exception(function: Function, causes: Sequence[Cause]) -> str | None:
    imports = (cure_import(function.root, cause.text) for cause in causes if cause.type == "ModuleNotFoundError")
    return next(filter(None, imports), None) or cures.CURES_BY_TYPE.get(causes[0].type)


def _cure_call(function: Function, causes: Sequence[Cause]) -> str | None:
    texts = [cause.text for cause in causes]
    found = (cures.cure_missing(function.name, text) or cures.cure_unmodelled(text) for text in texts)
    return next(filter(None, found), None)


def _denial(causes: Sequence[Cause]) -> tuple[str, str] | None:
    return next(filter(None, (cures.read_denial(cause.text) for cause in causes)), None)


def _describe(
    code: Code, causes: Sequence[Cause], record: int | None, cure: str | None, *, all_frames: bool
) -> Failure:
    first = causes[0]
    details = [line for cause in causes for line in _cause_lines(code, cause, cause is first, all_frames)]
    places = _places(code, first, all_frames=False)
    at = f", at {code.locate(places[-1])}" if places else ""
    return Failure(f"{_title(first)}{at}", (*details, *_cure_lines(cure)), record)


def _describe_ended(code: Code, title: str, stack: str, cure: str | None, *, all_frames: bool) -> Failure:
    """Describe a failure without an exception; if the process was ended, its stack shows where it was."""
    frames = read_stack(stack)
    own = [frame for frame in frames if code.is_own(frame)]
    at = f"; it was at {code.locate(own[-1])}" if own else ""
    details = [line for frame in (frames if all_frames else own) for line in code.describe(frame)]
    return Failure(f"{title}{at}", (*details, *_cure_lines(cure)), None)


def _cure_lines(cure: str | None) -> list[str]:
    return [] if cure is None else [f"cure: {cure}"]


def _cause_lines(code: Code, cause: Cause, is_first: bool, all_frames: bool) -> list[str]:
    """Return the lines of an exception; one that caused another is only told if it has frames to show."""
    places = _places(code, cause, all_frames)
    if not (is_first or places):
        return []
    lines = [] if is_first else [f"caused by {_title(cause)}"]
    lines += [line for place in places for line in code.describe(place)]
    if all_frames and cures.read_denial(cause.text):
        lines += [f"role: {cures.read_role(cause.text) or 'unknown'}", f"text: {cause.text}"]
    return lines


def _places(code: Code, cause: Cause, all_frames: bool) -> Sequence[Frame]:
    """Return the frames of the project's own code, else where its generators stand; or all frames."""
    if all_frames:
        return cause.frames
    own = [frame for frame in cause.frames if code.is_own(frame)]
    return own or [frame for frame in cause.halted if code.is_own(frame)]


def _title(cause: Cause) -> str:
    # A stage error of the handler's own keeps its text; that of a call through `stage` has the text of AWS.
    is_own = cause.type.endswith("StageError") and " was denied: " not in cause.text
    if (denied := cures.read_denial(cause.text)) and not is_own:
        action, resource = denied
        return f"{cause.type}: {action} on {resource} was denied"
    return remove_place(cause.title)
