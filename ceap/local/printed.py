"""What a stage prints that runs in this process."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any, Final, TextIO, cast

from ceap.local.frames import Code
from ceap.local.log_lines import read_line


class Printed:
    """The standard output of a stage: lines of its logger are shown as people read them, those of metrics left out.

    There is one for the process, because a logger keeps the stream that it found first. All else is as the target has
    it: the terminal, or standard error where standard output is none.
    """

    def __init__(self) -> None:
        self._target: TextIO = sys.stderr
        self._code: Code | None = None
        self._held = ""
        self._is_within_line = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    @contextlib.contextmanager
    def in_place_of_stdout(self, code: Code) -> Iterator[None]:
        self._code = code
        self._target = sys.stdout if sys.stdout.isatty() else sys.stderr
        self._is_within_line = False  # whatever the last run left
        with contextlib.redirect_stdout(cast("TextIO", self)):
            try:
                yield
            finally:
                self.flush()

    def write(self, text: str) -> int:
        *lines, rest = (self._held + text).split("\n")
        self._held = ""
        for line in lines:
            shown = line if self._is_within_line else read_line(line, with_metrics=False, code=self._code)
            self._is_within_line = False
            if shown is not None:
                self._put(f"{shown}\n")
        if rest.startswith("{") and not self._is_within_line:
            self._held = rest  # perhaps a line of a logger, not yet whole
        elif rest:
            self._put(rest)
            self._is_within_line = True
        return len(text)

    def flush(self) -> None:
        self._put(self._held)
        self._is_within_line = self._is_within_line or bool(self._held)
        self._held = ""
        with contextlib.suppress(OSError):
            self._target.flush()

    def _put(self, text: str) -> None:
        with contextlib.suppress(OSError):  # that nobody reads it any more is no failure of the stage
            self._target.write(text)


PRINTED: Final = Printed()
