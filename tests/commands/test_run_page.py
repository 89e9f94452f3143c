"""`ceap run --report`: the page of the run, where it is written, and what is refused before anything runs."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

from ceap.cli import main
from tests.local.support import STAGES
from tests.reference import EXPRESS

RUN = ["run", str(EXPRESS)]
Captured = pytest.CaptureFixture[str]


def text_of(markup: str) -> str:
    """Return the text of a part of a page, its elements apart by spaces."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def section(page: str, name: str) -> str:
    """Return a section of a page, by its id."""
    found = re.search(rf'<section id="{name}">(.*?)(?=<section id=|</main>)', page, re.DOTALL)
    assert found, name
    return found[1]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("page") / "run.html"
    assert main([*RUN, "--fail", "RateStage", "--report", str(file)]) == 0
    return file.read_text(encoding="utf-8")


def test_a_page_has_the_numbers_of_each_stage(page: str) -> None:
    assert text_of(page).startswith("express: SUCCEEDED")
    rows = re.findall(r'<div class="numbers">(.*?)</div>', section(page, "records"))
    assert list(map(text_of, rows)) == [
        "6 in 5 out 1 rejected rejected: 1 ID_MISSING",
        "5 in 4 out 1 rejected rejected: 1 DROPPED",
        "4 in 4 out",
        "4 in 4 out",
        "4 in 4 out",
    ]
    assert re.findall(r"<h3>(\w+)</h3>", section(page, "records")) == STAGES


def test_a_page_has_the_attempts_and_the_wait_between_them(page: str) -> None:
    notes = list(map(text_of, re.findall(r'<div class="numbers">(.*?)</div>', section(page, "time"))))
    rate = notes[1 + STAGES.index("RateStage")]
    assert re.fullmatch(r"failed after [\d.]+ s, wait 20 s, [\d.]+ s", rate)
    assert len(notes) == 1 + len(STAGES)
    assert re.findall(r"<text[^>]*>([^<]*)", section(page, "time")) == ["20 s"]


def test_a_page_has_what_was_rejected_written_published_and_printed(page: str) -> None:
    assert "DROPPED the record says so" in text_of(section(page, "rejected"))
    assert "TellStage/output.json the first 3 of 4 records" in text_of(section(page, "objects"))
    assert text_of(section(page, "events")).startswith("Events 4 events")
    assert "the first 3 of 4 items" in text_of(section(page, "tables"))
    assert "RateStage, attempt 2" in text_of(section(page, "printed"))
    assert "_aws" not in section(page, "printed")


def test_a_page_has_the_grants_of_each_role_used_and_unused(page: str) -> None:
    roles = re.findall(r'<section class="role">(.*?)</section>', section(page, "grants"), re.DOTALL)
    assert [text_of(role).split()[0] for role in roles] == [*STAGES, "StateMachineRole", "PipeRole"]
    sift = roles[1]
    groups = dict(re.findall(r'<tbody class="(\w+)">(.*?)</tbody>', sift, re.DOTALL))
    used, unused = (
        [
            (action, text_of(calls))
            for action, calls in re.findall(r"<code>(\w+:\w+)</code>.*?</code></td>(.*?)</tr>", group)
        ]
        for group in (groups["used"], groups["unused"])
    )
    assert used == [
        ("dynamodb:BatchGetItem", "1"),
        ("logs:CreateLogStream", "1"),
        ("logs:PutLogEvents", "1"),
        ("s3:GetObject", "1"),
        ("s3:PutObject", "2"),
    ]
    assert unused == [("s3:AbortMultipartUpload", "0"), ("s3:ListBucket", "0")]
    assert "Granted for calls that are made only on AWS: xray:PutTelemetryRecords" in text_of(sift)


def test_a_failed_run_has_a_page_beside_the_report_and_its_exit_code(capsys: Captured, tmp_path: Path) -> None:
    file = tmp_path / "run.html"
    file.write_text("an older page", encoding="utf-8")
    message = tmp_path / "message.json"
    message.write_text('{"source": {"kind": "none", "name": "<b>"}}', encoding="utf-8")
    assert main([*RUN, "--json", "--message", str(message), "--report", str(file)]) == 1
    out, told = capsys.readouterr()
    assert json.loads(out)["status"] == "FAILED"
    assert told.splitlines()[-1] == f"page of the run in {file}"
    page = file.read_text(encoding="utf-8")
    assert text_of(page).startswith("express: FAILED")
    assert "3 executions failed, 1 message in the dead-letter queue." in text_of(page)
    assert "TakeStage failed in attempt 1 of execution 1" in text_of(section(page, "failures"))
    assert '{"source": {"kind": "none", "name": "<b>"}}' in text_of(section(page, "dead"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["message.json", "run.html"]


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("missing/run.html", "there is no folder {folder}/missing; make it, or name another file"),
        ("file", "its name does not end in .html; name a file that does"),
        ("/dev/null", "its name does not end in .html; name a file that does"),
        ("folder.html", "is not a file; name a file"),
        (f"{'x' * 300}.html", "cannot be written: File name too long; name another file"),
        ("file/run.html", "there is no folder {folder}/file; make it, or name another file"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_the_run(
    capsys: Captured, tmp_path: Path, place: str, problem: str
) -> None:
    (tmp_path / "file").write_text("content", encoding="utf-8")
    (tmp_path / "folder.html").mkdir()
    file = tmp_path / place
    assert main([*RUN, "--report", str(file)]) == 2
    out, told = capsys.readouterr()
    assert (out, told) == ("", f"ceap: --report {file}: {problem.format(folder=tmp_path)}\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.html"]
    assert (tmp_path / "file").read_text(encoding="utf-8") == "content"
