"""What commands tell while they work, beside their results."""

import os
import sys
from functools import cache
from pathlib import Path
from typing import TextIO, cast

from ceap.errors import UsageError


@cache
def nowhere(mode: str) -> TextIO:
    """Return a stream from which nothing is read, or to which nothing is written; it stays open."""
    return cast("TextIO", Path(os.devnull).open(mode, encoding="utf-8"))


def say(line: str) -> None:
    """Print a line to standard error, from any thread; work goes on where nobody reads it any more."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        # The line stays in its buffer: at the end the interpreter would try once more, and change the exit code.
        sys.stderr = nowhere("w")


def confirm(question: str) -> bool:
    """Ask at the terminal, e.g. `remove 3 files?`; tell whether the answer is yes.

    Raises:
        UsageError: standard input is no terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Nobody can be asked, as standard input is not a terminal; give --yes")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    answer = ""
    try:
        answer = sys.stdin.readline()
    finally:
        if not answer.endswith("\n"):  # what is told next has a line of its own, also after Ctrl-C and Ctrl-D
            say("")
    return answer.strip().lower() in ("y", "yes")
