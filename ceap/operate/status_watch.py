"""The status of workflows again and again: redrawn on a terminal, elsewhere told when it has changed."""

from __future__ import annotations

import os
import select
import shutil
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from ceap import signals
from ceap.errors import SetupError
from ceap.operate.status_judgement import WorkflowStatus
from ceap.output import say

REFRESH_S: Final = 5.0
QUIT: Final = b"q"

Read: TypeAlias = Callable[[], Sequence[WorkflowStatus]]
Text: TypeAlias = Callable[[Sequence[WorkflowStatus]], str]

_HOME: Final = "\x1b[H"
_CLEAR_LINE: Final = "\x1b[K"
_CLEAR_BELOW: Final = "\x1b[J"


def watch(read: Read, text: Text, wait: Callable[[float], bool], *, is_drawn: bool) -> Sequence[WorkflowStatus]:
    """Show the status until `wait`, which is called with seconds, says that it is enough; return the last one.

    A round in which AWS cannot be asked is told, and has none; the next one asks again. Where `is_drawn`, a terminal
    shows all of each round; elsewhere what has changed is printed.
    """
    before = ""
    while True:
        last: Sequence[WorkflowStatus] = ()
        try:
            last = read()
            told, key = text(last), repr([essence(status) for status in last])
        except SetupError as error:
            told = key = f"{error}\n"
        if is_drawn:
            sys.stdout.write(screen(told, *shutil.get_terminal_size()))
            sys.stdout.flush()
        elif key != before:
            print(told, end="", flush=True) if last else say(told.rstrip())
        before = key
        if wait(REFRESH_S):
            return last


def essence(status: WorkflowStatus) -> object:
    """Return what of a status is news when it changes: not the counts and ages that never rest."""
    facts = status.facts
    return (
        status.verdict,
        [(problem.kind, problem.next) for problem in status.problems],
        [(failure.arn, failure.ended, failure.fate) for failure in facts.failures],
        facts.executions.unsuccessful if facts.executions else None,
        facts.dead_letters.total if facts.dead_letters else None,
        facts.pipe,
        [(alarm.name, alarm.state) for alarm in facts.alarms or ()],
        facts.stack,
        facts.deployment,
        [(each.what, each.is_missing) for each in facts.unread],
    )


def screen(text: str, columns: int, rows: int) -> str:
    """Return what draws a text over the one before: lines that are too long are cut, as are those below the edge."""
    lines = text.splitlines()
    if len(lines) > rows - 1:
        hidden = len(lines) - (rows - 2)
        lines = [*lines[: rows - 2], f"... {hidden} more lines: make the window higher"]
    drawn = "".join(f"{line[:columns]}{_CLEAR_LINE}\n" for line in lines)
    return f"{_HOME}{drawn}{_CLEAR_BELOW}"


@contextmanager
def keys() -> Iterator[Callable[[float], bool]]:
    """Yield what waits for so many seconds, and tells whether `q` was typed meanwhile, if there is a terminal."""
    if not sys.stdin.isatty():
        yield _sleep
        return
    terminal = sys.stdin.fileno()
    before: list[Any] = termios.tcgetattr(terminal)

    def restore() -> None:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)

    signals.begin("terminal", restore)
    tty.setcbreak(terminal)
    try:
        yield lambda seconds: _is_quit(terminal, seconds)
    finally:
        restore()
        signals.settle("terminal")


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def _is_quit(terminal: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        ready, _, _ = select.select([terminal], [], [], left)
        if not ready:
            return False
        typed = os.read(terminal, 64)
        if not typed:  # nobody can type any more
            return _sleep(left)
        if QUIT in typed.lower():
            return True
    return False
