"""What commands tell while they work."""

from __future__ import annotations

import io
import sys

import pytest

from ceap.errors import UsageError
from ceap.output import confirm, say
from ceap.signals import Stopped


class Broken(io.StringIO):
    """A stream whose reader has gone."""

    tried = False

    def write(self, text: str) -> int:
        self.tried = True
        raise BrokenPipeError(text)


def test_a_line_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    say("deploying")
    assert capsys.readouterr() == ("", "deploying\n")


def test_work_goes_on_where_nobody_reads_what_it_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Broken()
    monkeypatch.setattr(sys, "stderr", broken)
    say("deploying")
    assert broken.tried


class Terminal(io.StringIO):
    """Standard input at a terminal, at which somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "is_yes"), [("y\n", True), ("YES \n", True), ("n\n", False), ("\n", False), ("yo\n", False), ("", False)]
)
def test_only_yes_confirms(
    typed: str, is_yes: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert confirm("remove 3 files?") is is_yes
    assert capsys.readouterr() == ("", "remove 3 files? [y/N] " + "\n" * (not typed))


def test_an_interrupted_question_ends_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(terminal, "readline", lambda: (_ for _ in ()).throw(Stopped(2)))
    monkeypatch.setattr(sys, "stdin", terminal)
    with pytest.raises(Stopped):
        confirm("remove 3 files?")
    assert capsys.readouterr() == ("", "remove 3 files? [y/N] \n")


def test_nobody_is_asked_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(UsageError, match=r"^remove 3 files\? Nobody can be asked, .* not a terminal; give --yes$"):
        confirm("remove 3 files?")
