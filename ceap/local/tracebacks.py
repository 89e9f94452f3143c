"""Exceptions out of texts: tracebacks of Python, its dumps of a running process, and the errors of Spark."""

from __future__ import annotations

import linecache
import re
from typing import Final

import msgspec

from ceap.local.frames import Frame

_FRAME: Final = re.compile(
    r'^\s*File "(?P<file>.+)", line (?P<line>\d+),? in (?P<function>.+)(?:\n {4}(?P<code>.+))?', re.MULTILINE
)
_TRACEBACK: Final = re.compile(
    r"^(?:.*: )?Traceback \(most recent call last\):\n(?P<frames>(?: .*\n)+)(?P<type>[\w.]+)(?:: (?P<text>.*))?",
    re.MULTILINE,
)
_SPARK: Final = re.compile("/(pyspark|py4j)/")
_JAVA: Final = re.compile(r"^(?:Caused by: |: )(?P<type>[\w.$]+)(?:: (?P<text>.*))?", re.MULTILINE)


class Cause(msgspec.Struct, frozen=True):
    """An exception; `halted` are the places of the generators that its frames hold: at a yield, or a `def` if ended."""

    type: str
    text: str
    frames: tuple[Frame, ...]
    halted: tuple[Frame, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.type}: {self.text}" if self.text else self.type


def read_traceback(text: str) -> Cause | None:
    """Return the exception of the last traceback in a text; None if there is none."""
    *_, found = [None, *_TRACEBACK.finditer(text)]
    if found is None:
        return None
    return Cause(found["type"].rpartition(".")[2], found["text"] or "", _read_frames(found["frames"]))


def read_stack(dump: str) -> tuple[Frame, ...]:
    """Return where the main thread of a process was, outermost first, out of what `faulthandler` wrote."""
    thread = dump.rpartition("\n\n")[2]  # the thread that began first stands last
    frames = _read_frames(thread)[::-1]
    return tuple(
        msgspec.structs.replace(frame, code=linecache.getline(frame.file, frame.line or 0).strip()) for frame in frames
    )


def reduce_spark(cause: Cause) -> Cause:
    """Return an exception of Spark as what caused it, in one line: an exception of its Python, else of Java."""
    if not (cause.frames and _SPARK.search(cause.frames[-1].file)):
        return cause
    if inner := read_traceback(cause.text):
        return msgspec.structs.replace(inner, frames=(*cause.frames, *inner.frames))
    *_, (kind, text) = [("", ""), *_JAVA.findall(cause.text)]
    first = cause.text.partition("\n")[0].rstrip(";")  # a plan follows
    return msgspec.structs.replace(cause, type=kind.rpartition(".")[2] or cause.type, text=text if kind else first)


def _read_frames(text: str) -> tuple[Frame, ...]:
    return tuple(
        Frame(match["file"], int(match["line"]), match["function"], match["code"]) for match in _FRAME.finditer(text)
    )
