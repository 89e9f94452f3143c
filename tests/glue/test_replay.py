"""A job that a replay skips, as a whole: it ends well where there is no Java that could start Spark."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from handlers.runtime.contract import output_key
from tests.glue.support import EXECUTION, Bucket, Json, install_library, job_arguments, job_environment

pytestmark = pytest.mark.glue

REPLAY = f"{EXECUTION}-replay-1"
SKIP: Json = {"executionId": REPLAY, "copiedFrom": EXECUTION, "skip": ["OwnStage"]}
COPY = (
    f'{{"executionId":"{REPLAY}","stage":"BeforeStage","startedAt":"t","copiedFrom":"{EXECUTION}",'
    '"skip":["BeforeStage","OwnStage"],"data":[\n{"a":1}\n],"metadata":{"outputRecordCount":1}}\n'
)

JOB = """
from lib.job import Settings, run

if __name__ == "__main__":
    run(lambda frame: frame, Settings(input="a long", output={}))
"""


@pytest.fixture
def run(bucket: Bucket, endpoint: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Start two runs one after the other, as the first stage and as a later one, without Java."""
    install_library(tmp_path)
    bucket.put(output_key(REPLAY, "initial"), json.dumps(json.dumps(SKIP)).encode())
    bucket.put(output_key(REPLAY, "BeforeStage"), COPY.encode())
    script = tmp_path / "script.py"
    script.write_text(JOB, encoding="utf-8")
    commands = [
        [str(script), *job_arguments(bucket.name, source, "OwnStage", "run", REPLAY)]
        for source in ("initial", "BeforeStage")
    ]
    environment = job_environment(endpoint, tmp_path) | {"JAVA_HOME": str(tmp_path / "none")}
    driver = [sys.executable, str(Path(__file__).with_name("driver.py")), str(tmp_path / "errors.json")]
    return subprocess.run(
        driver, input=json.dumps(commands), env=environment, capture_output=True, text=True, check=False
    )


def test_a_skipped_job_says_so_and_writes_nothing(
    run: subprocess.CompletedProcess[str], bucket: Bucket, tmp_path: Path
) -> None:
    assert run.returncode == 0, run.stderr
    assert json.loads((tmp_path / "errors.json").read_text(encoding="utf-8")) == [None, None]
    said = f"skipped: a replay has copied the output of OwnStage from execution {EXECUTION}"
    assert [line for line in run.stdout.splitlines() if line.startswith("skipped")] == [said, said]
    assert bucket.keys() == [output_key(REPLAY, "BeforeStage"), output_key(REPLAY, "initial")]
