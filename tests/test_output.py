"""What commands tell while they work."""

from __future__ import annotations

import io
import sys

import pytest

from ceap.output import say


class Broken(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(text)


def test_a_line_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    say("deploying")
    assert capsys.readouterr() == ("", "deploying\n")


def test_work_goes_on_where_nobody_reads_what_it_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Broken())
    say("deploying")
