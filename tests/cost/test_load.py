from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ceap.cost.load import LOG_BYTES, PLATFORM_BYTES, Load, Stated, load_report
from ceap.errors import UsageError

STATED = Stated(executions=7, records=1, record_bytes=100, stage_s=1.0, job_s=60.0, retries=0.0)


def stage(attempts: int, duration_s: float, waits_s: list[float], records_in: int, records_out: int) -> dict[str, Any]:
    return {
        "stage": "TakeStage",
        "attempts": attempts,
        "durationS": duration_s,
        "waitsS": waits_s,
        "recordsIn": records_in,
        "recordsOut": records_out,
        "object": None,
    }


def write(folder: Path, *stages: dict[str, Any], workflow: str = "x") -> Path:
    """Write a report with one execution for each stage; its duration is that of the stage."""
    executions = [
        {"executionId": f"e{number}", "durationS": each["durationS"], "stages": [each]}
        for number, each in enumerate(stages)
    ]
    report = {"workflow": workflow, "eventsPublished": 6, "kept": None, "executions": executions}
    file = folder / "report.json"
    file.write_text(json.dumps(report), encoding="utf-8")
    return file


def read(file: Path, *, is_job: bool = False) -> Load:
    return load_report(file, STATED, {"TakeStage": is_job}, "{}", "x")


def test_counts_are_averages_and_waits_are_no_work(tmp_path: Path) -> None:
    file = write(tmp_path, stage(1, 2.0, [], 10, 8), stage(3, 66.0, [20.0, 40.0], 20, 4))
    load = read(file)
    [found] = load.stages
    assert (load.executions, load.duration_s, load.events) == (7, 34.0, 3.0)
    assert (found.attempts, found.duration_s) == (2.0, 2.0)  # 2 + 66 - 60 = 8 s in 4 attempts
    assert (found.records_in, found.records_out, found.output_bytes) == (15.0, 6.0, 600.0)
    assert found.log_bytes == LOG_BYTES


def test_sizes_are_measured_where_the_run_was_kept_beside_its_report(tmp_path: Path) -> None:
    file = write(tmp_path, stage(2, 2.0, [], 1, 1))
    folder = tmp_path / "executions" / "e0"
    (folder / "logs").mkdir(parents=True)
    (folder / "TakeStage").mkdir()
    (folder / "TakeStage" / "output.json").write_bytes(b"x" * 321)
    (folder / "logs" / "TakeStage.log").write_bytes(b"x" * 1000)
    [found] = read(file).stages
    assert (found.output_bytes, found.log_bytes) == (321.0, 500.0 + PLATFORM_BYTES)


def test_it_says_that_the_durations_are_not_those_of_aws(tmp_path: Path) -> None:
    told = read(write(tmp_path, stage(1, 2.0, [], 1, 1))).told
    assert told[0].endswith("of a local run of 1 execution; the durations of this machine are not AWS's")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "Input data was truncated"),
        ("{}", "missing required field"),
        ('{"workflow":"y","eventsPublished":0,"kept":null,"executions":[]}', "is of y with 0 executions, not of x"),
    ],
)
def test_another_file_is_refused(content: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        read(file)


def test_a_report_of_other_stages_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, stage(1, 2.0, [], 1, 1))
    with pytest.raises(UsageError, match="the report has no stage KeepStage"):
        load_report(file, STATED, {"TakeStage": False, "KeepStage": False}, "{}", "x")
