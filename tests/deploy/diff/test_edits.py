"""Edits of a declaration, and the words that its diff must have."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

import pytest
import yaml

from ceap.deploy.diff.compare import compare
from ceap.deploy.diff.describe import describe
from tests import reference
from tests.deploy.diff.support import synthesized

Edit = Callable[[dict[str, Any]], object]
ARN: Final = "arn:${AWS::Partition}:s3:::${import ceap-foundation-Environment-WorkflowBucket}/executions/*"
REASON: Final = "the test wants it"


def step(number: int, **keys: Any) -> Edit:
    return lambda declaration: declaration["steps"][number].update(keys)


def keys(**values: Any) -> Edit:
    return lambda declaration: declaration.update(values)


def override(logical_id: str, **properties: Any) -> Edit:
    return keys(overrides={logical_id: properties})


def insert(declaration: dict[str, Any]) -> None:
    declaration["steps"][0]["timeout_s"] = 30
    declaration["steps"].insert(1, {"stage": "SecondStage", "handler": "sift", "timeout_s": 30})


def remove(declaration: dict[str, Any]) -> None:
    del declaration["steps"][1]


def swap(declaration: dict[str, Any]) -> None:
    steps = declaration["steps"]
    steps[1], steps[2] = steps[2], steps[1]


EXPRESS: Final[dict[str, tuple[Edit, list[str]]]] = {
    "nothing": (lambda _: None, ["t.yaml: no change"]),
    "a new stage": (
        insert,
        ["SecondStage is new (handler sift), after TakeStage", "SecondFunctionRole (new) may s3:PutObject"],
    ),
    "a removed stage": (
        remove,
        [
            "SiftStage is removed (handler sift)",
            "executions that run during the deployment may fail at SiftStage, RateStage",
            "SiftFunctionLogGroup (AWS::Logs::LogGroup /aws/lambda/ceap-express-${Environment}-Sift, stateful) leaves "
            "the stack and is deleted with the data in it",
            f"RateFunctionRole may also s3:GetObject on {ARN}/TakeStage/output.json",
            f"RateFunctionRole may no longer s3:GetObject on {ARN}/SiftStage/output.json",
            "data lost",
        ],
    ),
    "another order": (
        swap,
        [
            "the order is TakeStage, RateStage, SiftStage, KeepStage, TellStage, "
            "was TakeStage, SiftStage, RateStage, KeepStage, TellStage"
        ],
    ),
    "a renamed stage": (
        step(1, stage="SieveStage"),
        ["SiftStage is renamed to SieveStage (handler sift): it gets a new function or job, role and log group"],
    ),
    "a generated name": (
        step(1, naming="generated"),
        [
            "executions that run during the deployment may fail at SiftStage\n",
            "their messages return to the queue and are processed anew; what waits in the queue is not affected",
            "SiftFunction (AWS::Lambda::Function) is replaced: the old one is deleted",
            "FunctionName: removed, was ceap-express-${Environment}-Sift (create-only)",
            "    Dashboard (AWS::CloudWatch::Dashboard ceap-express-${Environment}) changes in place\n"
            "      DashboardBody: follows, as SiftFunction is replaced\n"
            "  attributes\n",
            "SiftFunction Metadata: added {ceap: {naming: generated}}",
        ],
    ),
    "generated names": (
        keys(naming="generated"),
        ["executions that run during the deployment may fail at TakeStage, SiftStage, RateStage, KeepStage, TellStage"],
    ),
    "another handler": (
        step(1, handler="take"),
        [
            "SiftStage runs handler take, was handler sift",
            "executions that run during the deployment may fail at SiftStage\n",
        ],
    ),
    "a shorter timeout": (
        step(1, timeout_s=30),
        [
            "SiftFunction: a call may take 60 s -> 30 s",
            "the functions may take together 300 s -> 270 s; EXPRESS allows 300 s",
            "Queue: a received message is hidden for 1800 s -> 1620 s",
        ],
    ),
    "more memory": (
        step(1, memory_mb=2048),
        ["SiftFunction: memory 1024 MB -> 2048 MB; Lambda charges memory times duration"],
    ),
    "more storage": (
        step(1, ephemeral_storage_mb=2048),
        ["SiftFunction: storage in /tmp 512 MB -> 2048 MB; above 512 MB it is charged"],
    ),
    "fewer calls at a time": (step(1, reserved_concurrency=5), ["SiftFunction: calls at a time no limit -> 5"]),
    "a setting": (step(0, settings={"max_rejected": 3}), ['Environment.Variables.SETTINGS: {} -> {"max_rejected":3}']),
    "a bucket to read": (
        step(0, settings={"source_bucket": "acme"}),
        ["TakeFunctionRole may also s3:GetObject on arn:${AWS::Partition}:s3:::acme/*"],
    ),
    "a variable": (step(0, environment={"LEVEL": "3"}), ["Environment.Variables.LEVEL: added 3"]),
    "another description": (keys(description="x"), ["Description: The records of one message"]),
    "more retries": (
        keys(retry={"lambda": {"max_attempts": 3, "reason": REASON}}),
        ["TakeStage is retried 2 times from 20 s on, each wait 2.0 times as long, after States.ALL -> 3 times"],
    ),
    "no dashboard": (
        keys(dashboard=False),
        [
            "Dashboard (AWS::CloudWatch::Dashboard ceap-express-${Environment})",
            "dashboards 1 -> 0; CloudWatch charges each by the month",
        ],
    ),
    "shorter logs": (
        keys(log_retention_days={"value": 3, "reason": REASON}),
        ["TakeFunctionLogGroup: log events are kept for 14 days -> for 3 days; what is older is deleted, for good"],
    ),
    "longer logs": (
        keys(log_retention_days={"value": 90, "reason": REASON}),
        ["TakeFunctionLogGroup: log events are kept for 14 days -> for 90 days; what is kept is charged"],
    ),
    "tags": (keys(tags={"Team": "data"}), ["Tags: added [{Key: Team, Value: data}]"]),
    "a network": (keys(vpc=True), ["TakeFunctionRole may also ec2:CreateNetworkInterface"]),
    "a boundary": (
        keys(permissions_boundary=True),
        ["PipeRole: it gets a permissions boundary: ${PermissionsBoundary}"],
    ),
    "another type": (
        keys(type="STANDARD"),
        [
            "StateMachine (AWS::StepFunctions::StateMachine ceap-express-${Environment}) fails: StateMachineType can "
            "change only in a new one, and its name stays; CloudFormation rolls the whole update back",
            "do: change its StateMachineName in the same deployment, remove it in one deployment and add it in the "
            "next, or call `ceap destroy` and then `ceap deploy`: queues, tables and buckets stay",
            "PipeRole may also states:StartExecution",
            "PipeRole may no longer states:StartSyncExecution",
        ],
    ),
    "another name of the workflow": (
        keys(name="other"),
        ["Queue (AWS::SQS::Queue ceap-other-${Environment}-queue, stateful) is replaced"],
    ),
    "another name of the queue": (
        override("Queue", QueueName="q"),
        [
            "Queue (AWS::SQS::Queue q, stateful) is replaced: the old one stays outside of the stack with the data in "
            "it, and the new one begins empty",
            "Pipe (AWS::Pipes::Pipe ceap-express-${Environment}) fails: Source can change only in a new one",
            "Source: follows, as Queue is replaced (create-only)",
        ],
    ),
    "shorter messages": (
        override("Queue", MessageRetentionPeriod=3600),
        ["Queue: messages are kept for 14 days -> for 1 hour; what is older is deleted, for good"],
    ),
    "more receives": (
        override("Queue", RedrivePolicy={"maxReceiveCount": 5}),
        ["Queue: receives before the dead-letter queue 3 -> 5"],
    ),
    "an alarm": (override("QueueAgeAlarm", Threshold=5), ["Threshold: 3600 -> 5"]),
    "a schedule": (
        keys(schedule={"expression": "rate(1 hour)", "message": {"source": {"kind": "inline", "records": []}}}),
        ["Schedule (AWS::Scheduler::Schedule", "Service scheduler.amazonaws.com may sts:AssumeRole ScheduleRole (new)"],
    ),
}
STANDARD: Final[dict[str, tuple[Edit, list[str]]]] = {
    "more workers": (step(2, workers=4), ["HeavyJob: workers 2 -> 4; Glue charges workers times duration"]),
    "larger workers": (step(2, worker_type="G.2X"), ["HeavyJob: kind of worker G.1X -> G.2X"]),
    "a shorter job": (step(2, timeout_min=60), ["HeavyJob: a run may take 120 min -> 60 min", "an execution may take"]),
    "no job": (
        lambda one: one["steps"].pop(2),
        ["HeavyStage is removed (job heavy)", "call `ceap drain --pause` before"],
    ),
    "a generated name": (
        step(1, naming="generated"),
        [
            "executions that run during the deployment may fail at SiftStage\n",
            "their messages are not in the queue any more: call `ceap drain --pause` before the deployment and "
            "`ceap resume` after it, or replay what failed with `ceap replay`; what waits in the queue is not affected",
            "SiftFunction (AWS::Lambda::Function) is replaced: the old one is deleted",
        ],
    ),
    "a function for a job": (step(0, timeout_s=60), ["the functions may take together 1500 s -> 1260 s"]),
}


def test_a_name_of_ceaps_for_a_generated_one_replaces_the_function_too() -> None:
    declaration = yaml.safe_load(reference.MIXED.read_text(encoding="utf-8"))
    named = copy.deepcopy(declaration)
    step(2, naming="explicit")(named)
    told = describe(compare(synthesized(declaration), synthesized(named)))
    assert "may fail at KeepStage\n" in told
    name = "KeepFunction (AWS::Lambda::Function ceap-mixed-${Environment}-Keep)"
    assert f"{name} is replaced: the old one is deleted" in told
    assert "LogGroup (" not in told


def lines_of(file: Any, edit: Edit) -> str:
    declaration = yaml.safe_load(file.read_text(encoding="utf-8"))
    edited = copy.deepcopy(declaration)
    edit(edited)
    return describe(compare(synthesized(declaration), synthesized(edited)))


@pytest.mark.parametrize("name", EXPRESS)
def test_an_edit_of_an_express_workflow_has_its_words(name: str) -> None:
    edit, words = EXPRESS[name]
    told = lines_of(reference.EXPRESS, edit)
    assert [line for line in words if line not in told] == []


@pytest.mark.parametrize("name", STANDARD)
def test_an_edit_of_a_standard_workflow_has_its_words(name: str) -> None:
    edit, words = STANDARD[name]
    told = lines_of(reference.STANDARD, edit)
    assert [line for line in words if line not in told] == []
