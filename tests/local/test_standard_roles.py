"""How a STANDARD workflow fails whose roles lack a grant; that each grant is needed, `tests/iam` proves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ceap.local.engine import Engine
from ceap.local.executions import Execution
from ceap.local.sessions import Decision
from templates.model import GlueRetryPolicy, Retries
from tests.iam.removal import Grant, read_roles, taken_away
from tests.local.support import Deployed, deploy_standard, standard_template, statuses
from tests.local.test_standard_run import RECORDS_ONLY
from tests.reference import MESSAGE


@pytest.fixture(scope="module")
def workflow() -> Iterator[Deployed]:
    """The shortest workflow with a job, which is tried once; its tests take grants from a role and give them back."""
    with Engine.start() as engine:
        retry = Retries(glue=GlueRetryPolicy(max_attempts=0))
        yield deploy_standard(engine, standard_template("GlueStage", retry=retry))


@contextmanager
def lacking(
    deployed: Deployed, name: str, *, action: str = "", sid: str = "", end: str = ""
) -> Iterator[list[Decision]]:
    """Let a role lack the grants of an action or a statement, on what ends so; yield the calls that are denied."""
    role, before, refused = read_roles(deployed.stack)[name], len(deployed.engine.trace), list[Decision]()

    def is_taken(grant: Grant) -> bool:
        return grant.resource.endswith(end) and (grant.action == action or grant.sid == sid)

    with taken_away(deployed.engine, role, *filter(is_taken, role.grants)):
        yield refused
    refused += [call for call in deployed.engine.trace[before:] if not call.allowed]
    assert {call.role for call in refused} == {role.arn}


def run(deployed: Deployed) -> Execution:
    """Send a message and return its one execution."""
    before = len(deployed.engine.executions)
    deployed.engine.send(deployed.queue, RECORDS_ONLY)
    [execution] = deployed.engine.drain()[before:]
    return execution


def said(execution: Execution) -> str:
    message: str = json.loads(execution.cause or "")["ErrorMessage"]
    return message


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:DeleteObject"])
def test_a_job_fails_when_its_role_lacks_a_grant(workflow: Deployed, action: str) -> None:
    with lacking(workflow, "GlueJobRole", action=action) as refused:
        execution = run(workflow)
    assert (execution.status, execution.error) == ("FAILED", "States.TaskFailed")
    assert f"is not authorized to perform: {action}" in said(execution)
    assert statuses(execution, "GlueStage") == ["FAILED"]
    assert {call.action for call in refused} == {action}


@pytest.mark.parametrize("sid", ["ReadScript", "ReadPreviousStage"])
def test_a_job_reads_only_its_script_and_the_stage_before(workflow: Deployed, sid: str) -> None:
    with lacking(workflow, "GlueJobRole", sid=sid) as refused:
        assert run(workflow).status == "FAILED"
    [call] = refused
    assert call.action == "s3:GetObject"
    assert call.resource.endswith("scripts/heavy.py" if sid == "ReadScript" else "/initial/output.json")


def test_a_job_does_not_start_when_its_role_may_not_read_the_library(workflow: Deployed) -> None:
    with lacking(workflow, "GlueJobRole", sid="ReadScript", end="lib.zip") as refused:
        assert said(run(workflow)).startswith("LAUNCH ERROR | Failed to read s3://")
    assert [(call.action, call.resource.rpartition("/")[2]) for call in refused] == [("s3:GetObject", "lib.zip")]


@pytest.mark.parametrize(
    ("action", "state", "error"),
    [
        ("glue:StartJobRun", "GlueStage", "Glue.AccessDeniedException"),
        ("glue:GetJobRun", "GlueStage", "Glue.AccessDeniedException"),
        ("s3:PutObject", "StageInput", "S3."),
    ],
)
def test_the_state_machine_fails_when_its_role_lacks_a_grant(
    workflow: Deployed, action: str, state: str, error: str
) -> None:
    alerts = len(workflow.alerts)
    with lacking(workflow, "StateMachineRole", action=action) as refused:
        execution = run(workflow)
    assert execution.status == "FAILED"
    assert str(execution.error).startswith(error)
    assert f"is not authorized to perform: {action}" in str(execution.cause)
    assert set(statuses(execution, state)) == {"FAILED"}
    assert {call.action for call in refused} == {action}
    assert [alert["detail"]["status"] for alert in workflow.alerts[alerts:]] == ["FAILED"]


def test_a_pipe_that_may_not_start_executions_leaves_its_message_to_the_queue(workflow: Deployed) -> None:
    executions = list(workflow.engine.executions)
    with lacking(workflow, "PipeRole", action="states:StartExecution") as refused:
        workflow.engine.send(workflow.queue, MESSAGE)
        assert workflow.engine.drain() == executions
    assert {call.action for call in refused} == {"states:StartExecution"}
    assert workflow.dead_letters == [MESSAGE]
