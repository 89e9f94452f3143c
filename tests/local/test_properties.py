"""Properties that show only when a generated template runs, each proven whole by one test."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local import gateway
from ceap.local.engine import Engine
from ceap.local.executions import Execution
from ceap.local.sessions import Session
from handlers.runtime.contract import PermanentStageError, TransientStageError, output_key
from templates.stacks import workflow_stack
from tests.local.support import (
    STANDARD_STAGES,
    Deployed,
    Template,
    deploy_express,
    deploy_standard,
    role,
    standard_template,
    state_machine,
    statuses,
    template_text,
)
from tests.reference import MESSAGE
from tests.strategies import workflow_of

VISIBILITY_S = 360


@pytest.fixture(scope="module")
def standard() -> Iterator[Deployed]:
    """The STANDARD workflow of the reference, which tests share: each sends messages of its own."""
    with Engine.start() as engine:
        yield deploy_standard(engine)


def run(deployed: Deployed) -> Execution:
    """Send a message and return its one execution."""
    before = len(deployed.engine.executions)
    deployed.engine.send(deployed.queue, MESSAGE)
    [execution] = deployed.engine.drain()[before:]
    return execution


def fail(deployed: Deployed, stage: str, error: str, times: int | None) -> None:
    """Make the function or job of a stage fail."""
    name = f"{deployed.stack.name}-{stage.removesuffix('Stage')}"
    workers = deployed.engine.jobs if stage == "HeavyStage" else deployed.engine.functions
    workers.inject(name, error, times)


def slow_vendor() -> Template:
    """Return the template of an EXPRESS workflow whose one retry comes when its 300 s are nearly over."""
    retry = {"lambda": {"interval_s": 290, "max_attempts": 3, "reason": "The vendor limits calls"}}
    steps = [{"stage": stage, "handler": stage.removesuffix("Stage").lower()} for stage in ("TakeStage", "SiftStage")]
    return workflow_stack(workflow_of({"name": "express", "type": "EXPRESS", "steps": steps, "retry": retry}))


@pytest.mark.property(14, "E")
@pytest.mark.property(33, "E")
def test_a_message_whose_express_executions_time_out_returns_twice_and_is_dead_lettered_unchanged() -> None:
    with Engine.start() as engine:
        deployed = deploy_express(engine, slow_vendor())
        fail(deployed, "SiftStage", TransientStageError.__name__, None)
        engine.send(deployed.queue, MESSAGE)
        executions = engine.drain()
        assert [execution.status for execution in executions] == ["TIMED_OUT"] * 3
        assert [round(execution.ended - execution.started) for execution in executions] == [300] * 3
        received = [json.loads(execution.input)[0] for execution in executions]
        assert [each["attributes"]["ApproximateReceiveCount"] for each in received] == ["1", "2", "3"]
        assert [each["body"] for each in received] == [MESSAGE] * 3
        assert len({execution.name for execution in executions}) == 3
        gaps = [later.started - earlier.started for earlier, later in itertools.pairwise(executions)]
        assert [round(gap / VISIBILITY_S, 1) for gap in gaps] == [2.0, 2.0]
        assert (engine.messages(deployed.queue), deployed.dead_letters) == ([], [MESSAGE])
        assert [call for call in engine.trace if call.action == "sqs:DeleteMessage"] == []


@pytest.mark.property(30, "E")
@pytest.mark.property(31, "E")
def test_whichever_step_fails_after_its_retries_fails_the_execution_with_error_message_and_stage(
    standard: Deployed,
) -> None:
    for number, stage in enumerate(STANDARD_STAGES):
        fail(standard, stage, TransientStageError.__name__, None)
        execution = run(standard)
        fail(standard, stage, TransientStageError.__name__, 0)
        assert execution.status == "FAILED"
        before = {each: ["SUCCEEDED"] for each in STANDARD_STAGES[:number]}
        assert {each: found for each in STANDARD_STAGES if (found := statuses(execution, each))} == {
            **before,
            stage: ["FAILED"] * 3,
        }
        entered = [event["details"]["name"] for event in execution.history if event["type"] == "TaskStateEntered"]
        last = execution.history[-1]
        assert (last["type"], entered[-1]) == ("ExecutionFailed", stage)
        job_failed = stage == "HeavyStage"
        assert last["details"]["error"] == ("States.TaskFailed" if job_failed else TransientStageError.__name__)
        cause = json.loads(last["details"]["cause"])
        message = cause["ErrorMessage" if job_failed else "errorMessage"]
        assert "This failure was asked for" in message


def timed(template: Template, seconds: int) -> Template:
    """Let the execution of a generated template time out after so many seconds."""
    properties = template["Resources"]["StateMachine"]["Properties"]
    properties["DefinitionString"] = json.dumps(
        json.loads(properties["DefinitionString"]) | {"TimeoutSeconds": seconds}
    )
    return template


@pytest.mark.property(34, "E")
def test_the_generated_rule_alerts_of_each_execution_that_fails_times_out_or_is_stopped_and_of_no_other() -> None:
    with Engine.start() as engine:
        deployed = deploy_standard(engine, timed(standard_template("TakeStage"), 15))
        fail(deployed, "TakeStage", PermanentStageError.__name__, None)
        failed = run(deployed)
        fail(deployed, "TakeStage", TransientStageError.__name__, None)
        timed_out = run(deployed)
        engine.send(deployed.queue, MESSAGE)
        engine.travel(5)
        stopped = engine.executions[-1]
        engine.client("stepfunctions").stop_execution(executionArn=stopped.arn)
        engine.drain()
        fail(deployed, "TakeStage", TransientStageError.__name__, 0)
        succeeded = run(deployed)
        ended = [failed, timed_out, stopped]
        assert [each.status for each in (*ended, succeeded)] == ["FAILED", "TIMED_OUT", "ABORTED", "SUCCEEDED"]
        run_elsewhere(engine)

        details = [alert["detail"] for alert in deployed.alerts]
        assert [(each["executionArn"], each["status"]) for each in details] == [(e.arn, e.status) for e in ended]
        assert [json.loads(each["input"])[0]["body"] for each in details] == [MESSAGE] * 3
        assert engine.messages(deployed.queue) == deployed.dead_letters == []


def run_elsewhere(engine: Engine) -> None:
    """Let an execution of another STANDARD state machine fail."""
    definition = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "Other"}}}
    machine = state_machine(definition, StateMachineType="STANDARD", StateMachineName="other")
    stack = engine.deploy(template_text(MachineRole=role("states"), Machine=machine), "other")
    engine.client("stepfunctions").start_execution(stateMachineArn=stack.physical_id("Machine"))
    assert engine.drain()[-1].status == "FAILED"


class As:
    """What a role may do with the objects of an execution: whether the engine's S3 lets it."""

    def __init__(self, deployed: Deployed, logical_id: str, service: str) -> None:
        arn = deployed.role(logical_id)
        session: Session = deployed.engine._sessions.assume(arn, service=service, source="arn:aws:lambda:::function:f")
        self._s3 = gateway.client("s3", deployed.engine.url, session)
        self._bucket = deployed.bucket

    def can(self, operation: str, key: str, **given: Any) -> bool:
        try:
            getattr(self._s3, operation)(Bucket=self._bucket, Key=key, **given)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return False
        return True


@pytest.mark.property(40, "E")
def test_each_role_reads_the_output_before_its_stage_and_writes_under_its_own_and_nothing_else(
    standard: Deployed,
) -> None:
    execution = run(standard)
    assert execution.status == "SUCCEEDED"
    folders = [*STANDARD_STAGES, "initial", "OtherStage"]
    for stage in folders:
        for name in ("output.json", "error.json", "_parts/1"):
            key = f"executions/{execution.name}/{stage}/{name}"
            if key not in standard.objects():
                standard.engine.client("s3").put_object(Bucket=standard.bucket, Key=key, Body=b"x")
    for previous, stage in zip([None, *STANDARD_STAGES], STANDARD_STAGES, strict=False):
        is_job = stage == "HeavyStage"
        suffix, service = ("JobRole", "glue") if is_job else ("FunctionRole", "lambda")
        acting = As(standard, f"{stage.removesuffix('Stage')}{suffix}", service)
        names = [(folder, name) for folder in folders for name in ("output.json", "error.json", "_parts/1")]
        keys = {(folder, name): f"executions/{execution.name}/{folder}/{name}" for folder, name in names}
        read = {place for place, key in keys.items() if acting.can("get_object", key)}
        written = {place for place, key in keys.items() if acting.can("put_object", key, Body=b"x")}
        deleted = {place for place, key in keys.items() if acting.can("delete_object", key)}
        parts = {(stage, "_parts/1")} if is_job else set()
        assert read == parts | ({(previous, "output.json")} if previous else set())
        assert written == {place for place in names if place[0] == stage}
        assert deleted == parts
        assert not acting.can("put_object", f"other/{stage}/output.json", Body=b"x")
        for place in parts:
            standard.engine.client("s3").put_object(Bucket=standard.bucket, Key=keys[place], Body=b"x")
    assert output_key(execution.name, STANDARD_STAGES[-1]) in standard.objects()
