"""The generated realtime workflow, run end to end: outputs, retries, redelivery, and only what its roles grant."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ceap import project
from ceap.local.engine import Engine
from ceap.local.executions import Execution
from handlers.runtime.contract import PermanentStageError, TransientStageError, output_key
from templates.stacks import workflow_stack
from tests.local.support import MESSAGE, STAGES, Deployed, deploy_realtime, statuses

RECORDS = {  # in, out, rejected, merged: those of workflows/messages/realtime.json
    "ETLStage": (12, 11, 1, 0),
    "FilterStage": (11, 9, 2, 0),
    "ScoreStage": (9, 9, 0, 0),
    "StoreStage": (9, 8, 0, 1),
    "ReactiveStage": (8, 8, 0, 0),
}
VISIBILITY_S = 1800


@pytest.fixture(scope="module")
def workflow() -> Iterator[Deployed]:
    """The workflow that the failing tests share: each sends a message of its own."""
    with Engine.start() as engine:
        yield deploy_realtime(engine)


def execution_of(deployed: Deployed) -> Execution:
    [execution] = deployed.engine.executions
    return execution


def document(deployed: Deployed, execution: Execution, stage: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(deployed.objects()[output_key(execution.name, stage)])
    return parsed


def run_failing(deployed: Deployed, stage: str, error: str, times: int | None) -> list[Execution]:
    """Send a message while a stage fails, and return the executions that it caused."""
    function = f"ceap-realtime-dev-{stage.removesuffix('Stage')}"
    before = len(deployed.engine.executions)
    deployed.engine.functions.inject(function, error, times)
    deployed.engine.send(deployed.queue, MESSAGE)
    executions = deployed.engine.drain()[before:]
    deployed.engine.functions.inject(function, error, 0)
    return executions


@pytest.mark.property(2)
def test_every_stage_writes_its_output_at_its_convention_path(happy: Deployed) -> None:
    execution = execution_of(happy)
    assert execution.status == "SUCCEEDED"
    assert {stage: statuses(execution, stage) for stage in STAGES} == {stage: ["SUCCEEDED"] for stage in STAGES}
    outputs = {key for key in happy.objects() if key.endswith("/output.json")}
    assert outputs == {f"executions/{execution.name}/{stage}/output.json" for stage in STAGES}


@pytest.mark.property(5)
def test_all_objects_of_an_execution_lie_under_its_prefix(happy: Deployed) -> None:
    prefix = f"executions/{execution_of(happy).name}/"
    assert [key for key in happy.objects() if not key.startswith(prefix)] == []


@pytest.mark.parametrize("stage", STAGES)
def test_an_output_is_the_document_of_its_stage_and_counts_every_record(happy: Deployed, stage: str) -> None:
    execution = execution_of(happy)
    output = document(happy, execution, stage)
    metadata = output["metadata"]
    counts = [metadata[f"{kind}RecordCount"] for kind in ("input", "output", "rejected", "merged", "stale")]
    assert (output["executionId"], output["stage"]) == (execution.name, stage)
    assert (*RECORDS[stage], 0) == tuple(counts)
    assert len(output["data"]) == metadata["outputRecordCount"]
    assert counts[0] == sum(counts[1:])


def test_a_candidate_gains_from_stage_to_stage(happy: Deployed) -> None:
    execution = execution_of(happy)
    first, *_ = document(happy, execution, "ETLStage")["data"]
    last, *_ = document(happy, execution, "ReactiveStage")["data"]
    assert (first["customerId"], first["subject"]["id"]) == ("customer-01", "o-1001")
    assert first.get("scores") in (None, {})
    assert set(last["scores"]) == {"trust", "quality", "fraud"}
    assert last["published"] is True


def test_what_is_stored_and_published_is_what_went_out(happy: Deployed) -> None:
    table = happy.engine.client("dynamodb").scan(TableName=happy.foundation.outputs["CandidatesTableName"])
    events = [call for call in happy.engine.trace if call.action == "events:PutEvents"]
    assert table["Count"] == RECORDS["StoreStage"][1]
    assert len(events) == RECORDS["ReactiveStage"][1]


def test_the_message_is_deleted_once_its_execution_succeeded(happy: Deployed) -> None:
    assert happy.engine.messages(happy.queue) == []
    assert happy.dead_letters == []
    deletions = [call for call in happy.engine.trace if call.action == "sqs:DeleteMessage"]
    assert len(deletions) == 1


@pytest.mark.property(3)
@pytest.mark.property(4)
@pytest.mark.property(40)
def test_a_stage_reads_its_predecessor_and_writes_under_its_own_prefix(happy: Deployed) -> None:
    prefix = f"arn:aws:s3:::{happy.bucket}/executions/{execution_of(happy).name}"
    for stage, previous in zip(STAGES, [None, *STAGES], strict=False):
        role = happy.role(f"{stage.removesuffix('Stage')}FunctionRole")
        calls = [call for call in happy.engine.trace if call.role == role and call.action.startswith("s3:")]
        read = {call.resource for call in calls if call.action == "s3:GetObject"}
        written = {call.resource for call in calls if call.action == "s3:PutObject"}
        assert read == ({f"{prefix}/{previous}/output.json"} if previous else set())
        assert f"{prefix}/{stage}/output.json" in written
        assert [key for key in written if not key.startswith(f"{prefix}/{stage}/")] == []


@pytest.mark.property(36)
def test_a_stage_logs_its_execution_first(happy: Deployed) -> None:
    for stage in STAGES:
        lines = happy.engine.logs.read(f"/aws/lambda/ceap-realtime-dev-{stage.removesuffix('Stage')}")
        first = json.loads(next(line for line in lines if line.startswith("{")))
        assert (first["executionId"], first["currentStage"]) == (execution_of(happy).name, stage)
        assert (lines[0].split()[0], lines[-1].split()[0]) == ("START", "REPORT")


def test_no_handler_logs_a_customer(happy: Deployed) -> None:
    customers = set(re.findall("customer-[0-9]+", MESSAGE))
    assert len(customers) > 5
    for stage in STAGES:
        log = "\n".join(happy.engine.logs.read(f"/aws/lambda/ceap-realtime-dev-{stage.removesuffix('Stage')}"))
        assert '"message":"stage succeeded"' in log
        assert [customer for customer in customers if customer in log] == []


def test_the_state_machine_logs_every_event_with_its_data(happy: Deployed) -> None:
    events = [json.loads(line) for line in happy.engine.logs.read("/aws/vendedlogs/states/ceap-realtime-dev")]
    assert len(events) == len(execution_of(happy).history)
    assert events[0]["type"] == "ExecutionStarted"
    assert "customer-01" in events[0]["details"]["input"]
    assert events[-1]["type"] == "ExecutionSucceeded"


def test_a_transient_failure_is_retried_after_20_and_40_seconds(workflow: Deployed) -> None:
    [execution] = run_failing(workflow, "FilterStage", TransientStageError.__name__, 2)
    assert execution.status == "SUCCEEDED"
    assert statuses(execution, "FilterStage") == ["FAILED", "FAILED", "SUCCEEDED"]
    assert [(wait.state, wait.seconds) for wait in execution.waits] == [("FilterStage", 20.0), ("FilterStage", 40.0)]
    counts = {stage: document(workflow, execution, stage)["metadata"]["outputRecordCount"] for stage in STAGES}
    assert counts == {stage: records[1] for stage, records in RECORDS.items()}


@pytest.mark.property(6)
@pytest.mark.property(14)
@pytest.mark.property(30)
@pytest.mark.property(31)
@pytest.mark.property(33)
def test_a_message_that_keeps_failing_is_dead_lettered_unchanged(workflow: Deployed) -> None:
    dead = len(workflow.dead_letters)
    executions = run_failing(workflow, "ScoreStage", TransientStageError.__name__, None)
    assert [execution.status for execution in executions] == ["FAILED"] * 3
    assert len({execution.name for execution in executions}) == 3
    for number, execution in enumerate(executions, start=1):
        [record] = json.loads(execution.input)
        assert record["attributes"]["ApproximateReceiveCount"] == str(number)
        assert statuses(execution, "ScoreStage") == ["FAILED"] * 3
        assert [wait.seconds for wait in execution.waits] == [20.0, 40.0]
        assert execution.error == TransientStageError.__name__
        assert statuses(execution, "StoreStage") == []
        kept = [stage for stage in STAGES if output_key(execution.name, stage) in workflow.objects()]
        assert kept == ["ETLStage", "FilterStage"]
        entered = [event["details"]["name"] for event in execution.history if event["type"] == "TaskStateEntered"]
        assert entered[-1] == "ScoreStage"
        assert execution.history[-1]["details"]["error"] == TransientStageError.__name__
    gaps = [later.started - earlier.started for earlier, later in itertools.pairwise(executions)]
    assert [round(gap / VISIBILITY_S, 1) for gap in gaps] == [1.0, 1.0]
    assert workflow.engine.messages(workflow.queue) == []
    assert workflow.dead_letters[dead:] == [MESSAGE]
    log = workflow.engine.logs.read("/aws/vendedlogs/pipes/ceap-realtime-dev")
    assert sum(execution.arn in line for line in log for execution in executions) == 3


def test_a_permanent_failure_is_not_retried_and_dead_lettered(workflow: Deployed) -> None:
    dead = len(workflow.dead_letters)
    executions = run_failing(workflow, "FilterStage", PermanentStageError.__name__, None)
    assert [statuses(execution, "FilterStage") for execution in executions] == [["FAILED"]] * 3
    assert [execution.waits for execution in executions] == [[]] * 3
    assert workflow.dead_letters[dead:] == [MESSAGE]


@pytest.mark.property(14)
def test_a_redelivered_message_is_a_new_execution_and_changes_nothing_twice() -> None:
    with Engine.start() as engine:
        deployed = deploy_realtime(engine)
        failed, succeeded = run_failing(deployed, "ReactiveStage", TransientStageError.__name__, 3)
        assert (failed.status, succeeded.status) == ("FAILED", "SUCCEEDED")
        assert statuses(succeeded, "ReactiveStage") == ["SUCCEEDED"]
        assert failed.name != succeeded.name
        assert deployed.dead_letters == []
        table = deployed.foundation.outputs["CandidatesTableName"]
        assert engine.client("dynamodb").scan(TableName=table)["Count"] == RECORDS["StoreStage"][1]

        engine.send(deployed.queue, MESSAGE)
        *_, again = engine.drain()
        assert again.status == "SUCCEEDED"
        published = [record["published"] for record in document(deployed, again, "ReactiveStage")["data"]]
        assert published == [False] * RECORDS["ReactiveStage"][1]
        assert engine.client("dynamodb").scan(TableName=table)["Count"] == RECORDS["StoreStage"][1]
        assert sum(call.action == "events:PutEvents" for call in engine.trace) == RECORDS["ReactiveStage"][1]


def test_every_message_is_an_execution_of_its_own(workflow: Deployed) -> None:
    before = len(workflow.engine.executions)
    for _ in range(3):
        workflow.engine.send(workflow.queue, MESSAGE)
    executions = workflow.engine.drain()[before:]
    assert [execution.status for execution in executions] == ["SUCCEEDED"] * 3
    assert len({json.loads(execution.input)[0]["messageId"] for execution in executions}) == 3
    assert len({execution.name for execution in executions}) == 3


def test_more_messages_than_run_at_once_get_through_while_others_wait(workflow: Deployed) -> None:
    before = len(workflow.engine.executions)
    workflow.engine.functions.inject("ceap-realtime-dev-ETL", TransientStageError.__name__, 6)
    for _ in range(6):
        workflow.engine.send(workflow.queue, MESSAGE)
    executions = workflow.engine.drain()[before:]
    assert [execution.status for execution in executions] == ["SUCCEEDED"] * 6
    assert sum(len(execution.waits) for execution in executions) == 6


ANOTHER_ORDER = """
name: realtime
type: EXPRESS
steps:
  - {stage: ETLStage, handler: etl}
  - {stage: ScoreStage, handler: score}
  - {stage: TrustStage, handler: filter, settings: {filters: [{filter: trust, min_trust_score: 0.99}]}}
  - {stage: FilterStage, handler: filter}
"""


@pytest.mark.property(10)
def test_stages_in_another_order_run_with_the_same_code(tmp_path: Path) -> None:
    declaration = tmp_path / "realtime.yaml"
    declaration.write_text(ANOTHER_ORDER, encoding="utf-8")
    [other] = project.load_workflows([declaration])
    with Engine.start() as engine:
        deployed = deploy_realtime(engine, workflow_stack(other))
        engine.send(deployed.queue, MESSAGE)
        [execution] = engine.drain()
        assert execution.status == "SUCCEEDED"
        metadata = {step.stage: document(deployed, execution, step.stage)["metadata"] for step in other.steps}
        counts = {stage: (each["inputRecordCount"], each["outputRecordCount"]) for stage, each in metadata.items()}
        assert counts["ScoreStage"] == (11, 11)
        assert counts["TrustStage"][1] == counts["FilterStage"][0] < 11
        assert set(metadata["TrustStage"]["rejections"]) == {"TRUST_SCORE_LOW"}
        assert [call for call in engine.trace if not call.allowed] == []


def test_a_message_that_is_no_json_fails_permanently_at_the_first_stage(workflow: Deployed) -> None:
    before = len(workflow.engine.executions)
    workflow.engine.send(workflow.queue, "no JSON")
    executions = workflow.engine.drain()[before:]
    assert [(execution.error, statuses(execution, "ETLStage")) for execution in executions] == [
        (PermanentStageError.__name__, ["FAILED"])
    ] * 3
    assert workflow.dead_letters[-1] == "no JSON"
