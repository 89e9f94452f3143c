"""The functions that a stage calls which runs in this process: what they print, and how they fail."""

from collections.abc import Callable
from typing import Any, Final

from ceap.local.failures import CalledFailure, read_failure
from ceap.local.frames import code_of_functions
from ceap.local.log_lines import read_line
from ceap.local.workers import Function, Outcome


class Called:
    """Hears an engine's functions: shows with `say` what they print, and keeps their failures in order."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.failures: Final[list[CalledFailure]] = []
        self._say: Final = say

    def hear(self, function: Function, event: Any, line: str) -> None:  # noqa: ARG002 (as the engine calls it)
        shown = read_line(line, with_metrics=False, code=code_of_functions(function.root, function.home))
        if shown is not None:
            self._say(shown)

    def end(self, function: Function, event: Any, outcome: Outcome) -> None:  # noqa: ARG002 (as the engine calls it)
        if failure := read_failure(function, outcome, all_frames=False):
            self.failures.append((function.name, failure))

    end_called = end
