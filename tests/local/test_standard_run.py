"""STANDARD workflows with Glue jobs, run end to end: any order, failures that lose nothing, redrive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ceap.local.engine import Engine
from ceap.local.executions import Execution
from handlers.runtime.contract import PermanentStageError, TransientStageError, output_key
from templates.budget import MAX_MESSAGE_BYTES
from templates.model import GlueRetryPolicy, Retries
from tests.local.support import (
    STANDARD_STAGES,
    Deployed,
    deploy_standard,
    document_of,
    standard_template,
    statuses,
)
from tests.reference import MESSAGE

JOB_NAME = "ceap-standard-dev-Heavy"
RECORDS_ONLY = json.dumps({"source": {"kind": "inline", "records": [{"id": "r1"}]}})


@pytest.fixture(scope="module")
def workflow() -> Iterator[Deployed]:
    """The STANDARD workflow, which the tests share: each sends messages of its own."""
    with Engine.start() as engine:
        yield deploy_standard(engine)


def run(deployed: Deployed, body: str = MESSAGE) -> Execution:
    """Send a message and return its one execution."""
    before = len(deployed.engine.executions)
    deployed.engine.send(deployed.queue, body)
    [execution] = deployed.engine.drain()[before:]
    return execution


def outputs(deployed: Deployed, execution: Execution) -> list[str]:
    """Return the stages that have an output."""
    return [stage for stage in STANDARD_STAGES if output_key(execution.name, stage) in deployed.objects()]


def jobs_seen(deployed: Deployed, execution: Execution, stage: str) -> list[Any]:
    """Return which jobs the first record of an output has been through."""
    record = document_of(deployed, execution, stage)["data"][0]
    seen: list[Any] = record.get("jobs", [])
    return seen


@pytest.mark.property(2, "E")
@pytest.mark.property(20, "E")
def test_a_glue_job_between_functions_reads_and_writes_as_they_do(workflow: Deployed) -> None:
    calls, alerts, before = len(workflow.engine.trace), len(workflow.alerts), set(workflow.objects())
    execution = run(workflow)
    assert execution.status == "SUCCEEDED"
    assert {stage: statuses(execution, stage) for stage in STANDARD_STAGES} == {
        stage: ["SUCCEEDED"] for stage in STANDARD_STAGES
    }
    assert outputs(workflow, execution) == STANDARD_STAGES
    counts = [document_of(workflow, execution, stage)["metadata"]["outputRecordCount"] for stage in STANDARD_STAGES]
    assert counts == [5, 4, 4, 4, 4, 4]
    assert jobs_seen(workflow, execution, "SiftStage") == []
    assert jobs_seen(workflow, execution, "TellStage") == ["HeavyStage"]
    prefix = f"executions/{execution.name}/"
    written = set(workflow.objects()) - before
    assert [key for key in written if "Heavy" in key] == [f"{prefix}HeavyStage/output.json"]
    actions = [call.action for call in workflow.engine.trace[calls:]]
    assert actions.count("states:StartExecution") == actions.count("sqs:DeleteMessage") == 1
    assert "states:StartSyncExecution" not in actions
    assert workflow.engine.messages(workflow.queue) == workflow.dead_letters == []
    assert len(workflow.alerts) == alerts


@pytest.mark.property(23, "E")
def test_a_job_reads_and_writes_where_its_arguments_say_and_is_waited_for(workflow: Deployed) -> None:
    calls = len(workflow.engine.trace)
    execution = run(workflow)
    [scheduled] = [
        event["details"]
        for event in execution.history
        if event["type"] == "TaskScheduled" and event["details"]["resourceType"] == "glue"
    ]
    assert scheduled["resource"] == "startJobRun.sync"
    bucket, name = workflow.bucket, execution.name
    assert json.loads(scheduled["parameters"]) == {
        "JobName": JOB_NAME,
        "Arguments": {
            "--execution-id": name,
            "--input-bucket": bucket,
            "--input-key": f"executions/{name}/SiftStage/output.json",
            "--output-bucket": bucket,
            "--output-key": f"executions/{name}/HeavyStage/output.json",
        },
    }
    done = [call for call in workflow.engine.trace[calls:] if call.role == workflow.role("HeavyJobRole")]
    data = [(call.action, call.resource) for call in done if call.resource.startswith(f"arn:aws:s3:::{bucket}")]
    own = f"arn:aws:s3:::{bucket}/executions/{name}/HeavyStage"
    part = data[1][1]
    assert part.startswith(f"{own}/_parts/jr_")
    assert data == [
        ("s3:GetObject", f"arn:aws:s3:::{bucket}/executions/{name}/SiftStage/output.json"),
        ("s3:PutObject", part),
        ("s3:GetObject", part),
        ("s3:PutObject", f"{own}/output.json"),
        ("s3:ListBucket", f"arn:aws:s3:::{bucket}"),
        ("s3:DeleteObject", part),
    ]
    types = [event["type"] for event in execution.history]
    submitted = types.index("TaskSubmitted")
    assert types[submitted - 2 : submitted + 2] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]


def test_a_job_writes_what_it_prints_into_its_own_log_groups(workflow: Deployed) -> None:
    run(workflow)
    logs = f"/aws-glue/jobs/{JOB_NAME}"
    assert workflow.engine.logs.read(f"{logs}/output")[-1] == "HeavyStage wrote 4 records"
    assert workflow.engine.logs.read(f"{logs}/error")[-1] == "no warnings"


@pytest.mark.property(28, "E")
@pytest.mark.parametrize(
    ("stages", "body"),
    [
        (["GlueStage", "SiftStage", "RateStage"], RECORDS_ONLY),
        (["TakeStage", "SiftStage", "GlueStage"], MESSAGE),
        (["TakeStage", "FirstGlueStage", "SecondGlueStage", "SiftStage"], MESSAGE),
    ],
    ids=["first", "last", "twice in a row"],
)
@pytest.mark.property(20, "E")
def test_a_glue_job_runs_at_any_position(engine: Engine, stages: list[str], body: str) -> None:
    deployed = deploy_standard(engine, standard_template(*stages))
    execution = run(deployed, body)
    assert execution.status == "SUCCEEDED"
    documents = {stage: document_of(deployed, execution, stage) for stage in stages}
    assert [document["stage"] for document in documents.values()] == stages
    counts = [document["metadata"] for document in documents.values()]
    assert [each["inputRecordCount"] for each in counts[1:]] == [each["outputRecordCount"] for each in counts[:-1]]
    assert counts[-1]["outputRecordCount"] > 0
    assert jobs_seen(deployed, execution, stages[-1]) == [stage for stage in stages if "Glue" in stage]
    assert [call for call in engine.trace if not call.allowed] == []
    if "Glue" in stages[0]:
        assert deployed.objects()[f"executions/{execution.name}/initial/output.json"] == json.dumps(body).encode()


@pytest.mark.property(29, "E")
@pytest.mark.property(31, "E")
def test_a_job_that_keeps_failing_fails_the_execution_there_and_loses_nothing(workflow: Deployed) -> None:
    alerts = len(workflow.alerts)
    workflow.engine.jobs.inject(JOB_NAME, TransientStageError.__name__, None)
    execution = run(workflow)
    assert (execution.status, execution.error) == ("FAILED", "States.TaskFailed")
    assert statuses(execution, "HeavyStage") == ["FAILED"] * 3
    assert [(wait.state, wait.seconds) for wait in execution.waits] == [
        ("HeavyStage", 300.0),
        ("HeavyStage", 600.0),
    ]
    assert 900 <= execution.ended - execution.started < 960
    assert statuses(execution, "RateStage") == []
    assert outputs(workflow, execution) == ["TakeStage", "SiftStage"]
    assert workflow.engine.messages(workflow.queue) == workflow.dead_letters == []

    entered = [event["details"]["name"] for event in execution.history if event["type"] == "TaskStateEntered"]
    last = execution.history[-1]
    assert (entered[-1], last["type"], last["details"]["error"]) == (
        "HeavyStage",
        "ExecutionFailed",
        "States.TaskFailed",
    )
    job_run = json.loads(last["details"]["cause"])
    assert (job_run["JobName"], job_run["JobRunState"]) == (JOB_NAME, "FAILED")
    assert job_run["ErrorMessage"].startswith("TransientStageError: This failure was asked for")

    [alert] = workflow.alerts[alerts:]
    assert (alert["source"], alert["detail-type"]) == ("aws.states", "Step Functions Execution Status Change")
    assert (alert["detail"]["status"], alert["detail"]["executionArn"]) == ("FAILED", execution.arn)
    assert json.loads(alert["detail"]["input"])[0]["body"] == MESSAGE

    workflow.engine.jobs.inject(JOB_NAME, TransientStageError.__name__, 0)
    earlier = [document_of(workflow, execution, stage) for stage in ("TakeStage", "SiftStage")]
    known = len(execution.history)
    workflow.engine.client("stepfunctions").redrive_execution(executionArn=execution.arn)
    workflow.engine.drain()
    assert execution.status == "SUCCEEDED"
    assert (statuses(execution, "TakeStage"), statuses(execution, "SiftStage")) == (["SUCCEEDED"], ["SUCCEEDED"])
    assert statuses(execution, "HeavyStage") == ["FAILED", "FAILED", "FAILED", "SUCCEEDED"]
    assert outputs(workflow, execution) == STANDARD_STAGES
    assert [document_of(workflow, execution, stage) for stage in ("TakeStage", "SiftStage")] == earlier
    assert jobs_seen(workflow, execution, "TellStage") == ["HeavyStage"]
    assert execution.history[known]["type"] == "ExecutionRedriven"
    assert [int(event["id"]) for event in execution.history] == list(range(1, len(execution.history) + 1))
    assert len(workflow.alerts) == alerts + 1


def test_a_job_that_fails_twice_succeeds_at_its_third_attempt(workflow: Deployed) -> None:
    workflow.engine.jobs.inject(JOB_NAME, TransientStageError.__name__, 2)
    execution = run(workflow)
    assert execution.status == "SUCCEEDED"
    assert statuses(execution, "HeavyStage") == ["FAILED", "FAILED", "SUCCEEDED"]
    assert [wait.seconds for wait in execution.waits] == [300.0, 600.0]


def test_a_function_that_fails_fails_the_execution_and_alerts(workflow: Deployed) -> None:
    alerts = len(workflow.alerts)
    workflow.engine.functions.inject("ceap-standard-dev-Rate", PermanentStageError.__name__, None)
    execution = run(workflow)
    workflow.engine.functions.inject("ceap-standard-dev-Rate", PermanentStageError.__name__, 0)
    assert (execution.status, execution.error) == ("FAILED", PermanentStageError.__name__)
    assert statuses(execution, "RateStage") == ["FAILED"]
    assert workflow.engine.messages(workflow.queue) == workflow.dead_letters == []
    assert [alert["detail"]["executionArn"] for alert in workflow.alerts[alerts:]] == [execution.arn]


BODIES = {"no JSON": "no JSON", "blank": " ", "at the size limit": '"' * MAX_MESSAGE_BYTES}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_no_function_can_read_fails_the_first_stage(workflow: Deployed, body: str) -> None:
    alerts = len(workflow.alerts)
    execution = run(workflow, body)
    assert (execution.status, execution.error) == ("FAILED", PermanentStageError.__name__)
    assert "the message is wrong: " in str(execution.cause)
    assert statuses(execution, "TakeStage") == ["FAILED"]
    assert json.loads(execution.input)[0]["body"] == body
    assert [alert["detail"]["status"] for alert in workflow.alerts[alerts:]] == ["FAILED"]


def test_a_body_that_no_job_can_read_fails_the_first_stage(engine: Engine) -> None:
    once = Retries(glue=GlueRetryPolicy(max_attempts=0))
    deployed = deploy_standard(engine, standard_template("GlueStage", retry=once))
    for body in BODIES.values():
        execution = run(deployed, body)
        assert (execution.status, execution.error) == ("FAILED", "States.TaskFailed")
        assert statuses(execution, "StageInput") == ["SUCCEEDED"]
        assert statuses(execution, "GlueStage") == ["FAILED"]
        assert json.loads(execution.cause or "")["ErrorMessage"].startswith("json.decoder.JSONDecodeError: ")
        key = f"executions/{execution.name}/initial/output.json"
        assert json.loads(deployed.objects()[key]) == body


def test_every_message_is_an_execution_of_its_own(workflow: Deployed) -> None:
    before = len(workflow.engine.executions)
    for _ in range(6):
        workflow.engine.send(workflow.queue, MESSAGE)
    executions = workflow.engine.drain()[before:]
    assert [execution.status for execution in executions] == ["SUCCEEDED"] * 6
    assert len({json.loads(execution.input)[0]["messageId"] for execution in executions}) == 6
