"""How a signal ends a command: at once, and nothing is left of what it had begun.

The handler of the signal undoes and exits. An exception would pass through whatever runs just then, and that may be a
cleanup, or code that swallows exceptions.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

WORDS: Final[Mapping[int, str]] = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "terminated",
    signal.SIGHUP: "terminated",
}

_begun: Final[dict[Hashable, Callable[[], object]]] = {}
_starting: Final = threading.Lock()


class _Hold:
    """How many contexts of the main thread hold signals, and the last signal that came meanwhile."""

    depth = 0
    came: int | None = None


class Stopped(BaseException):
    """The process is asked to end, in a context that lets signals raise; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number: Final = number


def install() -> None:
    """Let signals end this process. One that it was started to ignore, as by nohup, stays ignored."""
    for number in WORDS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _receive)


def finish() -> None:
    """Undo what is left, and ignore signals from now on: the command is over."""
    for number in WORDS:
        signal.signal(number, signal.SIG_IGN)
    for undo in reversed(list(_begun.values())):
        with suppress(Exception):  # the others still have to be undone
            undo()


def begin(thing: Hashable, undo: Callable[[], object]) -> None:
    """Call `undo` if a signal ends the process before `settle(thing)`.

    It runs in the main thread, at any moment: it takes no locks, and knows that its thing may not be there yet.
    """
    _begun[thing] = undo


def settle(thing: Hashable) -> None:
    _begun.pop(thing, None)


@contextmanager
def held() -> Iterator[None]:
    """Let signals wait until a short block is done; only in the main thread, in which they arrive."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _Hold.depth += 1
    try:
        yield
    finally:
        _Hold.depth -= 1
        if _Hold.came is not None and not _Hold.depth:
            number, _Hold.came = _Hold.came, None
            signal.raise_signal(number)


@contextmanager
def starting() -> Iterator[None]:
    """Let signals wait while a process is started or a file is made, in whatever thread; none is once one has come.

    Locks that others hold while they start something are taken within, so that no two wait for each other.
    """
    with held(), _starting:
        yield


@contextmanager
def raised() -> Iterator[None]:
    """Let signals raise KeyboardInterrupt or Stopped in a block, as debuggers and the user's own code expect.

    Stopped, because the prompt of pdb would take KeyboardInterrupt for a wish to type again.
    """

    def stop(number: int, _: FrameType | None) -> None:
        if _Hold.depth:
            _Hold.came = number
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            raise Stopped(number)

    before = {number: signal.getsignal(number) for number in WORDS}
    ours = [number for number, handler in before.items() if handler is _receive]
    for number in ours:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, _receive)


def end_child(pid: int) -> None:
    """End a child of this process and wait for its end; harmless when it has ended."""
    with suppress(OSError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _receive(number: int, _: FrameType | None) -> None:
    if _Hold.depth:
        _Hold.came = number
    else:
        _end(number)


def _end(number: int) -> NoReturn:
    errors = sys.stderr
    # Other threads go on until the exit, and find that their files and processes are gone.
    threading.excepthook = lambda _: None
    sys.stdout = sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (closed by the exit)
    _starting.acquire(timeout=5)  # never released: nothing is started any more
    finish()
    with suppress(OSError, ValueError):  # what reads our errors has gone
        os.write(errors.fileno(), f"ceap: {WORDS[number]}\n".encode())
    os._exit(128 + number)
