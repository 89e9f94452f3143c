"""What each role of a generated STANDARD workflow holds: what its work uses, and no run succeeds without it."""

from __future__ import annotations

import json

import pytest

from ceap.local.engine import Engine
from templates.model import GlueRetryPolicy, Retries
from tests.local.support import (
    Deployed,
    Template,
    deploy_standard,
    standard_template,
    statuses,
    without,
)
from tests.local.test_roles import UNUSED, UNUSED_BY_PIPE, UNUSED_BY_STATE_MACHINE
from tests.local.test_standard_run import RECORDS_ONLY
from tests.reference import MESSAGE

UNUSED_BY_JOB = {"s3:AbortMultipartUpload": "a large output that fails on its way"}
UNUSED_BY_GLUE_MACHINE = UNUSED_BY_STATE_MACHINE | {
    "glue:GetJobRuns": "AWS asks for it to wait for a job's run",
    "glue:BatchStopJobRun": "a task that is over before its run: test_jobs proves it",
}


def glue_only() -> Template:
    """Return the template of the shortest workflow with a job, which is tried once."""
    return standard_template("GlueStage", retry=Retries(glue=GlueRetryPolicy(max_attempts=0)))


@pytest.mark.property(42, "E")
def test_a_role_holds_what_its_work_uses_and_what_is_listed_with_a_reason(engine: Engine) -> None:
    deployed = deploy_standard(engine, standard_template("GlueStage", "SiftStage", "OtherGlueStage"))
    deployed.engine.send(deployed.queue, RECORDS_ONLY)
    [execution] = engine.drain()
    assert execution.status == "SUCCEEDED"
    listed = {
        "StateMachineRole": UNUSED_BY_GLUE_MACHINE,
        "PipeRole": UNUSED_BY_PIPE,
        "GlueJobRole": UNUSED_BY_JOB,
        "OtherGlueJobRole": UNUSED_BY_JOB,
        "SiftFunctionRole": UNUSED,
    }
    roles = deployed.stack.of_type("AWS::IAM::Role")
    assert set(roles) == set(listed)
    for name, model in roles.items():
        granted = {action for action, _ in engine.grants(model.arn)}
        used = {call.action for call in engine.trace if call.role == model.arn}
        assert used <= granted, name
        assert granted - used == set(listed[name]), name
    assert [call for call in engine.trace if not call.allowed] == []


def denied(deployed: Deployed) -> set[tuple[str, str]]:
    return {(call.role, call.action) for call in deployed.engine.trace if not call.allowed}


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:DeleteObject"])
def test_a_job_fails_when_its_role_lacks_a_grant(engine: Engine, action: str) -> None:
    deployed = deploy_standard(engine, without(glue_only(), "GlueJobRole", action))
    engine.send(deployed.queue, RECORDS_ONLY)
    [execution] = engine.drain()
    assert (execution.status, execution.error) == ("FAILED", "States.TaskFailed")
    assert f"is not authorized to perform: {action}" in json.loads(execution.cause or "")["ErrorMessage"]
    assert statuses(execution, "GlueStage") == ["FAILED"]
    assert denied(deployed) == {(deployed.role("GlueJobRole"), action)}


@pytest.mark.parametrize("sid", ["ReadScript", "ReadPreviousStage"])
def test_a_job_reads_only_its_script_and_the_stage_before(engine: Engine, sid: str) -> None:
    template = glue_only()
    [policy, *_] = template["Resources"]["GlueJobRole"]["Properties"]["Policies"]
    document = policy["PolicyDocument"]
    document["Statement"] = [statement for statement in document["Statement"] if statement["Sid"] != sid]
    deployed = deploy_standard(engine, template)
    engine.send(deployed.queue, RECORDS_ONLY)
    [execution] = engine.drain()
    assert execution.status == "FAILED"
    [refused] = [call for call in engine.trace if not call.allowed]
    assert refused.action == "s3:GetObject"
    assert refused.resource.endswith("scripts/heavy.py" if sid == "ReadScript" else "/initial/output.json")


def test_a_job_does_not_start_when_its_role_may_not_read_the_library(engine: Engine) -> None:
    template = glue_only()
    [policy, *_] = template["Resources"]["GlueJobRole"]["Properties"]["Policies"]
    [reading] = [each for each in policy["PolicyDocument"]["Statement"] if each["Sid"] == "ReadScript"]
    reading["Resource"] = [code for code in reading["Resource"] if not code["Fn::Sub"][0].endswith("lib.zip")]
    deployed = deploy_standard(engine, template)
    engine.send(deployed.queue, RECORDS_ONLY)
    [execution] = engine.drain()
    assert json.loads(execution.cause or "")["ErrorMessage"].startswith("LAUNCH ERROR | Failed to read s3://")
    [refused] = [call for call in engine.trace if not call.allowed]
    assert (refused.action, refused.resource.rpartition("/")[2]) == ("s3:GetObject", "lib.zip")


@pytest.mark.parametrize(
    ("action", "state", "error"),
    [
        ("glue:StartJobRun", "GlueStage", "Glue.AccessDeniedException"),
        ("glue:GetJobRun", "GlueStage", "Glue.AccessDeniedException"),
        ("s3:PutObject", "StageInput", "S3."),
    ],
)
def test_the_state_machine_fails_when_its_role_lacks_a_grant(
    engine: Engine, action: str, state: str, error: str
) -> None:
    deployed = deploy_standard(engine, without(glue_only(), "StateMachineRole", action))
    engine.send(deployed.queue, RECORDS_ONLY)
    [execution] = engine.drain()
    assert execution.status == "FAILED"
    assert str(execution.error).startswith(error)
    assert f"is not authorized to perform: {action}" in str(execution.cause)
    assert set(statuses(execution, state)) == {"FAILED"}
    assert denied(deployed) == {(deployed.role("StateMachineRole"), action)}
    assert [alert["detail"]["status"] for alert in deployed.alerts] == ["FAILED"]


def test_a_pipe_that_may_not_start_executions_leaves_its_message_to_the_queue(engine: Engine) -> None:
    deployed = deploy_standard(engine, without(glue_only(), "PipeRole", "states:StartExecution"))
    engine.send(deployed.queue, MESSAGE)
    assert engine.drain() == []
    assert denied(deployed) == {(deployed.role("PipeRole"), "states:StartExecution")}
    assert deployed.dead_letters == [MESSAGE]
