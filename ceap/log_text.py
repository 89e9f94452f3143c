"""A line of the handlers' logger, as people read it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Final

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

VALUE_MAX: Final = 160
"""Characters of a value."""

UNSHOWN: Final = frozenset(
    {
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
)
"""What the lines of one run of a stage have in common, or what the report of a failure shows better."""


def leveled(document: Mapping[str, Any], unshown: Collection[str] = UNSHOWN, value_max: int = VALUE_MAX) -> str:
    """Return level, message and the other fields of a line that has a level and a message; long values are cut."""
    head = f"{document['level']:<7} {_short(document['message'], value_max)}"
    return f"{head}  {pairs(document, unshown, value_max)}".rstrip()


def pairs(document: Mapping[str, Any], unshown: Collection[str], value_max: int = VALUE_MAX) -> str:
    shown = {key: value for key, value in document.items() if key not in unshown}
    return "  ".join(f"{key}={_short(value, value_max)}" for key, value in shown.items())


def _short(value: Any, value_max: int) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return cut(text, value_max)


def cut(text: str, most: int) -> str:
    """Return a text, or its first characters and three dots."""
    return text if len(text) <= most else f"{text[:most]}..."
