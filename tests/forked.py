"""Processes of functions that engines of tests fork, as `ceap run` does, from one server of the whole run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from ceap.local.engine import Engine
from ceap.local.fork_server import fast_launch
from ceap.local.workers import Function, Launch, Process


class _Forked:
    """Starts processes of functions from one fork server, which is begun by the first."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._launch: Launch | None = None

    def __call__(self, function: Function, descriptors: Sequence[int], output: int) -> Process:
        if self._launch is None:
            self._launch = self._stack.enter_context(fast_launch())
        return self._launch(function, descriptors, output)

    def close(self) -> None:
        self._stack.close()


@contextlib.contextmanager
def forked_functions() -> Iterator[None]:
    """Let engines fork their functions: it is as if they were started (`tests/local/test_fork_server.py`)."""
    forked = _Forked()
    defaults = Engine.start.__func__.__kwdefaults__  # type: ignore[attr-defined]  # of a class method
    started, defaults["launch"] = defaults["launch"], forked
    yield
    defaults["launch"] = started
    forked.close()
