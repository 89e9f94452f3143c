"""Lines that a function prints, as people read them."""

from __future__ import annotations

import json
from typing import Any, Final

from ceap.local.frames import Code
from ceap.local.tracebacks import read_traceback

_VALUE_MAX: Final = 160
# What the lines of one run of a stage have in common, or what the report of a failure shows better.
_UNSHOWN: Final = {
    "level",
    "message",
    "timestamp",
    "service",
    "location",
    "executionId",
    "currentStage",
    "stackTrace",
    "exception",
    "exception_name",
    "stack_trace",
    "xray_trace_id",
    "correlation_id",
    "result",
    "bucket",
    "inputKey",
    "outputKey",
    "inputPath",
    "outputPath",
}


def read_line(line: str, *, with_metrics: bool, code: Code | None = None) -> str | None:
    """Return a line as people read it; None for a line of metrics, unless they are wanted.

    An exception that its logger wrote stands below it, with the frames that are of `code`.
    """
    document: Any
    try:
        document = json.loads(line) if line.startswith("{") else None
    except (ValueError, RecursionError):
        document = None
    match document:
        case {"_aws": dict()}:
            return f"METRICS {_pairs(document, {'_aws'})}" if with_metrics else None
        case {"level": str(level), "message": message}:
            shown = f"{level:<7} {_text(message)}  {_pairs(document, _UNSHOWN)}".rstrip()
            return "\n  ".join([shown, *_exception(document.get("exception"), code)])
        case _:
            return line


def _exception(text: Any, code: Code | None) -> list[str]:
    cause = read_traceback(text) if isinstance(text, str) else None
    if cause is None:
        return []
    frames = [line for frame in cause.frames if code and code.is_own(frame) for line in code.describe(frame)]
    return [cause.title, *frames]


def _pairs(document: dict[str, Any], unshown: set[str]) -> str:
    return "  ".join(f"{key}={_text(value)}" for key, value in document.items() if key not in unshown)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text if len(text) <= _VALUE_MAX else f"{text[:_VALUE_MAX]}..."
