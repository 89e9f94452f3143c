"""What is read of stacks and templates: events by operation, and by which properties a resource is imported."""

from __future__ import annotations

from ceap.local.engine import Engine
from tests.local.stacks.support import Stacks, queue, text
from tests.local.support import template_text

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


def test_the_summary_of_a_template_names_the_properties_by_which_each_type_is_imported(engine: Engine) -> None:
    kinds = ["AWS::SQS::Queue", "AWS::Lambda::Version", "AWS::SQS::Queue"]
    body = template_text(**{f"Own{number}": {"Type": kind} for number, kind in enumerate(kinds)})
    summary = engine.client("cloudformation").get_template_summary(TemplateBody=body)
    found = {
        each["ResourceType"]: (each["LogicalResourceIds"], each["ResourceIdentifiers"])
        for each in summary["ResourceIdentifierSummaries"]
    }
    assert found == {
        "AWS::SQS::Queue": (["Own0", "Own2"], ["QueueUrl"]),
        "AWS::Lambda::Version": (["Own1"], ["FunctionArn"]),
    }
