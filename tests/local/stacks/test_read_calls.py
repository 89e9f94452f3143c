"""What is read of the events of a stack by operation, as the AWS CLI reads why a deployment failed."""

from __future__ import annotations

from ceap.local.engine import Engine
from tests.local.stacks.support import Stacks, queue, text

POLICY = {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": ["none"], "PolicyDocument": {"Statement": []}}}


def test_the_events_of_a_stack_are_read_whole_of_one_operation_or_only_failures(engine: Engine) -> None:
    stacks = Stacks(engine)
    stacks.create("told", text({"Queue": queue("first")}))
    stacks.update("told", text({"Queue": queue("first"), "Policy": POLICY}))
    client = stacks.client
    every = client.describe_events(StackName="told")["OperationEvents"]
    plain = client.describe_stack_events(StackName="told")["StackEvents"]
    assert [event["EventId"] for event in every] == [event["EventId"] for event in plain]
    kinds = [event["OperationType"] for event in every]
    newest = every[0]
    of_it = client.describe_events(StackName="told", OperationId=newest["OperationId"])["OperationEvents"]
    assert of_it == [event for event in every if event["OperationId"] == newest["OperationId"]]
    assert {*kinds} > {"CREATE_STACK"}
    failed = client.describe_events(StackName="told", Filters={"FailedEvents": True})["OperationEvents"]
    assert [(event["LogicalResourceId"], event["EventType"]) for event in failed] == [("Policy", "PROVISIONING_ERROR")]
