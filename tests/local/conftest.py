from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import pytest

from ceap.local.engine import Engine
from ceap.local.fork_server import fast_launch
from ceap.local.workers import Function, Launch, Process
from tests.local.support import Deployed, deploy_express
from tests.reference import MESSAGE


class ForkedFunctions:
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


@pytest.fixture(scope="session", autouse=True)
def _forked_functions() -> Iterator[None]:
    """Let engines fork their functions, as `ceap run` does: it is as if they were started (`test_fork_server`)."""
    forked = ForkedFunctions()
    defaults = Engine.start.__func__.__kwdefaults__  # type: ignore[attr-defined]  # of a class method
    started, defaults["launch"] = defaults["launch"], forked
    yield
    defaults["launch"] = started
    forked.close()


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine.start() as engine:
        yield engine


@pytest.fixture(scope="module")
def happy() -> Iterator[Deployed]:
    """The EXPRESS workflow of the reference project and one message that succeeded; its tests only look."""
    with Engine.start() as engine:
        deployed = deploy_express(engine)
        engine.send(deployed.queue, MESSAGE)
        engine.drain()
        yield deployed
