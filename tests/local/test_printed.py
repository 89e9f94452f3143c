"""What a stage prints that runs in this process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ceap.local.frames import code_of_functions
from ceap.local.printed import PRINTED
from tests.test_output import Broken

CODE = code_of_functions(Path("/nowhere"))
LINE = '{"level": "INFO", "message": "stage started", "service": "s", "rows": 3}'
Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        ([LINE, "\n"], "INFO    stage started  rows=3\n"),
        ([LINE[:20], LINE[20:] + "\n", "after\n"], "INFO    stage started  rows=3\nafter\n"),
        (['{"_aws": {}}\n'], ""),
        (["half"], "half"),
        (["half ", LINE, "\n"], f"half {LINE}\n"),
        (["{'a': 1}", "\n"], "{'a': 1}\n"),
        (["{'a': 1}"], "{'a': 1}"),
        (["", "\n\n"], "\n\n"),
    ],
)
def test_what_is_printed_is_shown_on_standard_error_and_lines_of_a_logger_readable(
    capsys: Captured, parts: list[str], shown: str
) -> None:
    with PRINTED.in_place_of_stdout(CODE):
        for part in parts:
            sys.stdout.write(part)
    assert capsys.readouterr() == ("", shown)


def test_a_stream_that_was_kept_writes_where_the_next_run_shows_it(capsys: Captured) -> None:
    with PRINTED.in_place_of_stdout(CODE):
        kept = sys.stdout
    capsys.readouterr()
    with PRINTED.in_place_of_stdout(CODE):
        print("again", file=kept)
        assert sys.stdout.encoding == sys.stderr.encoding
    assert capsys.readouterr() == ("", "again\n")


def test_a_line_that_a_run_left_unfinished_is_none_of_the_next(capsys: Captured) -> None:
    for text in ("half", "half", f"{LINE}\n"):
        with PRINTED.in_place_of_stdout(CODE):
            sys.stdout.write(text)
    assert capsys.readouterr().err == "halfhalfINFO    stage started  rows=3\n"


def test_a_stage_goes_on_where_nobody_reads_what_it_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Broken()
    monkeypatch.setattr(sys, "stderr", broken)
    with PRINTED.in_place_of_stdout(CODE):
        print("a line")
        sys.stdout.write("{half")
    assert broken.tried
