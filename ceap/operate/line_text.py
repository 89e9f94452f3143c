"""The lines of an execution for people: time, stage and what the line says, coloured by level on a terminal."""

from __future__ import annotations

import datetime
import json
import re
from typing import Any, Final

from ceap.aws.log_lines import parsed
from ceap.cfn.lookup import at
from ceap.log_text import UNSHOWN, leveled
from ceap.operate.stage_lines import StageLine

_FRAME: Final = ("START RequestId:", "END RequestId:", "INIT_START ")
_OWN_FRAME: Final = re.compile(
    r'\n? *File "(?:[^"\n]*/)?handlers/runtime/stage\.py", line \d+, in __call__(?=\n|$)'
    r"|\n? *(?:raise type\(failure\)\(text, |self\._run\(context, )[^\n]*"
)
"""What `handlers/runtime/stage.py` adds to each traceback: it is the same of all, and tells nothing of the fault."""

_PLATFORM: Final = "platform."
_REPORT: Final = "platform.report"
_UNSHOWN: Final = UNSHOWN - {"inputPath", "outputPath"}
_VALUE_MAX: Final = 2000
_COLOURS: Final = {"WARNING": "33", "ERROR": "31", "CRITICAL": "31", "DEBUG": "2"}


def is_noise(message: str) -> bool:
    """Tell whether a line says nothing to people: of metrics, Lambda's own but its report, the base class's frame."""
    if message.startswith(_FRAME) or _OWN_FRAME.fullmatch(message):
        return True
    document = parsed(message) if message.startswith("{") else {}
    kind = str(document.get("type", ""))
    return "_aws" in document or (kind.startswith(_PLATFORM) and kind != _REPORT)


def is_report(message: str) -> bool:
    """Tell whether a line is Lambda's report of an invocation that ended within its time."""
    is_one = message.startswith("REPORT RequestId:") or parsed(message).get("type") == _REPORT
    return is_one and "timeout" not in message


def said(message: str) -> str:
    """Return what a line says, without the fields that all lines of an execution have in common."""
    document = parsed(message) if message.startswith("{") else {}
    if isinstance(document.get("level"), str) and "message" in document:
        failure = at(document, "result", "errorMessage")
        return leveled({**document, "errorMessage": failure} if failure else document, _UNSHOWN, _VALUE_MAX)
    if document.get("type") == _REPORT:
        return _report(document)
    text = _OWN_FRAME.sub("", message).removesuffix("\nTraceback (most recent call last):")
    return text.replace("\t", "  ")


def line_text(line: StageLine, title: str, *, in_colour: bool = False) -> str:
    """Return a line after its time and a title, e.g. its stage; further lines of its text are indented."""
    when = datetime.datetime.fromtimestamp(line.timestamp, datetime.UTC).strftime("%H:%M:%S.%f")[:-3]
    head = f"{when}  {title}"
    text = said(line.message).replace("\n", f"\n{' ' * len(head)}")
    colour = _COLOURS.get(line.level or "") if in_colour else None
    return f"{head}\x1b[{colour}m{text}\x1b[0m" if colour else f"{head}{text}".rstrip()


def _report(document: dict[str, Any]) -> str:
    """Return Lambda's report of an invocation, which is JSON where the function logs JSON."""
    record = document.get("record") or {}
    metrics = record.get("metrics") or {}
    return f"REPORT {record.get('requestId', '')}  {record.get('status', '')}  {json.dumps(metrics)}".rstrip()
