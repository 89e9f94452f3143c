"""Lines that a function prints, as people read them."""

from __future__ import annotations

import json
from typing import Any

from ceap.local.frames import Code
from ceap.local.tracebacks import read_traceback
from ceap.log_text import leveled, pairs


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
            return f"METRICS {pairs(document, {'_aws'})}" if with_metrics else None
        case {"level": str(), "message": _}:
            return "\n  ".join([leveled(document), *_exception(document.get("exception"), code)])
        case _:
            return line


def _exception(text: Any, code: Code | None) -> list[str]:
    cause = read_traceback(text) if isinstance(text, str) else None
    if cause is None:
        return []
    frames = [line for frame in cause.frames if code and code.is_own(frame) for line in code.describe(frame)]
    return [cause.title, *frames]
