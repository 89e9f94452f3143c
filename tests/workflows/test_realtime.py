"""The sample's EXPRESS workflow and its message, end to end on the local engine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from ceap import project
from ceap.cli import main
from ceap.local.engine import Engine
from handlers.runtime.contract import output_key
from templates.stacks import workflow_stack
from tests.local.support import Deployed, deploy_workflow, statuses

DECLARATION = project.WORKFLOWS / "realtime.yaml"
MESSAGE = (project.WORKFLOWS / "messages" / "realtime.json").read_text(encoding="utf-8")
RECORDS = {  # in, out, rejected, merged, stale: those of the message
    "ETLStage": [12, 11, 1, 0, 0],
    "FilterStage": [11, 9, 2, 0, 0],
    "ScoreStage": [9, 9, 0, 0, 0],
    "StoreStage": [9, 8, 0, 1, 0],
    "ReactiveStage": [8, 8, 0, 0, 0],
}


@pytest.fixture(scope="module")
def sample() -> Iterator[Deployed]:
    """The workflow and its message, which succeeded."""
    [workflow] = project.load_workflows([DECLARATION])
    with Engine.start() as engine:
        deployed = deploy_workflow(engine, "ceap-realtime-dev", workflow_stack(workflow))
        engine.send(deployed.queue, MESSAGE)
        engine.drain()
        yield deployed


def documents(sample: Deployed) -> dict[str, Any]:
    """Return the output of each stage."""
    [execution] = sample.engine.executions
    objects = sample.objects()
    return {stage: json.loads(objects[output_key(execution.name, stage)]) for stage in RECORDS}


def test_every_stage_succeeds_at_once_with_what_its_role_grants(sample: Deployed) -> None:
    [execution] = sample.engine.executions
    assert execution.status == "SUCCEEDED"
    assert [statuses(execution, stage) for stage in RECORDS] == [["SUCCEEDED"]] * len(RECORDS)
    assert [call for call in sample.engine.trace if not call.allowed] == []
    assert sample.engine.messages(sample.queue) == sample.dead_letters == []


def test_each_way_out_of_a_stage_is_shown_and_counted(sample: Deployed) -> None:
    ways = ("input", "output", "rejected", "merged", "stale")
    metadata = {stage: document["metadata"] for stage, document in documents(sample).items()}
    assert {stage: [each[f"{way}RecordCount"] for way in ways] for stage, each in metadata.items()} == RECORDS
    assert metadata["ReactiveStage"]["counts"] == {"published": 8}


def test_a_candidate_gains_from_stage_to_stage(sample: Deployed) -> None:
    outputs = documents(sample)
    first, last = outputs["ETLStage"]["data"][0], outputs["ReactiveStage"]["data"][0]
    assert (first["customerId"], first["subject"]["id"]) == ("customer-01", "o-1001")
    assert first.get("scores") in (None, {})
    assert set(last["scores"]) == {"trust", "quality", "fraud"}
    assert last["published"] is True


def test_what_is_stored_and_published_is_what_went_out(sample: Deployed) -> None:
    scan = sample.engine.client("dynamodb").scan
    for table in ("Candidates", "EventDeduplication"):
        assert scan(TableName=sample.foundation.outputs[f"{table}TableName"])["Count"] == 8
    assert sum(call.action == "events:PutEvents" for call in sample.engine.trace) == 8


def test_no_handler_logs_a_customer(sample: Deployed) -> None:
    customers = set(re.findall("customer-[0-9]+", MESSAGE))
    assert len(customers) > 5
    for stage in RECORDS:
        log = "\n".join(sample.engine.logs.read(f"/aws/lambda/ceap-realtime-dev-{stage.removesuffix('Stage')}"))
        assert '"message":"stage succeeded"' in log
        assert [customer for customer in customers if customer in log] == []


def test_ceap_run_reports_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(DECLARATION), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    [execution] = report["executions"]
    counts = {stage["stage"]: [stage["recordsIn"], stage["recordsOut"]] for stage in execution["stages"]}
    assert counts == {stage: counted[:2] for stage, counted in RECORDS.items()}
    assert report["eventsPublished"] == 8
