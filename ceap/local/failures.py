"""Failures of stages as their developer reads them: the exception, its place in the repository, and the cure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, get_args

import msgspec

import handlers
from ceap.local.run_report import remove_place
from ceap.local.workers import Function, Outcome
from handlers.runtime.needs import TableAction
from templates import naming

RUNTIME: Final = "handlers/runtime/"
_REQUEST: Final = re.compile(r"^RequestId: \S+ Error: ")
_DENIED: Final = re.compile(r"is not authorized to perform: (?P<action>\S+) on resource: \"?(?P<resource>[^\s\"]+)")


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """A place in a source; `code` is its line."""

    file: str
    line: int | None
    function: str
    code: str | None


class Cause(msgspec.Struct, frozen=True):
    """An exception; `halted` are the places of the generators that its frames hold, each at its yield."""

    type: str
    text: str
    frames: tuple[Frame, ...]
    halted: tuple[Frame, ...]


class _Exceptions(msgspec.Struct, frozen=True):
    """What a worker says of a failure: the exceptions, outermost first, and the number of the record taken last."""

    causes: tuple[Cause, ...]
    record: int | None


class Failure(NamedTuple):
    """What to show of a failed invocation: one line, the lines below it, and the number of the record if known."""

    headline: str
    details: tuple[str, ...]
    record: int | None


def read_failure(function: Function, outcome: Outcome, *, all_frames: bool) -> Failure | None:
    """Return the failure of an invocation; None if it did not fail, or was asked for."""
    if not outcome.failed:
        return None
    error = json.loads(outcome.payload)
    kind, text = error["errorType"], error["errorMessage"]
    if outcome.failure is None:
        if "." not in kind:  # asked for: Lambda's own types have a dot
            return None
        text = _REQUEST.sub("", text)
        return Failure(f"{kind}: {text}", tuple(_cures(function, kind, text)), None)
    exceptions = msgspec.convert(outcome.failure, _Exceptions)
    causes = _without_wrapper(exceptions.causes)
    first = causes[0]
    details = [line for cause in causes for line in _cause_lines(function, cause, cause is first, all_frames)]
    details += _cures(function, kind, " ".join(cause.text for cause in causes))
    places = _places(function, first, all_frames=False)
    at = f", at {_locate(function, places[-1])}" if places else ""
    return Failure(f"{_title(first)}{at}", tuple(details), exceptions.record)


def _without_wrapper(causes: tuple[Cause, ...]) -> tuple[Cause, ...]:
    """Leave out the stage error that only keeps the text of an unexpected exception out of the logs."""
    wraps = len(causes) > 1 and causes[0].text.startswith(f"unexpected {causes[1].type};")
    return causes[1:] if wraps else causes


def _cause_lines(function: Function, cause: Cause, is_first: bool, all_frames: bool) -> list[str]:
    """Return the lines of an exception; one that caused another is only told if it has frames to show."""
    places = _places(function, cause, all_frames)
    if not (is_first or places):
        return []
    lines = [] if is_first else [f"caused by {_title(cause)}"]
    for place in places:
        where = f" in {place.function}" if place.function else ""
        lines += [f"  {_locate(function, place)}{where}", *([f"      {place.code}"] if place.code else [])]
    return lines


def _places(function: Function, cause: Cause, all_frames: bool) -> Sequence[Frame]:
    """Return the frames of the project's own code, else where its generators stand; or all frames."""
    if all_frames:
        return cause.frames
    own = [frame for frame in cause.frames if _is_own(function, frame)]
    return own or [frame for frame in cause.halted if _is_own(function, frame)]


def _is_own(function: Function, frame: Frame) -> bool:
    name = _name(function, frame)
    return name is not None and not name.startswith(RUNTIME)


def _name(function: Function, frame: Frame) -> str | None:
    """Return the path in the function's zip; None if the file is not of it."""
    path = Path(frame.file)
    return path.relative_to(function.root).as_posix() if path.is_relative_to(function.root) else None


def _locate(function: Function, frame: Frame) -> str:
    """Return file and line, the file as a path from the current folder if it stands below it."""
    name = _name(function, frame)
    path = Path(frame.file)
    if name is not None:
        roots = [Path(folder).absolute().parent for folder in handlers.__path__]
        path = next((root / name for root in roots if (root / name).exists()), Path(name))
    here = Path.cwd()
    return f"{path.relative_to(here) if path.is_relative_to(here) else path}:{frame.line}"


def _title(cause: Cause) -> str:
    if (denied := _DENIED.search(cause.text)) and not cause.type.endswith("StageError"):
        return f"{cause.type}: {denied['action']} on {denied['resource']} was denied"
    return f"{cause.type}: {remove_place(cause.text)}" if cause.text else cause.type


def _cures(function: Function, kind: str, text: str) -> list[str]:
    if kind == "Sandbox.Timedout":
        return [f"cure: raise timeout_s of the step, now {function.timeout_s}, or make the stage faster"]
    if kind == "Runtime.OutOfMemory":
        return [f"cure: raise memory_mb of the step, now {function.memory_mb}, or keep fewer records at once"]
    denied = _DENIED.search(text)
    if denied is None or "add it to NEEDS" in text:  # such a message has its cure
        return []
    return [f"cure: {_grant(function, **denied.groupdict())}"]


def _grant(function: Function, action: str, resource: str) -> str:
    """Return what lets a stage make a call that its role was denied."""
    service, _, operation = action.partition(":")
    if service == "dynamodb" and ":table/" in resource:
        table = re.sub(f"^{naming.base('')}|-[a-z0-9]+$", "", resource.partition(":table/")[2].partition("/")[0])
        name = table.replace("-", "_")
        if operation in get_args(TableAction):
            return f'add "{operation}" to the actions of table {name} in NEEDS: tables={{TABLE: ("{operation}",)}}'
        return f"NEEDS grants on tables only {', '.join(get_args(TableAction))}; use one of them, for table {name}"
    if action == "events:PutEvents":
        return "declare the event in NEEDS: events=Publish(source=..., detail_type=...)"
    if service == "s3":
        return "a stage reads another bucket only if NEEDS names its setting: bucket_setting=..."
    return f"NEEDS cannot grant it; do without the call, or grant it to the role of {function.name}"
