"""The structured log of the handlers: one JSON object per line. Never log a customer id."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from functools import cache
from typing import Any, Final, Protocol, TextIO, cast

_SERVICE_VARIABLE: Final = "POWERTOOLS_SERVICE_NAME"


class Log(Protocol):
    """The part of Powertools' Logger that stages use; `keys` become fields of the line, None for none."""

    @property
    def service(self) -> str: ...

    def append_keys(self, **keys: Any) -> None:
        """Add fields to all further lines."""

    def info(self, message: str, **keys: Any) -> None: ...

    def warning(self, message: str, **keys: Any) -> None: ...

    def error(self, message: str, **keys: Any) -> None: ...


@cache
def logger() -> Log:
    """Return the log, made at the first call; POWERTOOLS_SERVICE_NAME names the service in each line."""
    if has_defaults():
        return StageLog()
    from aws_lambda_powertools import Logger

    return cast("Log", Logger())


def has_defaults() -> bool:
    """Say whether no variable of the function makes Powertools write otherwise than it does by default."""
    switches = (name for name in os.environ if name.startswith("POWERTOOLS_") or name == "LOG_LEVEL")
    return set(switches) <= {_SERVICE_VARIABLE} and os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO") == "INFO"


class StageLog:
    """Writes the lines of Powertools' Logger without its import, which takes a tenth of a cold start.

    `stream` is where it writes, by default what sys.stdout is then.
    """

    def __init__(self) -> None:
        self.stream: TextIO | None = None
        self.service: Final = os.environ.get(_SERVICE_VARIABLE, "service_undefined")
        self._keys: dict[str, Any] = {"service": self.service}

    def append_keys(self, **keys: Any) -> None:
        self._keys |= keys

    def info(self, message: str, **keys: Any) -> None:
        self._write("INFO", message, keys)

    def warning(self, message: str, **keys: Any) -> None:
        self._write("WARNING", message, keys)

    def error(self, message: str, **keys: Any) -> None:
        self._write("ERROR", message, keys)

    def _write(self, level: str, message: str, keys: dict[str, Any]) -> None:
        import json  # botocore loads it anyway, synth need not

        caller = sys._getframe(2)
        line = {
            "level": level,
            "location": f"{caller.f_code.co_name}:{caller.f_lineno}",
            "message": message,
            "timestamp": _timestamp(),
            **self._keys,
            **keys,
            "xray_trace_id": os.environ.get("_X_AMZN_TRACE_ID", "").split(";")[0].replace("Root=", "") or None,
        }
        stream = self.stream or sys.stdout
        try:
            given = {key: value for key, value in line.items() if value is not None}
            stream.write(json.dumps(given, ensure_ascii=False, separators=(",", ":"), default=str) + "\n")
            stream.flush()
        except Exception as error:
            # As logging does: what cannot be logged must not stop the stage.
            print(f"a line of the log was not written: {error!r}", file=sys.stderr)


def _timestamp() -> str:
    now = datetime.now().astimezone()
    return f"{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03}{now:%z}"
