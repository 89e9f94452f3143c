"""The table of a run: what it shows where there is room, and that it changes no text."""

from __future__ import annotations

import sys

import pytest
from msgspec.structs import replace

from ceap.local import run_table
from ceap.local.run_report import RunReport
from tests.local.test_run_report import document, report
from tests.test_output import Broken

Captured = pytest.CaptureFixture[str]
PATH = "kept/1/executions/0/A/output.json"


def printed(capsys: Captured, shown: RunReport) -> list[str]:
    run_table.print_report(shown)
    return capsys.readouterr().out.splitlines()


def test_codes_and_errors_are_shown_as_they_are(capsys: Captured) -> None:
    shown = report(document(rejections={"[red]:bug:": 4}))
    failed = replace(shown.executions[0], status="FAILED", error="E: [/] :bug:")
    lines = printed(capsys, replace(shown, executions=(failed,)))
    assert "4 rejected ([red]:bug:)" in lines[3]
    assert lines[-1] == "last failure: E: [/] :bug:"


def test_the_last_lines_count_what_a_run_left_behind(capsys: Captured) -> None:
    left = replace(report(None), messages_left=1, messages_dead_lettered=2, events_published=3, alerts_published=0)
    assert printed(capsys, left)[-3:] == [
        "w: FAILED. 1 message, 1 execution (1 failed), 3 events published, 2 messages in the dead-letter queue, "
        "0 alerts on the topic",
        "last failure: RUNNING",
        "1 message left in the queue",
    ]


def test_objects_stand_below_the_table_where_it_has_no_room_for_them(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = report(document(), are_kept=True)
    assert PATH in printed(capsys, shown)[3]
    monkeypatch.setattr(run_table, "WIDE", 110)
    lines = printed(capsys, shown)
    assert lines.count(PATH) == 1
    assert lines[3].count(PATH) == 0


def test_without_other_records_and_objects_the_table_has_no_columns_for_them(capsys: Captured) -> None:
    lines = printed(capsys, report(None))
    assert [word.strip() for word in lines[1].strip("┃").split("┃")] == [
        "stage",
        "attempts",
        "status",
        "duration",
        "records in",
        "records out",
    ]


def test_a_table_that_nobody_reads_is_an_error_of_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Broken())
    with pytest.raises(BrokenPipeError, match=r"^$"):
        run_table.print_report(report(None))
