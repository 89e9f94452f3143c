"""What exists and what does not, when CloudFormation creates, deletes or imports it; and the names it makes."""

from __future__ import annotations

from typing import Any

import pytest

from ceap.local.stack_models import ResourceError
from ceap.local.stacks.resources import choose_name, create, find
from tests.local.stacks.by_hand import ALARM, TRUST, Resources, table

LONG = "x" * 60


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("AWS::SQS::Queue", {"QueueName": "twice"}),
        ("AWS::SNS::Topic", {"TopicName": "twice"}),
        ("AWS::S3::Bucket", {"BucketName": "twice"}),
        ("AWS::DynamoDB::Table", table("twice")),
        ("AWS::Logs::LogGroup", {"LogGroupName": "twice"}),
        ("AWS::IAM::Role", {"RoleName": "twice", "AssumeRolePolicyDocument": TRUST}),
        ("AWS::CloudWatch::Alarm", {**ALARM, "AlarmName": "twice"}),
        ("AWS::Scheduler::ScheduleGroup", {"Name": "twice"}),
    ],
)
def test_what_exists_already_is_not_created_again(resources: Resources, kind: str, properties: dict[str, Any]) -> None:
    _, given = resources.made(kind, **properties)
    with pytest.raises(
        ResourceError, match=f"^Resource of type '{kind}' with identifier 'twice' already exists.$"
    ) as error:
        create(given)
    assert error.value.code == "AlreadyExists"


def test_a_queue_of_another_owner_is_found_by_its_url(resources: Resources) -> None:
    url = resources.client("sqs").create_queue(QueueName="theirs", Attributes={"VisibilityTimeout": "77"})["QueueUrl"]
    given = resources.given("AWS::SQS::Queue", {"QueueName": "theirs"})
    queue = find(given, {"QueueUrl": url})
    assert queue.get_cfn_attribute("Arn") == resources.arn("sqs", "theirs")
    attributes = resources.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert attributes["Attributes"] == {"VisibilityTimeout": "77"}


def test_buckets_tables_topics_and_log_groups_of_other_owners_are_found(resources: Resources) -> None:
    resources.client("s3").create_bucket(Bucket="their-bucket")
    resources.client("dynamodb").create_table(**table("their-table"))
    arn = resources.client("sns").create_topic(Name="their-topic")["TopicArn"]
    resources.client("logs").create_log_group(logGroupName="their-group")
    wanted = [
        ("AWS::S3::Bucket", "BucketName", "their-bucket"),
        ("AWS::DynamoDB::Table", "TableName", "their-table"),
        ("AWS::SNS::Topic", "TopicArn", arn),
        ("AWS::Logs::LogGroup", "LogGroupName", "their-group"),
    ]
    for kind, key, value in wanted:
        assert find(resources.given(kind, {}), {key: value}).physical_resource_id == value


def test_what_does_not_exist_is_not_found(resources: Resources) -> None:
    with pytest.raises(
        ResourceError, match=r"^Resource of type 'AWS::SQS::Queue' with identifier 'http://x/1/none' was"
    ):
        find(resources.given("AWS::SQS::Queue", {}), {"QueueUrl": "http://x/1/none"})


def test_a_queue_policy_cannot_be_imported(resources: Resources) -> None:
    with pytest.raises(ResourceError, match=r"^ResourceTypes \[AWS::SQS::QueuePolicy\] are not supported for Import$"):
        find(resources.given("AWS::SQS::QueuePolicy", {}), {"Id": "x"})


@pytest.mark.parametrize(
    ("kind", "longest"),
    [("AWS::IAM::Role", 64), ("AWS::Lambda::Function", 64), ("AWS::S3::Bucket", 63), ("AWS::SQS::Queue", 80)],
)
def test_a_name_that_is_made_begins_with_the_stack_and_is_not_too_long(kind: str, longest: int) -> None:
    names = {choose_name(kind, "ceap-realtime-dev", LONG, {}) for _ in range(2)}
    assert len(names) == 2
    assert all(name.startswith("ceap-realtime-dev-") and len(name) <= longest for name in names)
