"""Watching: what is drawn and printed, and how it ends."""

from __future__ import annotations

import os
import sys
import termios
from collections.abc import Callable, Iterator, Sequence

import pytest

from ceap.errors import SetupError
from ceap.operate.status_facts import Depth
from ceap.operate.status_judgement import WorkflowStatus
from ceap.operate.status_watch import REFRESH_S, essence, keys, screen, watch
from tests.operate.status import NOW, failure, judged


def rounds(*found: WorkflowStatus | SetupError) -> tuple[Callable[[], Sequence[WorkflowStatus]], Callable[..., bool]]:
    """Return what reads one status after the other, and what waits until the last one was shown."""
    left = list(found)

    def read() -> Sequence[WorkflowStatus]:
        status = left.pop(0)
        if isinstance(status, SetupError):
            raise status
        return [status]

    def wait(seconds: float) -> bool:
        assert seconds == REFRESH_S
        return not left

    return read, wait


def text(statuses: Sequence[WorkflowStatus]) -> str:
    return "".join(f"{status.verdict} {len(status.facts.failures)}\n" for status in statuses)


def test_what_has_not_changed_is_not_printed_again(capsys: pytest.CaptureFixture[str]) -> None:
    busier = judged(now=NOW + 5, queue=Depth(waiting=7, in_flight=1, oldest_s=3))
    wrong = judged(failures=(failure("e1"),))
    read, wait = rounds(judged(), busier, wrong, wrong, judged())
    assert watch(read, text, wait, is_drawn=False) == [judged()]
    assert capsys.readouterr().out == "healthy 0\nwrong 1\nhealthy 0\n"


def test_a_round_in_which_aws_cannot_be_asked_is_told_and_the_next_one_asks_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    read, wait = rounds(judged(), SetupError("no network"), SetupError("no network"), judged())
    watch(read, text, wait, is_drawn=False)
    assert tuple(capsys.readouterr()) == ("healthy 0\nhealthy 0\n", "no network\n")
    read, wait = rounds(judged(), SetupError("no network"))
    assert watch(read, text, wait, is_drawn=False) == ()


def test_counts_and_ages_that_never_rest_are_no_news() -> None:
    assert essence(judged()) == essence(judged(now=NOW + 5, queue=Depth(waiting=7, in_flight=1, oldest_s=3)))
    assert essence(judged()) != essence(judged(dead_letters=Depth(waiting=1, in_flight=0)))


def test_on_a_terminal_each_round_is_drawn_over_the_one_before(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "9")
    monkeypatch.setenv("LINES", "24")
    read, wait = rounds(judged(), judged())
    watch(read, text, wait, is_drawn=True)
    assert capsys.readouterr().out == "\x1b[Hhealthy 0\x1b[K\n\x1b[J" * 2


def test_a_screen_is_cut_to_the_size_of_the_terminal() -> None:
    drawn = screen("abcdef\n1\n2\n3\n4\n", columns=40, rows=4)
    assert drawn.replace("\x1b[K", "") == "\x1b[Habcdef\n1\n... 3 more lines: make the window higher\n\x1b[J"
    assert screen("abcdef\n", columns=3, rows=4) == "\x1b[Habc\x1b[K\n\x1b[J"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A terminal that is standard input: what is written to it was typed."""
    master, terminal = os.openpty()
    with os.fdopen(terminal) as file:
        monkeypatch.setattr(sys, "stdin", file)
        yield master
    os.close(master)


def test_q_ends_it_and_leaves_the_terminal_as_it_was(typed: int) -> None:
    before = termios.tcgetattr(sys.stdin)
    with keys() as wait:
        os.write(typed, b"x")
        assert not wait(0.01)
        os.write(typed, b"xq")
        assert wait(60)
    assert termios.tcgetattr(sys.stdin) == before


def test_without_a_terminal_nobody_can_type(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    with open(os.devnull, encoding="utf-8") as nothing:  # noqa: PTH123 (as the interpreter opens it)
        monkeypatch.setattr(sys, "stdin", nothing)
        with keys() as wait:
            assert not wait(5)
    assert waited == [5]
