"""The generated EXPRESS workflow, run end to end: outputs, retries, redelivery, and only what its roles grant."""

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
from tests.local.support import STAGES, Deployed, deploy_express, statuses
from tests.reference import MESSAGE

RECORDS = {  # in, out, rejected: those of the message
    "TakeStage": (6, 5, 1),
    "SiftStage": (5, 4, 1),
    "RateStage": (4, 4, 0),
    "KeepStage": (4, 4, 0),
    "TellStage": (4, 4, 0),
}
VISIBILITY_S = 1800


@pytest.fixture(scope="module")
def workflow() -> Iterator[Deployed]:
    """The workflow that the failing tests share: each sends a message of its own."""
    with Engine.start() as engine:
        yield deploy_express(engine)


def execution_of(deployed: Deployed) -> Execution:
    [execution] = deployed.engine.executions
    return execution


def document(deployed: Deployed, execution: Execution, stage: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(deployed.objects()[output_key(execution.name, stage)])
    return parsed


def run_failing(deployed: Deployed, stage: str, error: str, times: int | None) -> list[Execution]:
    """Send a message while a stage fails, and return the executions that it caused."""
    function = f"ceap-express-dev-{stage.removesuffix('Stage')}"
    before = len(deployed.engine.executions)
    deployed.engine.functions.inject(function, error, times)
    deployed.engine.send(deployed.queue, MESSAGE)
    executions = deployed.engine.drain()[before:]
    deployed.engine.functions.inject(function, error, 0)
    return executions


@pytest.mark.property(2, "E")
def test_every_stage_writes_its_output_at_its_convention_path(happy: Deployed) -> None:
    execution = execution_of(happy)
    assert execution.status == "SUCCEEDED"
    assert {stage: statuses(execution, stage) for stage in STAGES} == {stage: ["SUCCEEDED"] for stage in STAGES}
    outputs = {key for key in happy.objects() if key.endswith("/output.json")}
    assert outputs == {f"executions/{execution.name}/{stage}/output.json" for stage in STAGES}


@pytest.mark.property(5, "E")
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
    assert (*RECORDS[stage], 0, 0) == tuple(counts)
    assert len(output["data"]) == metadata["outputRecordCount"]
    assert counts[0] == sum(counts[1:])


def test_a_record_gains_from_stage_to_stage(happy: Deployed) -> None:
    execution = execution_of(happy)
    first, *_ = document(happy, execution, "TakeStage")["data"]
    last, *_ = document(happy, execution, "TellStage")["data"]
    assert first == {"id": "r1", "amount": 10.5}
    assert last == first | {"rate": 0.5, "published": True}


def test_what_is_stored_and_published_is_what_went_out(happy: Deployed) -> None:
    table = happy.engine.client("dynamodb").scan(TableName=happy.foundation.outputs["RecordsTableName"])
    events = [call for call in happy.engine.trace if call.action == "events:PutEvents"]
    assert table["Count"] == RECORDS["KeepStage"][1]
    assert len(events) == RECORDS["TellStage"][1]


def test_the_message_is_deleted_once_its_execution_succeeded(happy: Deployed) -> None:
    assert happy.engine.messages(happy.queue) == []
    assert happy.dead_letters == []
    deletions = [call for call in happy.engine.trace if call.action == "sqs:DeleteMessage"]
    assert len(deletions) == 1


@pytest.mark.property(3, "E")
@pytest.mark.property(4, "E")
def test_a_stage_reads_its_predecessor_and_writes_under_its_own_prefix(happy: Deployed) -> None:
    prefix = f"arn:aws:s3:::{happy.bucket}/executions/{execution_of(happy).name}"
    for stage, previous in zip(STAGES, [None, *STAGES], strict=False):
        role = happy.role(f"{stage.removesuffix('Stage')}FunctionRole")
        calls = [call for call in happy.engine.trace if call.role == role and call.action.startswith("s3:")]
        read = {call.resource for call in calls if call.action == "s3:GetObject"}
        written = {call.resource for call in calls if call.action == "s3:PutObject"}
        assert read == ({f"{prefix}/{previous}/output.json"} if previous else set())
        if previous is None:
            given = [each.get("id") for each in json.loads(MESSAGE)["source"]["records"]]
            taken = [each["id"] for each in document(happy, execution_of(happy), stage)["data"]]
            assert taken == [each for each in given if each]
        assert f"{prefix}/{stage}/output.json" in written
        assert [key for key in written if not key.startswith(f"{prefix}/{stage}/")] == []


def test_a_stage_logs_its_execution_first(happy: Deployed) -> None:
    for stage in STAGES:
        lines = happy.engine.logs.read(f"/aws/lambda/ceap-express-dev-{stage.removesuffix('Stage')}")
        first = json.loads(next(line for line in lines if line.startswith("{")))
        assert (first["executionId"], first["currentStage"]) == (execution_of(happy).name, stage)
        assert (lines[0].split()[0], lines[-1].split()[0]) == ("START", "REPORT")


def test_no_handler_logs_a_record(happy: Deployed) -> None:
    for stage in STAGES:
        log = "\n".join(happy.engine.logs.read(f"/aws/lambda/ceap-express-dev-{stage.removesuffix('Stage')}"))
        assert '"message":"stage succeeded"' in log
        assert re.findall(r"\br[1-5]\b|amount", log) == []


def test_the_state_machine_logs_every_event_with_its_data(happy: Deployed) -> None:
    events = [json.loads(line) for line in happy.engine.logs.read("/aws/vendedlogs/states/ceap-express-dev")]
    assert len(events) == len(execution_of(happy).history)
    assert events[0]["type"] == "ExecutionStarted"
    assert "amount" in events[0]["details"]["input"]
    assert events[-1]["type"] == "ExecutionSucceeded"


def test_a_transient_failure_is_retried_after_20_and_40_seconds(workflow: Deployed) -> None:
    [execution] = run_failing(workflow, "SiftStage", TransientStageError.__name__, 2)
    assert execution.status == "SUCCEEDED"
    assert statuses(execution, "SiftStage") == ["FAILED", "FAILED", "SUCCEEDED"]
    assert [(wait.state, wait.seconds) for wait in execution.waits] == [("SiftStage", 20.0), ("SiftStage", 40.0)]
    counts = {stage: document(workflow, execution, stage)["metadata"]["outputRecordCount"] for stage in STAGES}
    assert counts == {stage: records[1] for stage, records in RECORDS.items()}


@pytest.mark.property(14, "E")
@pytest.mark.property(33, "E")
def test_a_message_that_keeps_failing_is_dead_lettered_unchanged(workflow: Deployed) -> None:
    dead = len(workflow.dead_letters)
    executions = run_failing(workflow, "RateStage", TransientStageError.__name__, None)
    assert [execution.status for execution in executions] == ["FAILED"] * 3
    assert len({execution.name for execution in executions}) == 3
    for number, execution in enumerate(executions, start=1):
        [record] = json.loads(execution.input)
        assert record["attributes"]["ApproximateReceiveCount"] == str(number)
        assert statuses(execution, "RateStage") == ["FAILED"] * 3
        assert [wait.seconds for wait in execution.waits] == [20.0, 40.0]
        assert execution.error == TransientStageError.__name__
        assert statuses(execution, "KeepStage") == []
        kept = [stage for stage in STAGES if output_key(execution.name, stage) in workflow.objects()]
        assert kept == ["TakeStage", "SiftStage"]
        entered = [event["details"]["name"] for event in execution.history if event["type"] == "TaskStateEntered"]
        assert entered[-1] == "RateStage"
        assert execution.history[-1]["details"]["error"] == TransientStageError.__name__
    gaps = [later.started - earlier.started for earlier, later in itertools.pairwise(executions)]
    assert [round(gap / VISIBILITY_S, 1) for gap in gaps] == [1.0, 1.0]
    assert workflow.engine.messages(workflow.queue) == []
    assert workflow.dead_letters[dead:] == [MESSAGE]
    log = workflow.engine.logs.read("/aws/vendedlogs/pipes/ceap-express-dev")
    assert sum(execution.arn in line for line in log for execution in executions) == 3


def test_a_permanent_failure_is_not_retried_and_dead_lettered(workflow: Deployed) -> None:
    dead = len(workflow.dead_letters)
    executions = run_failing(workflow, "SiftStage", PermanentStageError.__name__, None)
    assert [statuses(execution, "SiftStage") for execution in executions] == [["FAILED"]] * 3
    assert [execution.waits for execution in executions] == [[]] * 3
    assert workflow.dead_letters[dead:] == [MESSAGE]


def test_a_message_that_was_received_once_stays_in_the_queue_and_is_not_received_again() -> None:
    with Engine.start() as engine:
        deployed = deploy_express(engine)
        engine.functions.inject("ceap-express-dev-Take", PermanentStageError.__name__, None)
        engine.send(deployed.queue, MESSAGE)
        assert len(engine.drain(once=True)) == len(engine.drain()) == 1
        assert (engine.messages(deployed.queue), deployed.dead_letters) == ([MESSAGE], [])


@pytest.mark.property(14, "E")
def test_a_redelivered_message_is_a_new_execution_and_changes_nothing_twice() -> None:
    with Engine.start() as engine:
        deployed = deploy_express(engine)
        failed, succeeded = run_failing(deployed, "TellStage", TransientStageError.__name__, 3)
        assert (failed.status, succeeded.status) == ("FAILED", "SUCCEEDED")
        assert statuses(succeeded, "TellStage") == ["SUCCEEDED"]
        assert failed.name != succeeded.name
        assert deployed.dead_letters == []
        table = deployed.foundation.outputs["RecordsTableName"]
        assert engine.client("dynamodb").scan(TableName=table)["Count"] == RECORDS["KeepStage"][1]

        engine.send(deployed.queue, MESSAGE)
        *_, again = engine.drain()
        assert again.status == "SUCCEEDED"
        published = [record["published"] for record in document(deployed, again, "TellStage")["data"]]
        assert published == [False] * RECORDS["TellStage"][1]
        assert engine.client("dynamodb").scan(TableName=table)["Count"] == RECORDS["KeepStage"][1]
        assert sum(call.action == "events:PutEvents" for call in engine.trace) == RECORDS["TellStage"][1]


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
    workflow.engine.functions.inject("ceap-express-dev-Take", TransientStageError.__name__, 6)
    for _ in range(6):
        workflow.engine.send(workflow.queue, MESSAGE)
    executions = workflow.engine.drain()[before:]
    assert [execution.status for execution in executions] == ["SUCCEEDED"] * 6
    assert sum(len(execution.waits) for execution in executions) == 6


ANOTHER_ORDER = """
name: express
type: EXPRESS
steps:
  - {stage: TakeStage, handler: take}
  - {stage: RateStage, handler: rate}
  - {stage: LateStage, handler: sift, settings: {field: late}}
  - {stage: SiftStage, handler: sift}
"""


@pytest.mark.property(10, "E")
def test_stages_in_another_order_run_with_the_same_code(tmp_path: Path) -> None:
    declaration = tmp_path / "express.yaml"
    declaration.write_text(ANOTHER_ORDER, encoding="utf-8")
    [other] = project.load_workflows([declaration])
    records = [{"id": "a"}, {"id": "b", "late": True}, {"id": "c", "drop": True}]
    with Engine.start() as engine:
        deployed = deploy_express(engine, workflow_stack(other))
        engine.send(deployed.queue, json.dumps({"source": {"kind": "inline", "records": records}}))
        [execution] = engine.drain()
        assert execution.status == "SUCCEEDED"
        outputs = {step.stage: document(deployed, execution, step.stage)["data"] for step in other.steps}
        assert {stage: [record["id"] for record in data] for stage, data in outputs.items()} == {
            "TakeStage": ["a", "b", "c"],
            "RateStage": ["a", "b", "c"],
            "LateStage": ["a", "c"],
            "SiftStage": ["a"],
        }
        assert outputs["SiftStage"] == [{"id": "a", "rate": 0.5}]
        assert [call for call in engine.trace if not call.allowed] == []


def test_a_message_that_is_no_json_fails_permanently_at_the_first_stage(workflow: Deployed) -> None:
    before = len(workflow.engine.executions)
    workflow.engine.send(workflow.queue, "no JSON")
    executions = workflow.engine.drain()[before:]
    assert [(execution.error, statuses(execution, "TakeStage")) for execution in executions] == [
        (PermanentStageError.__name__, ["FAILED"])
    ] * 3
    assert workflow.dead_letters[-1] == "no JSON"
