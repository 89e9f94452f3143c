"""What the tests of `ceap trace` and `ceap logs` share: a search in an engine, and screens without what differs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from ceap.local.clock import CLOCK
from ceap.local.logs import Logs
from ceap.operate.finding import Search, default_since
from ceap.operate.trace import Extent, trace
from ceap.operate.trace_model import Trace
from ceap.operate.trace_text import trace_lines
from tests.operated import Operated

CALL = "--env dev express.yaml"

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_REPORT = re.compile(r"REPORT RequestId: .*")
_DIFFERING = (
    (re.compile(r"This failure was asked for \(fault injection\)\."), "ASKED FOR"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"), "DATE"),
    (re.compile(r"\d\d:\d\d:\d\d(?:\.\d{3})?"), "TIME"),
    (re.compile(r"\d+ bytes"), "N bytes"),
    (re.compile(r"jr_[0-9a-f]{64}"), "jr_ID"),
    (re.compile(r"(?<= in )\d+\.\d s"), "N s"),
    (re.compile(r"(?<=DATE, )(?:\d+\.\d s|\d+ m(?: \d+ s)?)"), "N s"),
)


@pytest.fixture(scope="module", autouse=True)
def back_in_time() -> Iterator[None]:
    """Let the clock go back to real time when the engines of a module are closed."""
    yield
    assert CLOCK.rewind(10)


def write_lines(operated: Operated, group: str, stream: str, *lines: str) -> None:
    """Write lines to a log group at the engine's time, of which PutLogEvents may say that it is in the future."""
    sessions: Any = None  # needed for a role alone
    Logs(operated.engine.account, sessions, CLOCK).write(group, stream, lines, None)


def search_in(operated: Operated, since: str | None = None, told: list[str] | None = None) -> Search:
    workflow = operated.workflow
    said: list[str] = [] if told is None else told
    return Search(operated.aws, workflow, default_since(workflow, since, CLOCK.now()), said.append)


def trace_of(
    operated: Operated, what: str, *, records: bool = False, lines: bool = False, since: str | None = None
) -> Trace:
    return trace(search_in(operated, since), what, Extent(CALL, records, lines), CLOCK.now())


def screen(story: Trace) -> str:
    return normalised(trace_lines(story))


def normalised(lines: Iterable[str]) -> str:
    """Return a screen in which ids are numbered in the order in which they stand there, without times and sizes."""
    text, names = "\n".join(lines), dict[str, str]()

    def number(found: re.Match[str]) -> str:
        return names.setdefault(found[0], f"ID-{len(names) + 1}")

    text = _ID.sub(number, _REPORT.sub("REPORT", text))
    for pattern, instead in _DIFFERING:
        text = pattern.sub(instead, text)
    return text
