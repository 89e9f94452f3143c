"""State machines: what the interpreter does, and when, on the virtual clock."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from ceap.local.clock import CLOCK
from ceap.local.cloudformation import Stack
from ceap.local.engine import Engine
from ceap.local.executions import Execution, Wait
from tests.local.support import Template, function, log_group, role, state_machine, template_text, upload_code

SOURCE = """
import time
def echo(event, context): return event
def fail(event, context): raise RuntimeError("it failed")
def shout(event, context): raise RuntimeError("x" * 40_000)
def sleep(event, context): time.sleep(30)
def nap(event, context): time.sleep(1.5)
"""


def task(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": name, "Payload.$": "$"},
        **fields,
    }


class DeployedMachine:
    """One deployed state machine behind a queue, of a template of its own."""

    def __init__(self, engine: Engine, stack: Stack) -> None:
        self.engine = engine
        self.stack = stack

    def run(self, body: str = "{}") -> list[Execution]:
        """Send a message and return the executions that it caused."""
        before = len(self.engine.executions)
        self.engine.send(self.stack.outputs["QueueUrl"], body)
        return self.engine.drain()[before:]


@pytest.fixture
def machine(engine: Engine) -> Any:
    upload_code(engine, {"module.py": SOURCE})

    def deploy(
        states: Mapping[str, Any], resources: Mapping[str, Template] | None = None, **fields: Any
    ) -> DeployedMachine:
        properties = fields.pop("properties", {})
        definition = {"StartAt": next(iter(states)), "States": states, **fields}
        return DeployedMachine(engine, engine.deploy(_stack(definition, resources or {}, properties), "stack"))

    return deploy


def _stack(definition: Mapping[str, Any], resources: Mapping[str, Template], properties: Mapping[str, Any]) -> str:
    every = {
        "FunctionRole": role("lambda"),
        **{name.capitalize(): function(name, f"module.{name}") for name in ("echo", "fail", "shout", "sleep", "nap")},
        "MachineRole": role("states", ("lambda:InvokeFunction", "*")),
        "Machine": state_machine(definition, **properties),
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": "queue",
                "VisibilityTimeout": 600,
                "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 1},
            },
        },
        "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "dead"}},
        "PipeRole": role("pipes", ("sqs:*", "*"), ("states:StartSyncExecution", "*")),
        "Pipe": {
            "Type": "AWS::Pipes::Pipe",
            "Properties": {
                "Name": "pipe",
                "RoleArn": {"Fn::GetAtt": ["PipeRole", "Arn"]},
                "Source": {"Fn::GetAtt": ["Queue", "Arn"]},
                "SourceParameters": {"SqsQueueParameters": {"BatchSize": 1}},
                "Target": {"Ref": "Machine"},
            },
        },
        **resources,
    }
    return json.dumps({"Resources": every, "Outputs": {"QueueUrl": {"Value": {"Ref": "Queue"}}}})


RETRY_ALL = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 20, "MaxAttempts": 2, "BackoffRate": 2.0}]


def test_an_execution_passes_the_message_on_and_succeeds(machine: Any) -> None:
    [execution] = machine({"Echo": task("echo", OutputPath="$.Payload", End=True)}).run("the body")
    assert execution.status == "SUCCEEDED"
    [record] = json.loads(execution.input)
    assert record["body"] == "the body"
    assert record["eventSource"] == "aws:sqs"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"


def test_a_retrier_waits_20_and_40_virtual_seconds(machine: Any) -> None:
    before = CLOCK.offset_s
    [execution] = machine({"Fail": task("fail", Retry=RETRY_ALL, End=True)}).run()
    assert execution.waits == [Wait("Fail", 2, 20.0), Wait("Fail", 3, 40.0)]
    assert [(attempt.number, attempt.status, attempt.error) for attempt in execution.attempts] == [
        (number, "FAILED", "RuntimeError") for number in (1, 2, 3)
    ]
    assert 60 <= execution.ended - execution.started < 70
    assert CLOCK.offset_s - before >= 60


def test_a_wait_state_waits_in_virtual_time(machine: Any) -> None:
    [execution] = machine({"Pause": {"Type": "Wait", "Seconds": 240, "End": True}}).run()
    assert execution.status == "SUCCEEDED"
    assert execution.waits == [Wait("Pause", 1, 240.0)]
    assert 240 <= execution.ended - execution.started < 250


def test_the_timeout_of_a_machine_passes_in_virtual_time(machine: Any) -> None:
    [execution] = machine({"Fail": task("fail", Retry=RETRY_ALL, End=True)}, TimeoutSeconds=50).run()
    assert execution.status == "TIMED_OUT"
    assert [wait.seconds for wait in execution.waits] == [20.0, 40.0]
    assert 50 <= execution.ended - execution.started < 60
    assert execution.history[-1]["type"] == "ExecutionTimedOut"


def test_an_express_execution_ends_after_five_minutes(machine: Any) -> None:
    states = {"Pause": {"Type": "Wait", "Seconds": 400, "End": True}}
    [execution] = machine(states, TimeoutSeconds=1000).run()
    assert execution.status == "TIMED_OUT"
    assert 300 <= execution.ended - execution.started < 310


def test_the_timeout_of_a_task_passes_in_real_time(machine: Any) -> None:
    [execution] = machine({"Sleep": task("sleep", TimeoutSeconds=1, End=True)}).run()
    assert (execution.status, execution.error) == ("FAILED", "States.Timeout")
    assert 1 <= execution.ended - execution.started < 10


def test_what_an_attempt_returns_after_its_time_is_ignored(machine: Any) -> None:
    retry = [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 20, "MaxAttempts": 1}]
    [execution] = machine({"Nap": task("nap", TimeoutSeconds=1, Retry=retry, End=True)}).run()
    attempt = ["TaskScheduled", "TaskStarted", "TaskTimedOut"]
    types = [event["type"] for event in execution.history]
    assert types == ["ExecutionStarted", "TaskStateEntered", *attempt, *attempt, "ExecutionFailed"]
    assert [each.status for each in execution.attempts] == ["TIMED_OUT", "TIMED_OUT"]


def test_states_all_does_not_catch_a_runtime_error_of_the_definition(machine: Any) -> None:
    broken = task("echo", Retry=RETRY_ALL, End=True) | {
        "Parameters": {"FunctionName": "echo", "Payload.$": "$.nothing.here"}
    }
    [execution] = machine({"Broken": broken}).run()
    assert execution.status == "FAILED"
    assert execution.error == "States.Runtime"
    assert execution.waits == []
    assert [event["type"] for event in execution.history][1:] == ["TaskStateEntered", "ExecutionFailed"]


def test_the_history_of_a_failed_execution_has_error_message_and_stage(machine: Any) -> None:
    [execution] = machine({"Echo": task("echo", Next="Fail"), "Fail": task("fail", End=True)}).run()
    failed = [event for event in execution.history if event["type"] == "TaskFailed"]
    entered = [event["details"]["name"] for event in execution.history if event["type"] == "TaskStateEntered"]
    assert [event["details"]["error"] for event in failed] == ["RuntimeError"]
    assert json.loads(failed[0]["details"]["cause"])["errorMessage"] == "it failed"
    assert entered == ["Echo", "Fail"]
    assert execution.history[-1]["type"] == "ExecutionFailed"
    assert execution.history[-1]["details"]["error"] == "RuntimeError"


LOGGED: dict[str, Any] = {
    "Level": "ALL",
    "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": ["Group", "Arn"]}}}],
}


def test_a_cause_is_cut_where_step_functions_cuts_it(machine: Any) -> None:
    [execution] = machine({"Shout": task("shout", End=True)}).run()
    assert execution.error == "RuntimeError"
    assert (execution.cause or "").startswith('{"errorMessage":"xxx')
    assert execution.attempts[0].cause == execution.cause
    assert len(execution.cause or "") == 32_768


def test_an_error_is_cut_where_step_functions_cuts_it(machine: Any) -> None:
    [execution] = machine({"Stop": {"Type": "Fail", "Error": "E" * 300, "Cause": "short"}}).run()
    assert (execution.error, execution.cause) == ("E" * 256, "short")


@pytest.mark.parametrize(
    ("logging", "types", "has_data"),
    [
        (LOGGED | {"IncludeExecutionData": True}, ["ExecutionStarted", "ExecutionFailed"], True),
        (LOGGED | {"IncludeExecutionData": False}, ["ExecutionStarted", "ExecutionFailed"], False),
        (LOGGED | {"Level": "ERROR", "IncludeExecutionData": True}, ["TaskFailed", "ExecutionFailed"], True),
        (LOGGED | {"Level": "OFF"}, [], False),
    ],
)
def test_executions_are_logged_as_configured(
    machine: Any, logging: dict[str, Any], types: list[str], has_data: bool
) -> None:
    deployed = machine(
        {"Fail": task("fail", End=True)},
        resources={"Group": log_group("/aws/vendedlogs/states/machine")},
        properties={"LoggingConfiguration": logging},
    )
    deployed.run("secret body")
    lines = [json.loads(line) for line in deployed.engine.logs.read("/aws/vendedlogs/states/machine")]
    assert [line["type"] for line in (lines[:1] + lines[-1:])] == types
    assert any("input" in line["details"] for line in lines) == (has_data and logging["Level"] == "ALL")


def test_a_machine_calls_as_its_role(machine: Any) -> None:
    resources = {"MachineRole": role("states", ("lambda:InvokeFunction", "arn:aws:lambda:*:*:function:fail"))}
    [execution] = machine({"Echo": task("echo", Retry=RETRY_ALL, End=True)}, resources=resources).run()
    assert execution.error == "Lambda.AccessDeniedException"
    assert "not authorized to perform: lambda:InvokeFunction" in (execution.cause or "")


def test_only_express_machines_run_synchronously(engine: Engine) -> None:
    definition = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    text = template_text(MachineRole=role("states"), Machine=state_machine(definition, StateMachineType="STANDARD"))
    arn = engine.deploy(text, "stack").physical_id("Machine")
    states = engine.client("stepfunctions")
    with pytest.raises(states.exceptions.StateMachineTypeNotSupported):
        states.start_sync_execution(stateMachineArn=arn)
    with pytest.raises(states.exceptions.StateMachineDoesNotExist):
        states.start_sync_execution(stateMachineArn=f"{arn}x")


def test_a_synchronous_execution_answers_with_its_output(engine: Engine) -> None:
    definition = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": {"a": 1}, "End": True}}}
    text = template_text(MachineRole=role("states"), Machine=state_machine(definition))
    arn = engine.deploy(text, "stack").physical_id("Machine")
    answer = engine.client("stepfunctions").start_sync_execution(stateMachineArn=arn, name="mine", input="{}")
    assert (answer["status"], answer["name"], json.loads(answer["output"])) == ("SUCCEEDED", "mine", {"a": 1})


def test_a_process_can_end_while_an_execution_runs(machine: Any) -> None:
    wait = {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}
    deployed = machine(wait, properties={"StateMachineType": "STANDARD"})
    arn = deployed.stack.physical_id("Machine")
    deployed.engine.client("stepfunctions").start_execution(stateMachineArn=arn, name="long")
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "long"] == [True]
    assert [execution.status for execution in deployed.engine.drain()] == ["SUCCEEDED"]
