"""How an EXPRESS workflow fails whose roles lack a grant; that each grant is needed, `tests/iam` proves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ceap.local.cloudformation import DeployError
from ceap.local.engine import Engine
from handlers.runtime.contract import PermanentStageError
from tests.iam.removal import read_roles, taken_away
from tests.local.support import STAGES, Deployed, deploy_express, express_template, statuses, without
from tests.reference import MESSAGE


@pytest.fixture(scope="module")
def workflow() -> Iterator[Deployed]:
    """The EXPRESS workflow, whose tests take a grant from a role and give it back."""
    with Engine.start() as engine:
        yield deploy_express(engine)


@contextmanager
def denied(deployed: Deployed, name: str, action: str) -> Iterator[None]:
    """Let a role lack an action, and see that this alone was denied."""
    role, before = read_roles(deployed.stack)[name], len(deployed.engine.trace)
    with taken_away(deployed.engine, role, *(grant for grant in role.grants if grant.action == action)):
        yield
    refused = {(call.role, call.action) for call in deployed.engine.trace[before:] if not call.allowed}
    assert refused == {(role.arn, action)}


@pytest.mark.parametrize(
    ("stage", "action"),
    [
        ("TakeStage", "s3:PutObject"),
        ("SiftStage", "s3:GetObject"),
        ("RateStage", "s3:PutObject"),
        ("KeepStage", "s3:GetObject"),
        ("TellStage", "s3:PutObject"),
    ],
)
def test_a_stage_fails_when_its_role_lacks_a_grant(workflow: Deployed, stage: str, action: str) -> None:
    earlier, letters = len(workflow.engine.executions), workflow.dead_letters
    with denied(workflow, f"{stage.removesuffix('Stage')}FunctionRole", action):
        workflow.engine.send(workflow.queue, MESSAGE)
        executions = workflow.engine.drain()[earlier:]
    before, after = STAGES[: STAGES.index(stage)], STAGES[STAGES.index(stage) + 1 :]
    assert len(executions) == 3
    for execution in executions:
        assert execution.error == PermanentStageError.__name__
        assert f"is not authorized to perform: {action}" in (execution.cause or "")
        assert {name: statuses(execution, name) for name in STAGES} == {
            **{name: ["SUCCEEDED"] for name in before},
            stage: ["FAILED"],
            **{name: [] for name in after},
        }
    assert workflow.dead_letters == [*letters, MESSAGE]


def test_the_state_machine_fails_when_it_may_not_invoke(workflow: Deployed) -> None:
    earlier, objects, letters = len(workflow.engine.executions), workflow.objects(), workflow.dead_letters
    with denied(workflow, "StateMachineRole", "lambda:InvokeFunction"):
        workflow.engine.send(workflow.queue, MESSAGE)
        executions = workflow.engine.drain()[earlier:]
    assert [execution.error for execution in executions] == ["Lambda.AccessDeniedException"] * 3
    assert [statuses(execution, "TakeStage") for execution in executions] == [["FAILED"] * 3] * 3
    assert workflow.objects() == objects
    assert workflow.dead_letters == [*letters, MESSAGE]


def test_a_pipe_that_may_not_look_at_its_queue_is_not_made() -> None:
    template = without(express_template(), "PipeRole", "sqs:GetQueueAttributes")
    with Engine.start() as engine, pytest.raises(DeployError, match="not authorized to perform: sqs:GetQueueAttribut"):
        deploy_express(engine, template)


def test_a_message_that_may_not_start_an_execution_is_dead_lettered(workflow: Deployed) -> None:
    executions, letters = list(workflow.engine.executions), workflow.dead_letters
    with denied(workflow, "PipeRole", "states:StartSyncExecution"):
        workflow.engine.send(workflow.queue, MESSAGE)
        assert workflow.engine.drain() == executions
    assert workflow.dead_letters == [*letters, MESSAGE]
    assert workflow.engine.messages(workflow.queue) == workflow.engine.problems() == []


def test_a_message_that_may_not_be_received_stays_and_is_told_of() -> None:
    with Engine.start() as engine:
        deployed = deploy_express(engine)
        with denied(deployed, "PipeRole", "sqs:ReceiveMessage"):
            engine.send(deployed.queue, MESSAGE)
            assert engine.drain() == []
        assert deployed.dead_letters == []
        assert engine.messages(deployed.queue) == [MESSAGE]
        assert engine.problems() != []
