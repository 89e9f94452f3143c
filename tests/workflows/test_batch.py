"""The sample's STANDARD workflow and its message, end to end on the local engine, its Glue job on Spark."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ceap import project
from ceap.cli import main

BATCH = project.WORKFLOWS / "batch.yaml"
RECORDS_OUT = {
    "ETLStage": 11,
    "FilterStage": 9,
    "HeavyETLStage": 9,
    "ScoreStage": 9,
    "StoreStage": 8,
    "ReactiveStage": 8,
}


@pytest.mark.glue
def test_its_message_runs_through_spark(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["run", str(BATCH), "--json", "--keep", str(tmp_path / "objects")]) == 0
    out, told = capsys.readouterr()
    report = json.loads(out)
    [execution] = report["executions"]
    assert [(stage["stage"], stage["status"], stage["attempts"]) for stage in execution["stages"]] == [
        (stage, "SUCCEEDED", 1) for stage in RECORDS_OUT
    ]
    assert [stage["recordsOut"] for stage in execution["stages"]] == list(RECORDS_OUT.values())
    counts = [report[name] for name in ("eventsPublished", "messagesDeadLettered", "alertsPublished")]
    assert counts == [8, 0, 0]
    assert "\n  HeavyETLStage        | " in told
    kept = sorted((tmp_path / "objects").rglob("output.json"))
    assert {path.parent.name: len(json.loads(path.read_text(encoding="utf-8"))["data"]) for path in kept} == RECORDS_OUT
