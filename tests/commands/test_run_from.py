"""`ceap run --from STAGE --input DIR`, and `--once`: the loop of somebody who works on one stage."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ceap.cli import main
from ceap.local import spark
from handlers.runtime.contract import output_key
from handlers.runtime.document import Header, encode_document
from tests.local.support import STAGES, STANDARD_STAGES
from tests.reference import EXPRESS, STANDARD

Captured = pytest.CaptureFixture[str]


def run(capsys: Captured, *words: str, workflow: Path = EXPRESS) -> tuple[int, dict[str, Any], str]:
    """Return the exit code, the report and what was told on the way."""
    code = main(["run", str(workflow), "--json", *words])
    out, told = capsys.readouterr()
    return code, json.loads(out), told


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def write(folder: Path, stage: str, records: Sequence[dict[str, Any]]) -> Path:
    """Write the output of a stage as an earlier run would have."""
    header = Header(execution_id="e1", stage=stage, started_at="2026-01-02T03:04:05Z")
    path = folder / output_key("e1", stage)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join(encode_document(header, records, lambda count: {"outputRecordCount": count})))
    return folder


def test_a_run_starts_at_a_stage_with_the_objects_of_an_earlier_one_also_when_its_message_comes_again(
    capsys: Captured, tmp_path: Path
) -> None:
    _, before, _ = run(capsys, "--keep", str(tmp_path))
    [earlier] = before["executions"]
    old = (tmp_path / "latest").resolve() / "executions" / earlier["executionId"]
    code, report, told = run(
        capsys,
        "--from",
        "RateStage",
        "--input",
        str(tmp_path / "latest"),
        "--fail",
        "RateStage:3",
        "--keep",
        str(tmp_path),
    )
    assert (code, [execution["status"] for execution in report["executions"]]) == (0, ["FAILED", "SUCCEEDED"])
    assert f"\nstarting at RateStage, with the objects of TakeStage, SiftStage in {old}\n" in told
    for execution in report["executions"]:
        new = tmp_path / "latest" / "executions" / execution["executionId"]
        assert [stage["stage"] for stage in execution["stages"]] == STAGES[2:]
        for stage in STAGES[:2]:
            assert load(new / stage / "output.json") == load(old / stage / "output.json") | {"executionId": new.name}
            assert (new / stage / "rejected.jsonl").read_bytes() == (old / stage / "rejected.jsonl").read_bytes()
    assert load(new / "TellStage" / "output.json")["data"] == load(old / "TellStage" / "output.json")["data"]
    assert [stage["recordsIn"] for stage in execution["stages"]] == [4, 4, 4]
    assert [line.split()[0] for line in told.splitlines() if "SUCCEEDED" in line and line[0] == " "] == STAGES[2:]


def test_of_a_run_with_a_redelivery_an_execution_is_named(capsys: Captured, tmp_path: Path) -> None:
    write(tmp_path, "TakeStage", [{"id": "r1"}])
    (tmp_path / "executions" / "e1").rename(tmp_path / "executions" / "e2")
    write(tmp_path, "TakeStage", [{"id": "r1"}, {"id": "r2"}])
    assert main(["run", str(EXPRESS), "--from", "SiftStage", "--input", str(tmp_path)]) == 2
    out, told = capsys.readouterr()
    one, other = tmp_path / "executions" / "e1", tmp_path / "executions" / "e2"
    assert (out, told) == (
        "",
        f"ceap: --input {tmp_path}: 2 executions have an output of TakeStage, the stage before SiftStage; "
        f"name one: --input {one}, --input {other}\n",
    )
    code, report, _ = run(capsys, "--from", "SiftStage", "--input", str(one))
    assert (code, report["executions"][0]["stages"][0]["recordsIn"]) == (0, 2)


def test_a_failure_can_be_asked_of_stages_that_run_only(capsys: Captured, tmp_path: Path) -> None:
    write(tmp_path, "TakeStage", [])
    assert main(["run", str(EXPRESS), "--from", "SiftStage", "--input", str(tmp_path), "--fail", "TakeStage"]) == 2
    assert "--fail TakeStage: there is no stage 'TakeStage'; " in capsys.readouterr().err


@pytest.mark.glue
def test_a_run_starts_at_a_glue_stage(capsys: Captured, tmp_path: Path) -> None:
    words = ["--from", "HeavyStage", "--input", str(write(tmp_path, "SiftStage", [{"id": "r1", "value": 1}]))]
    code, report, _ = run(capsys, *words, workflow=STANDARD)
    [execution] = report["executions"]
    assert (code, [stage["stage"] for stage in execution["stages"]]) == (0, STANDARD_STAGES[2:])
    assert [stage["recordsOut"] for stage in execution["stages"]] == [1, 1, 1, 1]


def test_after_a_glue_stage_a_run_needs_no_spark(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark, "java_home", lambda: None)
    words = ["--from", "RateStage", "--input", str(write(tmp_path, "HeavyStage", [{"id": "r1", "value": 1}]))]
    code, report, _ = run(capsys, *words, workflow=STANDARD)
    assert (code, [stage["stage"] for stage in report["executions"][0]["stages"]]) == (0, STANDARD_STAGES[3:])


def test_a_message_that_is_received_once_stays_in_the_queue_after_a_failure(capsys: Captured) -> None:
    code, report, _ = run(capsys, "--fail", "SiftStage:permanent", "--once", "--count", "6")
    assert (code, report["status"]) == (1, "FAILED")
    assert [report[f"messages{end}"] for end in ("Sent", "Left", "DeadLettered")] == [6, 6, 0]
    assert [execution["status"] for execution in report["executions"]] == ["FAILED"] * 6
    assert main(["run", str(EXPRESS), "--fail", "SiftStage:always", "--once"]) == 1
    out = capsys.readouterr().out
    assert out.endswith("\n1 message left in the queue\n")
    assert "1 message, 1 execution (1 failed)" in out
