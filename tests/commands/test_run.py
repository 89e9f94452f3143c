"""`ceap run`: what it prints, what it returns, and what it refuses."""

from __future__ import annotations

import importlib.util
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ceap.cli import main
from ceap.local import spark
from tests.local.support import STAGES, STANDARD_STAGES
from tests.reference import EXPRESS, MESSAGE, STANDARD, WORKFLOWS

# A shell lets what it starts in the background ignore SIGINT.
PROGRAM = """
import signal
import sys

import tests.conftest
from ceap.cli import main

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main())
"""
RUN = ["run", str(EXPRESS)]
Captured = pytest.CaptureFixture[str]


def report_of(capsys: Captured, *words: str, code: int = 0) -> tuple[dict[str, Any], str]:
    """Run with `--json` and return the report and what was told on the way."""
    assert main([*RUN, "--json", *words]) == code
    out, told = capsys.readouterr()
    report: dict[str, Any] = json.loads(out)
    return report, told


def table_of(out: str) -> list[list[str]]:
    """Return the cells of the table's rows."""
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in out.splitlines() if line.startswith("│")]


def test_a_run_shows_every_stage_and_succeeds(capsys: Captured) -> None:
    assert main(RUN) == 0
    out, told = capsys.readouterr()
    rows = table_of(out)
    assert [row[:3] for row in rows] == [[stage, "1", "SUCCEEDED"] for stage in STAGES]
    assert [row[4:6] for row in rows] == [["6", "5"], ["5", "4"], ["4", "4"], ["4", "4"], ["4", "4"]]
    assert [row[6:] for row in rows] == [["1 rejected (ID_MISSING)"], ["1 rejected (DROPPED)"], [""], [""], [""]]
    assert "output.json" not in out
    assert "\n7 objects in the workflow bucket; --keep DIR keeps them, with all else that the run leaves\n" in told
    assert (
        "express: SUCCEEDED. 1 message, 1 execution (0 failed), 4 events published, "
        "0 messages in the dead-letter queue" in out
    )
    assert [line.split()[0] for line in told.splitlines() if line.startswith("  ")] == STAGES


def test_a_stage_that_fails_once_succeeds_at_its_second_attempt(capsys: Captured, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "kept"
    report, told = report_of(capsys, "--fail", "SiftStage:1", "--keep", str(folder))
    folder /= "latest"
    [execution] = report["executions"]
    by_stage = {stage["stage"]: stage for stage in execution["stages"]}
    assert report["status"] == "SUCCEEDED"
    assert (by_stage["SiftStage"]["attempts"], by_stage["SiftStage"]["waitsS"]) == (2, [20.0])
    assert by_stage["SiftStage"]["durationS"] >= 20
    assert "SiftStage            waits 20 s before attempt 2" in told
    output = json.loads((folder / by_stage["TellStage"]["object"]).read_text(encoding="utf-8"))
    assert len(output["data"]) == by_stage["TellStage"]["recordsOut"] == 4


def test_a_stage_that_yields_none_of_its_records_is_said_to_and_why(capsys: Captured, tmp_path: Path) -> None:
    records = [{"id": "r1", "drop": True}, {"id": "r2", "drop": True}, {"drop": False}]
    message = json.dumps({"source": {"kind": "inline", "records": records}})
    assert main([*RUN, "--message", write(tmp_path, "message.json", message.encode())]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "yielded" in line] == ["SiftStage yielded 0 of 2 records: 2 rejected (DROPPED)"]
    assert lines[-1].startswith("express: SUCCEEDED. ")


def test_a_failure_names_no_object_that_was_never_written(capsys: Captured, tmp_path: Path) -> None:
    message = write(tmp_path, "message.json", b'{"source": {"kind": "none"}}')
    assert main([*RUN, "--message", message]) == 1
    out, told = capsys.readouterr()
    assert "PermanentStageError: " in out
    assert "output.json" not in out + told


@pytest.mark.parametrize(
    ("how", "attempts", "error"), [("always", 3, "TransientStageError"), ("permanent", 1, "PermanentStageError")]
)
def test_a_stage_that_always_fails_fails_the_run(capsys: Captured, how: str, attempts: int, error: str) -> None:
    report, told = report_of(capsys, "--fail", f"SiftStage:{how}", code=1)
    assert report["status"] == "FAILED"
    assert [report[f"messages{end}"] for end in ("Sent", "Left", "DeadLettered")] == [1, 0, 1]
    for execution in report["executions"]:
        statuses = {stage["stage"]: (stage["status"], stage["attempts"]) for stage in execution["stages"]}
        assert statuses == {
            "TakeStage": ("SUCCEEDED", 1),
            "SiftStage": ("FAILED", attempts),
            **dict.fromkeys(STAGES[2:], ("NOT_RUN", 0)),
        }
        assert execution["error"].startswith(f"{error}: ")
    assert len(report["executions"]) == 3
    assert "(receive 3 of its message)" in told


def test_a_failed_run_says_so_with_counts(capsys: Captured) -> None:
    assert main([*RUN, "--fail", "TakeStage:permanent"]) == 1
    out = capsys.readouterr().out
    assert "express: FAILED. 1 message, 3 executions (3 failed)" in out
    assert "1 message in the dead-letter queue" in out
    assert "last failure: PermanentStageError: " in out
    assert [line.split("│")[2].strip() for line in out.splitlines() if "TakeStage" in line] == ["3"]


def test_a_message_that_succeeds_after_its_redelivery_is_a_success(capsys: Captured) -> None:
    report, _ = report_of(capsys, "--fail", "TellStage:3")
    assert report["status"] == "SUCCEEDED"
    assert [execution["status"] for execution in report["executions"]] == ["FAILED", "SUCCEEDED"]


def test_several_messages_come_from_standard_input(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(MESSAGE.encode())))
    report, _ = report_of(capsys, "--message", "-", "--count", "3")
    assert (report["messagesSent"], report["eventsPublished"]) == (3, 4)
    assert [execution["status"] for execution in report["executions"]] == ["SUCCEEDED"] * 3


def write(folder: Path, name: str, content: bytes) -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the message is empty; write a JSON document into it"),
        (b" \n", "the message is empty"),
        (b"\xff\xfe\x00", "byte 0 is not UTF-8; a message is text, such as JSON"),
        (b'{"a": "\x00"}', r"character 7 is '\x00', which SQS refuses"),
        (b"x" * 122_881, "the message has 122,881 bytes; allowed: 122,880"),
    ],
)
def test_a_message_that_no_queue_takes_is_refused(
    capsys: Captured, tmp_path: Path, content: bytes, message: str
) -> None:
    path = write(tmp_path, "message.json", content)
    assert main([*RUN, "--message", path]) == 2
    out, told = capsys.readouterr()
    assert (out, told.count("\n")) == ("", 1)
    assert f"ceap: {path}: {message}" in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--message", "/nowhere.json"], "/nowhere.json: the message cannot be read: No such file or directory"),
        (["--message", "/"], "/: the message cannot be read: Is a directory"),
        (["--fail", "SiftStag"], "--fail SiftStag: there is no stage 'SiftStag'; did you mean SiftStage?"),
        (["--fail", "nothing"], "there is no stage 'nothing'; allowed: TakeStage, SiftStage"),
        (["--fail", "SiftStage:0"], "'0' is not a number of failures; allowed: STAGE, STAGE:TIMES"),
        (["--fail", "SiftStage:"], "'' is not a number of failures"),
        (["--fail", "SiftStage:twice"], "'twice' is not a number of failures"),
        (["--keep", "file"], "--keep file: cannot be used: File exists; name another folder"),
    ],
)
def test_wrong_usage_is_told_in_one_line(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    write(tmp_path, "file", b"content")
    monkeypatch.chdir(tmp_path)
    assert main([*RUN, *words]) == 2
    out, told = capsys.readouterr()
    assert (out, told.count("\n")) == ("", 1)
    assert message in told


@pytest.mark.parametrize("count", ["0", "-1", "x", "1.5"])
def test_a_count_is_a_whole_number_of_at_least_one(capsys: Captured, count: str) -> None:
    with pytest.raises(SystemExit) as ending:
        main([*RUN, f"--count={count}"])
    assert ending.value.code == 2
    assert f"'{count}' is not a whole number from 1 to 999999" in capsys.readouterr().err


def test_without_a_sample_message_one_must_be_named(capsys: Captured, tmp_path: Path) -> None:
    declaration = write(tmp_path, "express.yaml", EXPRESS.read_bytes())
    assert main(["run", declaration]) == 2
    place = tmp_path / "messages" / "express.json"
    assert f"{place}: the message cannot be read: No such file or directory; write one, or" in capsys.readouterr().err


def test_a_wrong_declaration_is_refused_before_anything_runs(capsys: Captured, tmp_path: Path) -> None:
    declaration = write(tmp_path, "wrong.yaml", EXPRESS.read_bytes().replace(b"EXPRESS", b"FAST"))
    assert main(["run", declaration]) == 2
    out, told = capsys.readouterr()
    assert (out, "deploying" in told) == ("", False)
    assert str(declaration) in told


def test_a_template_that_the_engine_cannot_deploy_is_refused(capsys: Captured, tmp_path: Path) -> None:
    overrides = b"\noverrides:\n  Pipe:\n    Enrichment: arn:aws:lambda:us-east-1:123456789012:function:other\n"
    declaration = write(tmp_path, "express.yaml", EXPRESS.read_bytes() + overrides)
    assert main(["run", declaration, "--message", str(WORKFLOWS / "messages" / "express.json")]) == 2
    assert "the local engine does not model Enrichment of a pipe" in capsys.readouterr().err


def test_without_the_engines_packages_the_cure_is_told(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "moto" else find(name))
    assert main(RUN) == 3
    assert "the local engine needs moto; install the extra" in capsys.readouterr().err


@pytest.mark.glue
def test_a_run_with_a_glue_step_tells_what_its_job_prints(capsys: Captured) -> None:
    assert main(["run", str(STANDARD), "--json"]) == 0
    out, told = capsys.readouterr()
    report = json.loads(out)
    [execution] = report["executions"]
    assert [(stage["stage"], stage["status"], stage["attempts"]) for stage in execution["stages"]] == [
        (stage, "SUCCEEDED", 1) for stage in STANDARD_STAGES
    ]
    assert [stage["recordsOut"] for stage in execution["stages"]] == [5, 4, 4, 4, 4, 4]
    assert (report["messagesDeadLettered"], report["alertsPublished"]) == (0, 0)
    assert "\n  HeavyStage           | HeavyStage wrote 4 records\n" in told


@pytest.mark.glue
def test_a_glue_step_that_always_fails_is_alerted_and_dead_letters_nothing(capsys: Captured) -> None:
    assert main(["run", str(STANDARD), "--json", "--fail", "HeavyStage:always"]) == 1
    out, told = capsys.readouterr()
    report = json.loads(out)
    [execution] = report["executions"]
    assert [(stage["status"], stage["attempts"], stage["waitsS"]) for stage in execution["stages"]] == [
        ("SUCCEEDED", 1, []),
        ("SUCCEEDED", 1, []),
        ("FAILED", 3, [300.0, 600.0]),
        *[("NOT_RUN", 0, [])] * 3,
    ]
    assert execution["error"] == "States.TaskFailed: TransientStageError: This failure was asked for (fault injection)."
    counts = [report[name] for name in ("messagesSent", "messagesLeft", "messagesDeadLettered", "alertsPublished")]
    assert (report["status"], counts) == ("FAILED", [1, 0, 0, 1])
    assert "HeavyStage           waits 600 s before attempt 3" in told


def test_on_a_python_that_spark_does_not_know_a_glue_step_is_refused_before_anything_runs(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark, "PYTHON_MAX", (3, 10))
    assert main(["run", str(STANDARD)]) == 3
    out, told = capsys.readouterr()
    assert (out, told.count("\n")) == ("", 1)
    assert f"a Glue step needs Python 3.11 to 3.10, and this is 3.{sys.version_info[1]}: Spark 3.5," in told
    assert "make clean glue PYTHON=python3.10" in told


@pytest.mark.parametrize(("lacking", "java", "named"), [("pyspark", "/java", "pyspark"), ("", None, "Java 11 to 17")])
def test_without_spark_a_glue_step_is_refused_before_anything_runs(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, lacking: str, java: str | None, named: str
) -> None:
    find = importlib.util.find_spec
    # Found, but for what is lacking, also where there is no Spark.
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == lacking else find(name) or name)
    monkeypatch.setattr(spark, "java_home", lambda: java)
    assert main(["run", str(STANDARD)]) == 3
    out, told = capsys.readouterr()
    assert (out, told.count("\n")) == ("", 1)
    assert f"a Glue step needs {named}; install the extra `glue`: make glue" in told
