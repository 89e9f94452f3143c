"""`ceap invoke`: what a stage is given, what is told of it, and how it can be debugged."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ceap.local  # noqa: F401 (takes AWS's variables out of the environment, once)
from ceap.cli import main
from handlers.runtime.aws import client
from tests import processes
from tests.reference import EXPRESS, STANDARD

Captured = pytest.CaptureFixture[str]
Write = Callable[[str], None]

OF_A_SOURCE = b"""\
name: express
type: EXPRESS
steps:
  - stage: TakeStage
    handler: take
    settings: {source_bucket: my-exports}
"""
# As `python -m ceap`, with the stages of the tests.
PROGRAM = """\
import signal
import sys

import handlers
from ceap.cli import main

handlers.__path__.append("handlers")
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it starts in the background ignore it
sys.exit(main())
"""


def invoke(capsys: Captured, *words: str, declaration: Path | str = EXPRESS) -> tuple[int, list[dict[str, Any]], str]:
    """Return the exit code, the records, and what was told."""
    code = main(["invoke", str(declaration), *words])
    out, told = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], told


def report_of(told: str) -> list[str]:
    """Return the lines of the report, without the time that the stage took."""
    lines = told.splitlines()
    start = next(number for number, line in enumerate(lines) if " SUCCEEDED in " in line)
    return [re.sub(r" in [0-9.]+ s:", ":", line) for line in lines[start:]]


def write(path: Path, content: str) -> str:
    path.write_text(content, encoding="utf-8")
    return str(path)


def test_a_first_stage_takes_the_workflows_message_and_its_records_are_printed(capsys: Captured) -> None:
    code, records, told = invoke(capsys, "TakeStage")
    assert (code, [record["id"] for record in records]) == (0, ["r1", "r2", "r3", "r4", "r5"])
    assert report_of(told) == [
        "TakeStage SUCCEEDED: 6 records in, 5 out, 1 rejected (ID_MISSING)",
        "  ID_MISSING: id is missing",
    ]
    assert "\nINFO    stage started\n" in told
    assert "_aws" not in told


def test_a_later_stage_takes_records_and_reads_what_was_seeded(capsys: Captured, tmp_path: Path) -> None:
    (tmp_path / "seed" / "tables").mkdir(parents=True)
    write(tmp_path / "seed" / "tables" / "ratings.jsonl", '{"PK": "r1", "SK": "RATE", "rate": 9}\n')
    records = write(tmp_path / "records.jsonl", '{"id": "r1"}\n{"id": "r2"}\n')
    code, yielded, told = invoke(capsys, "RateStage", "--input", records, "--seed", str(tmp_path / "seed"))
    assert (code, yielded) == (0, [{"id": "r1", "rate": 9}, {"id": "r2", "rate": 0.5}])
    assert f"\nseed {tmp_path / 'seed'}: table ratings with 1 item\n" in told


def test_a_source_bucket_gets_the_file_and_the_stage_reads_it_there(capsys: Captured, tmp_path: Path) -> None:
    (tmp_path / "express.yaml").write_bytes(OF_A_SOURCE)
    rows = write(tmp_path / "rows.csv", "id,amount\nr1,5\n,6\n")
    code, records, told = invoke(capsys, "TakeStage", "--input", rows, declaration=tmp_path / "express.yaml")
    assert (code, records) == (0, [{"id": "r1", "amount": "5"}, {"id": "", "amount": "6"}])
    assert "\nINFO    stage source  sourcePath=s3://my-exports/rows.csv\n" in told


def test_what_was_kept_of_a_run_is_taken_with_a_note_if_another_stage_wrote_it(
    capsys: Captured, tmp_path: Path
) -> None:
    lines = ['{"executionId":"e","stage":"TakeStage","startedAt":"2026-01-02T03:04:05Z","data":[', '{"id":"r1"}']
    document = write(tmp_path / "output.json", "\n".join([*lines, '],"metadata":{"outputRecordCount":1}}', ""]))
    code, records, told = invoke(capsys, "SiftStage", "--input", document)
    assert (code, records, "written by" in told) == (0, [{"id": "r1"}], False)
    code, records, told = invoke(capsys, "TellStage", "--input", document)
    assert (code, records) == (0, [{"id": "r1", "published": True}])
    note = f"{document} was written by TakeStage, not by KeepStage, which is the stage before; its records are taken\n"
    assert told.startswith(note)
    assert report_of(told) == ["TellStage SUCCEEDED: 1 record in, 1 out, 1 event published"]


def test_records_come_from_a_pipe(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"id": "r1", "drop": true}\n')))
    code, records, told = invoke(capsys, "SiftStage", "--input", "-")
    assert (code, records) == (0, [])
    assert report_of(told)[0] == "SiftStage SUCCEEDED: 1 record in, 0 out, 1 rejected (DROPPED)"


def test_stages_in_one_process_have_each_their_own_role_and_leave_nothing_behind(
    capsys: Captured, tmp_path: Path
) -> None:
    records = write(tmp_path / "records.jsonl", '{"id": "r1"}\n')
    before = dict(os.environ)
    for stage in ("RateStage", "KeepStage"):
        assert invoke(capsys, stage, "--input", records)[0] == 0
    assert dict(os.environ) == before
    assert client.cache_info().currsize == 0


def test_the_report_is_one_json_document_if_it_is_wanted(capsys: Captured) -> None:
    assert main(["invoke", str(EXPRESS), "TakeStage", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    stage = report.pop("stage")
    assert re.fullmatch(r"[0-9a-f-]{36}", report.pop("executionId"))
    assert report == {"workflow": "express", "reasons": {"ID_MISSING": "id is missing"}, "eventsPublished": 0}
    assert (stage["status"], stage["recordsIn"], stage["recordsOut"], stage["error"]) == ("SUCCEEDED", 6, 5, None)


def test_a_failure_is_shown_where_it_is_in_the_repository(capsys: Captured, write_stage: Write) -> None:
    write_stage("print('at', record['id']); 1 / (record['id'] != 'r2')")
    code, records, told = invoke(capsys, "BreakStage", declaration="tried.yaml")
    assert (code, records) == (1, [])
    assert told.splitlines()[-8:] == [
        "at r1",
        "at r2",
        "ERROR   stage failed  errorType=TransientStageError",
        "",
        "BreakStage failed, having taken 2 records",
        "  ZeroDivisionError: division by zero, at handlers/break_it.py:16",
        "    handlers/break_it.py:16 in process_data",
        "        print('at', record['id']); 1 / (record['id'] != 'r2')",
    ]


def test_a_handler_that_ends_its_process_fails_as_on_aws(capsys: Captured, write_stage: Write) -> None:
    write_stage("raise SystemExit(3)")
    code, _, told = invoke(capsys, "BreakStage", declaration="tried.yaml")
    assert code == 1
    assert "\n  ProcessExitError: the handler ended its process, with status 3\n  caused by SystemExit: 3\n" in told


def test_a_call_that_the_role_is_denied_is_denied(capsys: Captured, write_stage: Write) -> None:
    write_stage("from handlers.runtime.aws import client; client('s3').list_objects_v2(Bucket='other')")
    code, _, told = invoke(capsys, "BreakStage", declaration="tried.yaml")
    assert code == 1
    assert "\n  AccessDenied: s3:ListBucket on arn:aws:s3:::other was denied, at handlers/break_it.py:16\n" in told
    assert "\n  cure: " in told


def test_the_environment_is_that_of_the_function_and_the_deadline_that_of_the_step(
    capsys: Captured, write_stage: Write
) -> None:
    names = "os.environ['AWS_LAMBDA_FUNCTION_NAME'], os.environ['SETTINGS']"
    write_stage(f"import os, time; print({names}, round(stage.deadline - time.time(), -1))")
    _, _, told = invoke(capsys, "BreakStage", declaration="tried.yaml")
    assert "\nceap-tried-local-Break {} 60.0\n" in told


PLACES: list[tuple[str, int, Any]] = []


def record_place() -> None:
    frame = sys._getframe(1)
    PLACES.append((frame.f_code.co_filename, frame.f_lineno, frame.f_locals["record"]))


def test_a_breakpoint_sees_the_variables_of_the_handler(
    capsys: Captured, write_stage: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_stage("breakpoint()")
    monkeypatch.setenv("PYTHONBREAKPOINT", f"{__name__}.record_place")
    PLACES.clear()
    assert invoke(capsys, "BreakStage", declaration="tried.yaml")[0] == 0
    handler = str(Path("handlers/break_it.py").absolute())
    assert [(handler, 16, {"id": "r1"}), (handler, 16, {"id": "r2"})] == PLACES


def test_coverage_counts_the_lines_of_the_handler(write_stage: Write) -> None:
    write_stage("record['seen'] = True")
    write(Path("program.py"), PROGRAM)
    words = ("run", "--include", "*/break_it.py", "program.py", "invoke", "tried.yaml", "BreakStage")
    python = (sys.executable, "-m", "coverage")
    done = subprocess.run([*python, *words], capture_output=True, text=True, check=True)
    assert [json.loads(line)["seen"] for line in done.stdout.splitlines()] == [True, True]
    subprocess.run([*python, "json", "-q", "-o", "counted.json"], check=True)
    [counted] = json.loads(Path("counted.json").read_bytes())["files"].values()
    assert (counted["missing_lines"], 16 in counted["executed_lines"]) == ([], True)


@pytest.fixture
def type_in(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return what makes standard input and output a terminal, at which lines are typed."""

    def type_lines(text: str) -> None:
        stdin = io.StringIO(text)
        monkeypatch.setattr(stdin, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    return type_lines


@pytest.mark.parametrize(
    "body",
    ["stage.reject(record, 1 / 0, 'x')", "stage.count('stale')", "yield None"],
    ids=["an exception", "an exception of the framework", "a wrong record"],
)
def test_after_a_failure_pdb_stands_in_the_handler_and_no_deadline_is_near(
    capsys: Captured, write_stage: Write, type_in: Write, body: str
) -> None:
    write_stage(body)
    type_in("p record, stage.deadline - stage.started_at.timestamp() > 86400\nq\n")
    assert main(["invoke", "tried.yaml", "BreakStage", "--debug"]) == 1
    place = f"> {Path('handlers/break_it.py').absolute()}(16)process_data()"
    assert capsys.readouterr().out.endswith(f"{place}\n-> {body}\n(Pdb) ({{'id': 'r1'}}, True)\n(Pdb) ")


def test_a_terminal_shows_what_is_printed_and_the_first_records(
    capsys: Captured, write_stage: Write, type_in: Write
) -> None:
    write_stage("print('at', record['id'])")
    type_in("")
    records = write(Path("records.jsonl"), "".join(f'{{"id": {number}}}\n' for number in range(12)))
    assert main(["invoke", "tried.yaml", "BreakStage", "--input", records]) == 0
    out, told = capsys.readouterr()
    lines = out.splitlines()
    assert [line for line in lines if line.startswith("at ")] == [f"at {number}" for number in range(12)]
    assert [line for line in lines if line.startswith("{")] == [f'{{"id":{number}}}' for number in range(10)]
    assert "\nthese are the first 10 of 12 records; redirect standard output to have all\n" in told


def test_who_leaves_the_debugger_has_interrupted_the_command(
    capsys: Captured, write_stage: Write, type_in: Write
) -> None:
    write_stage("import pdb; pdb.Pdb().set_trace()")  # pytest has a breakpoint() of its own
    type_in("q\n")
    assert main(["invoke", "tried.yaml", "BreakStage"]) == 130
    assert capsys.readouterr().err.endswith("\nceap: interrupted\n")


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        ("end(signal.SIGINT)", 130, "interrupted"),
        ("end(signal.SIGTERM)", 143, "terminated"),
        (
            "typist.readline = lambda: end(signal.SIGTERM); pdb.Pdb('', typist, sys.stdout).set_trace()",
            143,
            "terminated",
        ),
    ],
    ids=["an interruption", "a request to terminate", "a request to terminate at a prompt"],
)
def test_an_ended_command_leaves_nothing_behind(
    write_stage: Write, tmp_path: Path, body: str, code: int, word: str
) -> None:
    write_stage(f"import pdb, signal, sys, types; typist = types.SimpleNamespace(); end = signal.raise_signal; {body}")
    write(Path("program.py"), PROGRAM)
    (tmp_path / "temporary").mkdir()
    done = processes.run(
        [sys.executable, "program.py", "invoke", "tried.yaml", "BreakStage"],
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,  # a prompt that goes on asks for ever
    )
    assert (done.returncode, done.stdout, done.stderr.splitlines()[-1]) == (code, "", f"ceap: {word}")
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize(
    ("declaration", "words", "message"),
    [
        (EXPRESS, ["Sift"], "{}: there is no stage 'Sift'; did you mean SiftStage? allowed: TakeStage, SiftStage, "),
        (STANDARD, ["HeavyStage"], "{}: HeavyStage is a Glue job, which runs in a process of its own; start the "),
        (EXPRESS, ["TakeStage", "--debug"], "--debug needs a terminal, and standard input or output is not one; "),
        (EXPRESS, ["SiftStage"], "SiftStage takes what TakeStage yields; name it with --input: DIR/latest of "),
        (EXPRESS, ["TakeStage", "--input", "none.json"], "none.json: the message cannot be read: No such file or "),
        (EXPRESS, ["TakeStage", "--seed", "none"], "none: the seed's folder cannot be read: No such file or "),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_deployed(
    capsys: Captured, declaration: Path, words: list[str], message: str
) -> None:
    code, records, told = invoke(capsys, *words, declaration=declaration)
    assert (code, records, told.count("\n")) == (2, [], 1)
    assert told.startswith(f"ceap: {message.format(declaration)}")


LACKING = [
    "ModuleNotFoundError: No module named 'sortedcontainers', at handlers/break_it.py:{line}",
    "cure: sortedcontainers is installed here, but the function's zip does not hold it; list it in a set, e.g. "
    'handlers/packages/tables.in, call `make lock`, and name the set in NEEDS: packages="tables"',
]


def told_of_import(told: str) -> list[str]:
    return [line.strip() for line in told.splitlines() if "ModuleNotFoundError: " in line or "cure: " in line]


def test_a_package_that_the_function_lacks_on_aws_cannot_be_imported(capsys: Captured, write_stage: Write) -> None:
    write_stage("from sortedcontainers import SortedSet")
    code, records, told = invoke(capsys, "BreakStage", declaration="tried.yaml")
    assert (code, records, told_of_import(told)) == (1, [], [LACKING[0].format(line=16), LACKING[1]])


def test_nor_can_it_be_where_the_module_begins(capsys: Captured, write_stage: Write) -> None:
    write_stage("pass")
    module = Path("handlers", "break_it.py")
    module.write_text("import sortedcontainers\n" + module.read_text(encoding="utf-8"), encoding="utf-8")
    code, records, told = invoke(capsys, "BreakStage", declaration="tried.yaml")
    assert (code, records, told_of_import(told)) == (1, [], [LACKING[0].format(line=1), LACKING[1]])
