"""Change sets: what they tell, when they are refused, and what executing them does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.engine import Engine
from tests.local.stacks.support import Stacks, queue, refusal, text


@pytest.fixture(scope="module")
def stacks() -> Iterator[Stacks]:
    with Engine.start() as engine:
        yield Stacks(engine)


def details(change: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [
        (
            detail["Target"].get("Name", detail["Target"]["Attribute"]),
            detail["Target"]["RequiresRecreation"],
            detail["ChangeSource"],
            detail["Evaluation"],
        )
        for detail in change["Details"]
    ]


def changes(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"] for each in described["Changes"]}


def test_a_new_stack_is_in_review_until_its_change_set_is_executed(stacks: Stacks) -> None:
    described = stacks.propose("new", text({"Queue": queue("new")}), "CREATE", Description="first")
    assert (described["Status"], described["ExecutionStatus"], described["Description"]) == (
        "CREATE_COMPLETE",
        "AVAILABLE",
        "first",
    )
    assert {name: change["Action"] for name, change in changes(described).items()} == {"Queue": "Add"}
    assert (stacks.status("new"), stacks.queues().count("new")) == ("REVIEW_IN_PROGRESS", 0)
    stacks.client.get_waiter("change_set_create_complete").wait(StackName="new", ChangeSetName="change")
    stacks.execute("new", ClientRequestToken="token")
    stacks.client.get_waiter("stack_create_complete").wait(StackName="new")
    assert stacks.events("new") == [
        "new REVIEW_IN_PROGRESS: User Initiated",
        "new CREATE_IN_PROGRESS: User Initiated",
        "Queue CREATE_IN_PROGRESS",
        "Queue CREATE_IN_PROGRESS: Resource creation Initiated",
        "Queue CREATE_COMPLETE",
        "new CREATE_COMPLETE",
    ]
    [last, *_] = stacks.client.describe_stack_events(StackName="new")["StackEvents"]
    assert last["ClientRequestToken"] == "token"
    assert stacks.client.describe_change_set(StackName="new", ChangeSetName="change")["ExecutionStatus"] == (
        "EXECUTE_COMPLETE"
    )


def test_a_change_set_without_changes_fails_with_awss_words(stacks: Stacks) -> None:
    body = text({"Queue": queue("same")})
    stacks.create("same", body)
    described = stacks.propose("same", body)
    assert (described["Status"], described["ExecutionStatus"], described["Changes"]) == ("FAILED", "UNAVAILABLE", [])
    assert described["StatusReason"] == (
        "The submitted information didn't contain changes. Submit different information to create a change set."
    )
    with pytest.raises(ClientError) as failed:
        stacks.execute("same")
    assert refusal(failed.value).startswith("InvalidChangeSetStatus: ChangeSet [arn:aws:cloudformation")


def test_a_change_of_outputs_alone_is_a_change(stacks: Stacks) -> None:
    stacks.create("outputs", text({"Queue": queue("outputs")}))
    body = text({"Queue": queue("outputs")}, Outputs={"Name": {"Value": "x"}})
    described = stacks.propose("outputs", body)
    assert (described["Status"], described["Changes"]) == ("CREATE_COMPLETE", [])
    stacks.execute("outputs")
    assert (stacks.status("outputs"), stacks.outputs("outputs")) == ("UPDATE_COMPLETE", {"Name": "x"})


def test_a_change_says_what_it_replaces_and_why(stacks: Stacks) -> None:
    parameters = {"Name": {"Type": "String"}, "Seconds": {"Type": "Number", "Default": 30}}
    resources = {
        "Named": queue("${Name}"),
        "Timed": queue("timed", VisibilityTimeout={"Ref": "Seconds"}),
        "Gone": queue("gone"),
        "Alarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": "told",
                "AlarmDescription": {"Fn::GetAtt": ["Timed", "Arn"]},
                "ComparisonOperator": "GreaterThanThreshold",
                "EvaluationPeriods": 1,
                "MetricName": "m",
                "Namespace": "n",
                "Period": 60,
                "Statistic": "Sum",
                "Threshold": 1,
                "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["Named", "QueueName"]}}],
            },
        },
    }
    resources["Named"]["Properties"]["QueueName"] = {"Fn::Sub": "why-${Name}"}
    given = [{"ParameterKey": "Name", "ParameterValue": "a"}]
    stacks.create("why", text(resources, Parameters=parameters), Parameters=given)
    kept = {name: body for name, body in resources.items() if name != "Gone"}
    new = kept | {"New": queue("new-queue")}
    described = stacks.propose(
        "why",
        text(new, Parameters=parameters),
        Parameters=[
            {"ParameterKey": "Name", "ParameterValue": "b"},
            {"ParameterKey": "Seconds", "ParameterValue": "60"},
        ],
    )
    found = changes(described)
    assert {name: (change["Action"], change.get("Replacement")) for name, change in found.items()} == {
        "Named": ("Modify", "True"),
        "Timed": ("Modify", "False"),
        "Alarm": ("Modify", "False"),
        "New": ("Add", None),
        "Gone": ("Remove", None),
    }
    assert details(found["Named"]) == [("QueueName", "Always", "ParameterReference", "Static")]
    assert details(found["Timed"]) == [("VisibilityTimeout", "Never", "ParameterReference", "Static")]
    # Whether an attribute of what changes in place is another is not known before; AWS lists it, too.
    assert details(found["Alarm"]) == [
        ("AlarmDescription", "Never", "ResourceAttribute", "Dynamic"),
        ("Dimensions", "Never", "ResourceAttribute", "Static"),
    ]
    assert found["Named"]["PolicyAction"] == "ReplaceAndDelete"


def test_values_of_properties_are_told_when_asked_for(stacks: Stacks) -> None:
    stacks.create("values", text({"Queue": queue("values", VisibilityTimeout=1)}))
    stacks.propose("values", text({"Queue": queue("values", VisibilityTimeout=2)}))
    told = stacks.client.describe_change_set(StackName="values", ChangeSetName="change", IncludePropertyValues=True)
    [detail] = changes(told)["Queue"]["Details"]
    assert detail["Target"] == {
        "Attribute": "Properties",
        "Name": "VisibilityTimeout",
        "RequiresRecreation": "Never",
        "Path": "/Properties/VisibilityTimeout",
        "BeforeValue": "1",
        "AfterValue": "2",
    }


def test_a_change_set_is_described_with_what_it_was_made_of(stacks: Stacks) -> None:
    more = {"Description": "First", "Tags": [{"Key": "team", "Value": "data"}], "Capabilities": ["CAPABILITY_IAM"]}
    told = stacks.propose("told", text({"Queue": queue("told")}), "CREATE", **more)
    common = {
        "StackId": told["StackId"],
        "StackName": "told",
        "ChangeSetId": told["ChangeSetId"],
        "ChangeSetName": "change",
        "CreationTime": told["CreationTime"],
        "Description": "First",
        "Status": "CREATE_COMPLETE",
        "ExecutionStatus": "AVAILABLE",
        "IncludeNestedStacks": False,
    }
    [change] = told.pop("Changes")
    assert change["ResourceChange"]["LogicalResourceId"] == "Queue"
    assert told.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    own = {"Parameters": [], "NotificationARNs": [], "RollbackConfiguration": {}, "OnStackFailure": "ROLLBACK"}
    assert told == {**common, **more, **own}
    assert stacks.client.list_change_sets(StackName="told")["Summaries"] == [common]


def test_an_executed_change_set_removes_the_others(stacks: Stacks) -> None:
    stacks.propose("others", text({"Queue": queue("others")}), "CREATE")
    other = stacks.client.create_change_set(
        StackName="others", ChangeSetName="second", ChangeSetType="CREATE", TemplateBody=text({"Queue": queue("2nd")})
    )
    listed = stacks.client.list_change_sets(StackName="others")["Summaries"]
    assert [each["ChangeSetName"] for each in listed] == ["change", "second"]
    stacks.execute("others")
    with pytest.raises(ClientError) as failed:
        stacks.client.describe_change_set(ChangeSetName=other["Id"])
    assert refusal(failed.value).startswith("ChangeSetNotFound: ChangeSet [arn:aws:cloudformation")
    with pytest.raises(ClientError) as twice:
        stacks.execute("others")
    assert "cannot be executed in its current status of [CREATE_COMPLETE]" in refusal(twice.value)


def test_a_change_set_can_be_deleted_and_a_stack_in_review_too(stacks: Stacks) -> None:
    arn = stacks.propose("dropped", text({"Queue": queue("dropped")}), "CREATE")["StackId"]
    stacks.client.delete_change_set(StackName="dropped", ChangeSetName="change")
    stacks.client.delete_change_set(StackName="dropped", ChangeSetName="change")
    assert stacks.client.list_change_sets(StackName="dropped")["Summaries"] == []
    stacks.delete("dropped")
    assert stacks.status(arn) == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"ChangeSetType": "UPDATE"}, "ValidationError: Stack [absent] does not exist"),
        ({"StackName": "here", "ChangeSetType": "CREATE"}, "already exists and cannot be created again"),
        ({"TemplateBody": "a: [", "ChangeSetType": "CREATE"}, "ValidationError: Template format error: "),
        ({"TemplateBody": text({}), "ChangeSetType": "CREATE"}, "At least one Resources member must be defined"),
        ({"TemplateBody": text({"Q": {**queue(), "Kind": 1}}), "ChangeSetType": "CREATE"}, "property 'Kind'"),
        (
            {"TemplateBody": text({"Q": queue(), "R": queue(DependsOn="S")}), "ChangeSetType": "CREATE"},
            "Unresolved resource dependencies [S] in the Resources block of the template",
        ),
        (
            {"TemplateBody": text({"Q": queue(DependsOn="R"), "R": queue(DependsOn="Q")}), "ChangeSetType": "CREATE"},
            "Circular dependency between resources: [",
        ),
        (
            {"TemplateBody": text({"Q": queue()}, Metadata={"x": "y" * 51_200}), "ChangeSetType": "CREATE"},
            "Member must have length less than or equal to 51200",
        ),
        (
            {
                "TemplateBody": text({"R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r"}}}),
                "ChangeSetType": "CREATE",
                "Capabilities": ["CAPABILITY_IAM"],
            },
            "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_NAMED_IAM]",
        ),
        (
            {"TemplateBody": text({"R": {"Type": "AWS::IAM::Role"}}), "ChangeSetType": "CREATE"},
            "InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_IAM]",
        ),
        (
            {"TemplateBody": text({"Q": queue()}), "ChangeSetType": "CREATE", "ImportExistingResources": True},
            "NotImplemented: The local engine does not model ImportExistingResources",
        ),
        (
            {"TemplateBody": text({"Q": {"Properties": {}}}), "ChangeSetType": "CREATE"},
            "[/Resources/Q] Every Resources object must contain a Type member.",
        ),
        (
            {"TemplateBody": text({"Q": queue()}, Outputs={"O": {}}), "ChangeSetType": "CREATE"},
            "[/Outputs/O] Every Outputs member must contain a Value object",
        ),
        (
            {"TemplateBody": text({"Q": queue()}, Transform="x"), "ChangeSetType": "CREATE"},
            "NotImplemented: The local engine does not model the section Transform of a template",
        ),
        ({"TemplateURL": "https://none.s3.us-east-1.amazonaws.com/key", "ChangeSetType": "CREATE"}, "S3 error: "),
    ],
)
def test_what_cloudformation_refuses_makes_no_change_set(stacks: Stacks, call: dict[str, Any], message: str) -> None:
    if not any(stack["StackName"] == "here" for stack in stacks.client.describe_stacks()["Stacks"]):
        stacks.create("here", text({"Queue": queue("here")}))
    body = {} if "TemplateURL" in call else {"TemplateBody": text({"Queue": queue("other")})}
    with pytest.raises(ClientError) as failed:
        stacks.client.create_change_set(**{"StackName": "absent", "ChangeSetName": "c", **body, **call})
    assert message in refusal(failed.value)
    with pytest.raises(ClientError, match="Stack with id absent does not exist"):
        stacks.status("absent")


def test_a_template_on_s3_may_be_larger(stacks: Stacks) -> None:
    s3 = stacks.engine.client("s3")
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="a/t", Body=text({"Queue": queue("large")}, Metadata={"x": "y" * 60_000}))
    stacks.client.create_stack(StackName="large", TemplateURL="https://templates.s3.us-east-1.amazonaws.com/a/t")
    stacks.engine._stacks.wait()
    assert stacks.status("large") == "CREATE_COMPLETE"


def test_an_update_takes_the_previous_template_and_values(stacks: Stacks) -> None:
    parameters = {"Seconds": {"Type": "Number"}, "Name": {"Type": "String"}}
    named = queue(VisibilityTimeout={"Ref": "Seconds"}, QueueName={"Ref": "Name"})
    stacks.create(
        "previous",
        text({"Queue": named}, Parameters=parameters),
        Parameters=[
            {"ParameterKey": "Seconds", "ParameterValue": "1"},
            {"ParameterKey": "Name", "ParameterValue": "previous"},
        ],
    )
    stacks.client.create_change_set(
        StackName="previous",
        ChangeSetName="change",
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": "Seconds", "ParameterValue": "2"},
            {"ParameterKey": "Name", "UsePreviousValue": True},
        ],
    )
    stacks.execute("previous")
    given = {each["ParameterKey"]: each["ParameterValue"] for each in stacks.stack("previous")["Parameters"]}
    assert given == {"Seconds": "2", "Name": "previous"}
    url = stacks.physical("previous")["Queue"]
    attributes = stacks.engine.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert attributes["Attributes"] == {"VisibilityTimeout": "2"}
