"""STANDARD state machines: the Step Functions API, status changes and their rules, redrive, and S3 from a task."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.clock import CLOCK
from ceap.local.engine import Engine
from ceap.local.executions import Execution
from tests.local.support import Template, role, rule, state_machine, template_text

PASS: Template = {"Type": "Pass", "End": True}
WAIT: Template = {"Type": "Wait", "Seconds": 3600, "End": True}
FAIL: Template = {"Type": "Fail", "Error": "Mine", "Cause": "it failed"}
QUEUE: Template = {"Type": "AWS::SQS::Queue"}


def put(key: str, body: str, **fields: Any) -> Template:
    """Return a task that puts part of its input on S3."""
    parameters = {"Bucket": "data", "Key": key, "Body.$": body}
    return {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject", "Parameters": parameters, **fields}


UNDELIVERED_POLICY = {
    "Type": "AWS::SQS::QueuePolicy",
    "Properties": {
        "Queues": [{"Ref": "Undelivered"}],
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "events.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": {"Fn::GetAtt": ["Undelivered", "Arn"]},
                }
            ],
        },
    },
}


class DeployedMachine:
    """A deployed state machine whose every status change goes to a topic and from there to a queue."""

    def __init__(self, engine: Engine, states: Mapping[str, Any], kind: str = "STANDARD", **fields: Any) -> None:
        definition = {"StartAt": next(iter(states)), "States": states, **fields}
        targets = [
            {
                "Id": "topic",
                "Arn": {"Ref": "Topic"},
                "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["Undelivered", "Arn"]}},
            }
        ]
        received = {"TopicArn": {"Ref": "Topic"}, "Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Received", "Arn"]}}
        text = template_text(
            MachineRole=role("states", ("s3:PutObject", "arn:aws:s3:::data/granted/*")),
            Machine=state_machine(definition, StateMachineType=kind),
            Topic={"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic"}},
            Received=QUEUE | {"Properties": {"QueueName": "received"}},
            Undelivered=QUEUE | {"Properties": {"QueueName": "undelivered"}},
            UndeliveredPolicy=UNDELIVERED_POLICY,
            Subscription={"Type": "AWS::SNS::Subscription", "Properties": received},
            Rule=rule(Targets=targets, EventPattern={"source": ["aws.states", "shop"]}),
        )
        stack = engine.deploy(text, "stack")
        self.engine = engine
        self.states = engine.client("stepfunctions")
        self.arn = stack.physical_id("Machine")
        self.topic = stack.physical_id("Topic")

    def start(self, **given: Any) -> str:
        arn: str = self.states.start_execution(stateMachineArn=self.arn, **given)["executionArn"]
        return arn

    def run(self, **given: Any) -> Execution:
        """Start an execution and return it when it has ended."""
        arn = self.start(**given)
        return next(execution for execution in self.engine.drain() if execution.arn == arn)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(message) for message in self.engine.published(self.topic)]


def test_an_execution_is_started_and_described(engine: Engine) -> None:
    machine = DeployedMachine(engine, {"P": PASS})
    execution = machine.run(name="mine", input='{"a": 1}')
    described = machine.states.describe_execution(executionArn=execution.arn)
    assert (described["name"], described["status"], described["input"]) == ("mine", "SUCCEEDED", '{"a": 1}')
    assert json.loads(described["output"]) == {"a": 1}
    assert described["stopDate"] >= described["startDate"]
    [listed] = machine.states.list_executions(stateMachineArn=machine.arn)["executions"]
    assert (listed["executionArn"], listed["status"]) == (execution.arn, "SUCCEEDED")
    assert machine.states.list_executions(stateMachineArn=machine.arn, statusFilter="FAILED")["executions"] == []
    events = machine.states.get_execution_history(executionArn=execution.arn)["events"]
    assert [(event["id"], event["type"]) for event in events] == [
        (1, "ExecutionStarted"),
        (2, "PassStateEntered"),
        (3, "PassStateExited"),
        (4, "ExecutionSucceeded"),
    ]
    assert events[1]["stateEnteredEventDetails"]["name"] == "P"


def test_a_start_that_is_repeated_is_accepted_while_it_runs(engine: Engine) -> None:
    machine = DeployedMachine(engine, {"W": WAIT})
    arn = machine.start(name="mine", input="{}")
    assert machine.start(name="mine", input="{}") == arn
    with pytest.raises(machine.states.exceptions.ExecutionAlreadyExists):
        machine.start(name="mine", input='{"other": 1}')
    assert [execution.status for execution in engine.drain()] == ["SUCCEEDED"]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"input": "no JSON"}, "InvalidExecutionInput"),
        ({"input": json.dumps("x" * 262_144)}, "ValidationException"),
        ({"stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:x"}, "StateMachineDoesNotExist"),
    ],
)
def test_a_start_that_is_wrong_is_refused(engine: Engine, given: dict[str, str], error: str) -> None:
    machine = DeployedMachine(engine, {"P": PASS})
    with pytest.raises(ClientError, match=error):
        machine.states.start_execution(**{"stateMachineArn": machine.arn, **given})
    assert engine.executions == []


def test_every_status_of_a_standard_execution_is_an_event(engine: Engine) -> None:
    execution = DeployedMachine(engine, {"P": PASS}).run(name="mine", input='{"a": 1}')
    messages = [json.loads(json.loads(body)["Message"]) for body in engine.messages("received")]
    assert [message["detail"]["status"] for message in messages] == ["RUNNING", "SUCCEEDED"]
    event = messages[1]
    assert (event["source"], event["detail-type"]) == ("aws.states", "Step Functions Execution Status Change")
    assert event["resources"] == [execution.arn]
    detail = event["detail"]
    assert (detail["name"], detail["input"], json.loads(detail["output"])) == ("mine", '{"a": 1}', {"a": 1})
    assert (detail["error"], detail["inputDetails"]) == (None, {"included": True})
    assert detail["stopDate"] >= detail["startDate"] > 1_000_000_000_000
    assert engine.messages("undelivered") == []


def test_an_express_execution_emits_no_event(engine: Engine) -> None:
    machine = DeployedMachine(engine, {"F": FAIL}, kind="EXPRESS")
    answer = machine.states.start_sync_execution(stateMachineArn=machine.arn)
    assert (answer["status"], answer["error"], answer["cause"]) == ("FAILED", "Mine", "it failed")
    assert machine.events() == []


def test_an_event_that_cannot_be_delivered_is_kept(engine: Engine) -> None:
    machine = DeployedMachine(engine, {"F": FAIL})
    engine.client("sns").delete_topic(TopicArn=machine.topic)
    machine.run()
    statuses = [json.loads(body)["detail"]["status"] for body in engine.messages("undelivered")]
    assert statuses == ["RUNNING", "FAILED"]
    sqs = engine.client("sqs")
    url = sqs.get_queue_url(QueueName="undelivered")["QueueUrl"]
    [kept] = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert kept["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_RESOURCE"
    assert kept["MessageAttributes"]["TARGET_ARN"]["StringValue"] == machine.topic


def test_a_rule_that_is_disabled_delivers_nothing(engine: Engine) -> None:
    machine = DeployedMachine(engine, {"P": PASS})
    engine.client("events").disable_rule(Name="rule")
    machine.run()
    assert machine.events() == []


def test_data_that_is_too_long_for_an_event_is_left_out(engine: Engine) -> None:
    machine = DeployedMachine(engine, {"P": PASS | {"Result": {}}})
    machine.run(input=json.dumps("x" * 254_000))
    for event in machine.events():
        assert (event["detail"]["input"], event["detail"]["inputDetails"]) == (None, {"included": False})


def test_an_event_of_a_handler_reaches_the_targets_of_a_rule_too(engine: Engine) -> None:
    machine = DeployedMachine(engine, {"P": PASS})
    entry = {"Source": "shop", "DetailType": "mine", "Detail": '{"a": 1}'}
    engine.client("events").put_events(Entries=[entry])
    [event] = machine.events()
    assert (event["detail-type"], event["detail"]) == ("mine", {"a": 1})


def test_an_execution_that_is_stopped_is_aborted(engine: Engine) -> None:
    machine = DeployedMachine(engine, {"W": WAIT})
    with CLOCK.activity():
        arn = machine.start()
        machine.states.stop_execution(executionArn=arn, error="Mine", cause="enough")
    [execution] = engine.drain()
    assert (execution.status, execution.error, execution.cause) == ("ABORTED", "Mine", "enough")
    assert execution.history[-1]["type"] == "ExecutionAborted"
    assert [event["detail"]["status"] for event in machine.events()] == ["RUNNING", "ABORTED"]
    machine.states.stop_execution(executionArn=arn)
    assert execution.status == "ABORTED"


def test_an_execution_whose_time_is_up_is_timed_out(engine: Engine) -> None:
    machine = DeployedMachine(engine, {"W": WAIT}, TimeoutSeconds=60)
    execution = machine.run()
    assert execution.status == "TIMED_OUT"
    assert [event["detail"]["status"] for event in machine.events()] == ["RUNNING", "TIMED_OUT"]


def test_a_redrive_goes_on_at_the_failed_state_with_its_input(engine: Engine) -> None:
    first = {"Type": "Pass", "Result": {"changed": True}, "Next": "Put"}
    machine = DeployedMachine(engine, {"First": first, "Put": put("granted/key", "$.changed", End=True)})
    execution = machine.run(input="{}")
    assert (execution.status, execution.error) == ("FAILED", "S3.NoSuchBucketException")
    engine.client("s3").create_bucket(Bucket="data")
    machine.states.redrive_execution(executionArn=execution.arn)
    engine.drain()
    assert (execution.status, execution.redrives) == ("SUCCEEDED", 1)
    assert list(engine.objects("data")) == [("granted/key", b"true")]
    entered = [event["details"]["name"] for event in execution.history if event["type"].endswith("StateEntered")]
    assert entered == ["First", "Put"]
    events = machine.states.get_execution_history(executionArn=execution.arn)["events"]
    [redriven] = [event for event in events if event["type"] == "ExecutionRedriven"]
    assert redriven["executionRedrivenEventDetails"] == {"redriveCount": 1}
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert [event["detail"]["status"] for event in machine.events()] == ["RUNNING", "FAILED", "RUNNING", "SUCCEEDED"]


def test_the_token_of_a_redrive_counts_for_15_minutes(engine: Engine) -> None:
    machine = DeployedMachine(engine, {"C": {"Type": "Pass", "Next": "F"}, "F": FAIL})
    failed = machine.run()
    for wait_s, redrives in ((0, 1), (14 * 60, 1), (2 * 60, 2)):
        due = partial(float, CLOCK.now() + wait_s)
        assert CLOCK.jump(due, CLOCK.ended)
        machine.states.redrive_execution(executionArn=failed.arn, clientToken="token")
        engine.drain()
        assert failed.redrives == redrives


def test_only_what_failed_lately_can_be_redriven(engine: Engine) -> None:
    machine = DeployedMachine(engine, {"C": {"Type": "Pass", "Next": "F"}, "F": FAIL})
    failed = machine.run()
    failed.started -= 15 * 24 * 3600
    assert failed.not_redrivable is None
    failed.ended -= 15 * 24 * 3600
    refused = machine.states.exceptions.ExecutionNotRedrivable
    with pytest.raises(refused):
        machine.states.redrive_execution(executionArn=failed.arn)
    failed.status = "SUCCEEDED"
    with pytest.raises(refused):
        machine.states.redrive_execution(executionArn=failed.arn)
    with pytest.raises(machine.states.exceptions.ExecutionDoesNotExist):
        machine.states.redrive_execution(executionArn=f"{failed.arn}x")


@pytest.mark.parametrize(
    ("given", "content"),
    [('"text"', b'"text"'), ('"f\\u00fcr \\"x\\""', '"für \\"x\\""'.encode()), ('{"a": [1, null]}', b'{"a":[1,null]}')],
)
def test_s3_gets_a_body_as_json(engine: Engine, given: str, content: bytes) -> None:
    engine.client("s3").create_bucket(Bucket="data")
    machine = DeployedMachine(engine, {"Put": put("granted/key", "$.body", End=True)})
    assert machine.run(input=f'{{"body": {given}}}').status == "SUCCEEDED"
    assert list(engine.objects("data")) == [("granted/key", content)]


def test_s3_denies_what_the_role_of_the_machine_may_not(engine: Engine) -> None:
    engine.client("s3").create_bucket(Bucket="data")
    execution = DeployedMachine(engine, {"Put": put("denied/key", "$", End=True)}).run()
    assert (execution.status, str(execution.error)[:3]) == ("FAILED", "S3.")
    assert "not authorized to perform: s3:PutObject" in str(execution.cause)


def test_an_engine_that_closes_ends_what_runs() -> None:
    with Engine.start() as engine:
        machine = DeployedMachine(engine, {"W": WAIT})
        machine.start()
    [execution] = engine.executions
    assert CLOCK.wait(lambda: None, lambda: execution.status == "ABORTED", 10)
