"""The sample's workflow that reads a bucket, with its fixtures, end to end on the local engine."""

from __future__ import annotations

import json

import pytest

from ceap import project
from ceap.cli import main

STAGES = {  # in, out, merged, rejected with codes: those of the fixtures, whose tables say what each column means
    "ETLStage": (13, 12, 0, {"CUSTOMER_ID_MISSING": 1}),
    "FilterStage": (12, 9, 0, {"ORDER_VALUE_LOW": 2, "CHANNEL_INELIGIBLE": 1}),
    "StoreStage": (9, 8, 1, {}),
}


def test_its_fixtures_run_from_the_bucket_to_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(project.WORKFLOWS / "backfill.yaml"), "--json"]) == 0
    out, told = capsys.readouterr()
    [execution] = json.loads(out)["executions"]
    counts = {
        stage["stage"]: (stage["recordsIn"], stage["recordsOut"], stage["recordsMerged"], stage["rejections"])
        for stage in execution["stages"]
    }
    assert counts == STAGES
    assert "backfill: bucket amzn-s3-demo-source-bucket with 2 objects, table program_config with 2 items\n" in told
