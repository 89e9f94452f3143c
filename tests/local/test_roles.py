"""What each role of the generated EXPRESS workflow holds: what its work uses, and no run succeeds without it."""

from __future__ import annotations

import pytest

from ceap.local.cloudformation import DeployError
from ceap.local.engine import Engine
from handlers.runtime.contract import PermanentStageError
from tests.local.support import STAGES, Deployed, deploy_express, express_template, statuses, without
from tests.reference import MESSAGE

UNUSED = {
    "s3:AbortMultipartUpload": "a large output that fails on its way",
    "s3:ListBucket": "a missing input is told apart from a forbidden one: test_engine proves the difference",
    "xray:PutTraceSegments": "tracing",
    "xray:PutTelemetryRecords": "tracing",
}
UNUSED_BY_STATE_MACHINE = {
    **dict.fromkeys(("xray:PutTraceSegments", "xray:PutTelemetryRecords"), "tracing"),
    **dict.fromkeys(("xray:GetSamplingRules", "xray:GetSamplingTargets"), "tracing"),
    **dict.fromkeys(
        (f"logs:{verb}LogDelivery" for verb in ("Create", "Get", "Update", "Delete")), "log delivery, set up by AWS"
    ),
    **dict.fromkeys(
        (
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:DescribeResourcePolicies",
            "logs:DescribeLogGroups",
        ),
        "log delivery, set up by AWS",
    ),
    **dict.fromkeys(("logs:CreateLogStream", "logs:PutLogEvents"), "AWS lists them beside log delivery"),
}
UNUSED_BY_PIPE = dict.fromkeys(
    ("logs:CreateLogStream", "logs:PutLogEvents"), "a failed delivery: the dead-letter test proves it"
)


@pytest.mark.property(42, "E")
def test_a_role_holds_what_its_work_uses_and_what_is_listed_with_a_reason(happy: Deployed) -> None:
    listed = {"StateMachineRole": UNUSED_BY_STATE_MACHINE, "PipeRole": UNUSED_BY_PIPE}
    for name, model in happy.stack.of_type("AWS::IAM::Role").items():
        granted = {action for action, _ in happy.engine.grants(model.arn)}
        used = {call.action for call in happy.engine.trace if call.role == model.arn}
        expected = set(listed.get(name, UNUSED))
        if name == "TakeFunctionRole":
            expected -= {"s3:ListBucket"}  # the first stage reads no object
        assert used <= granted, name
        assert granted - used == expected, name
    assert [call for call in happy.engine.trace if not call.allowed] == []


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
def test_a_stage_fails_when_its_role_lacks_a_grant(stage: str, action: str) -> None:
    role = f"{stage.removesuffix('Stage')}FunctionRole"
    with Engine.start() as engine:
        deployed = deploy_express(engine, without(express_template(), role, action))
        engine.send(deployed.queue, MESSAGE)
        executions = engine.drain()
        before, after = STAGES[: STAGES.index(stage)], STAGES[STAGES.index(stage) + 1 :]
        for execution in executions:
            assert execution.error == PermanentStageError.__name__
            assert f"is not authorized to perform: {action}" in (execution.cause or "")
            assert {name: statuses(execution, name) for name in STAGES} == {
                **{name: ["SUCCEEDED"] for name in before},
                stage: ["FAILED"],
                **{name: [] for name in after},
            }
        denied = {(call.role, call.action) for call in engine.trace if not call.allowed}
        assert denied == {(deployed.role(role), action)}
        assert deployed.dead_letters == [MESSAGE]


def test_the_state_machine_fails_when_it_may_not_invoke() -> None:
    with Engine.start() as engine:
        deployed = deploy_express(engine, without(express_template(), "StateMachineRole", "lambda:InvokeFunction"))
        engine.send(deployed.queue, MESSAGE)
        executions = engine.drain()
        assert [execution.error for execution in executions] == ["Lambda.AccessDeniedException"] * 3
        assert [statuses(execution, "TakeStage") for execution in executions] == [["FAILED"] * 3] * 3
        denied = {(call.role, call.action) for call in engine.trace if not call.allowed}
        assert denied == {(deployed.role("StateMachineRole"), "lambda:InvokeFunction")}
        assert deployed.objects() == {}
        assert deployed.dead_letters == [MESSAGE]


def test_a_pipe_that_may_not_look_at_its_queue_is_not_made() -> None:
    template = without(express_template(), "PipeRole", "sqs:GetQueueAttributes")
    with Engine.start() as engine, pytest.raises(DeployError, match="not authorized to perform: sqs:GetQueueAttribut"):
        deploy_express(engine, template)


@pytest.mark.parametrize(
    ("action", "is_dead_lettered"), [("states:StartSyncExecution", True), ("sqs:ReceiveMessage", False)]
)
def test_the_pipe_fails_when_its_role_lacks_a_grant(action: str, is_dead_lettered: bool) -> None:
    with Engine.start() as engine:
        deployed = deploy_express(engine, without(express_template(), "PipeRole", action))
        engine.send(deployed.queue, MESSAGE)
        assert engine.drain() == []
        denied = {(call.role, call.action) for call in engine.trace if not call.allowed}
        assert denied == {(deployed.role("PipeRole"), action)}
        assert deployed.dead_letters == [MESSAGE] * is_dead_lettered
        assert engine.messages(deployed.queue) == [MESSAGE] * (not is_dead_lettered)
        assert bool(engine.problems()) == (not is_dead_lettered)
