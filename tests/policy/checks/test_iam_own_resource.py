from __future__ import annotations

from typing import Any

import pytest

from ceap.policy.checks.iam_own_resource import check
from tests.policy.checks.support import allow, policy, template, told
from tests.policy.samples import KINDS, golden

BUCKETS = {"Own": ("AWS::S3::Bucket", {"BucketName": "own"}), "Other": ("AWS::S3::Bucket", {})}
TOPIC: tuple[str, Any] = ("AWS::SNS::Topic", {})
QUEUE: tuple[str, Any] = ("AWS::SQS::Queue", {})


def found(resource: Any, bucket: Any = None) -> list[tuple[str, str]]:
    attached = {"Bucket": bucket or {"Ref": "Own"}, "PolicyDocument": policy(allow("s3:*", resource))}
    findings = check(template(**BUCKETS, Policy=("AWS::S3::BucketPolicy", attached)))
    place = "/Resources/Policy/Properties/PolicyDocument/Statement/0/"
    return [(each.place.removeprefix(place), told(each)) for each in findings]


@pytest.mark.parametrize(
    "resource",
    [
        {"Fn::GetAtt": ["Own", "Arn"]},
        [{"Fn::GetAtt": ["Own", "Arn"]}, {"Fn::Join": ["", [{"Fn::GetAtt": ["Own", "Arn"]}, "/*"]]}],
        {"Fn::Sub": "arn:aws:s3:::${Own}/executions/*"},
        "arn:aws:s3:::own",
        "arn:aws:s3:::o*",
        {"Ref": "SomeArn"},
    ],
)
def test_a_policy_of_the_bucket_itself_is_fine(resource: Any) -> None:
    assert found(resource) == []


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        ({"Fn::GetAtt": ["Other", "Arn"]}, "${Other}"),
        ({"Fn::Sub": "arn:aws:s3:::${Other}/*"}, "${Other}/*"),
        ("arn:aws:s3:::owner", "owner"),
    ],
)
def test_a_policy_that_speaks_of_another_bucket_is_found(resource: Any, said: str) -> None:
    assert found([resource]) == [("Resource/0", f"the policy of own names {said} | fix: name the resource itself")]


def test_a_policy_of_a_bucket_of_another_stack_is_not_judged() -> None:
    assert found("arn:aws:s3:::x", {"Fn::ImportValue": "bucket"}) == []


@pytest.mark.parametrize(
    ("kind", "attached", "count"),
    [
        ("AWS::SQS::QueuePolicy", {"Queues": [{"Ref": "Queue"}]}, 1),
        ("AWS::SQS::QueuePolicy", {"Queues": [{"Ref": "Queue"}, {"Ref": "More"}]}, 0),
        ("AWS::SQS::QueuePolicy", {"Queues": [{"Ref": "Queue"}, "https://sqs"]}, 0),
        ("AWS::SNS::TopicPolicy", {"Topics": [{"Ref": "Topic"}]}, 1),
        ("AWS::IAM::ManagedPolicy", {}, 0),
    ],
)
def test_queues_and_topics_are_judged_alike(kind: str, attached: Any, count: int) -> None:
    document = policy(allow("sqs:*", {"Fn::GetAtt": ["More", "Arn"]}))
    judged = template(Queue=QUEUE, More=QUEUE, Topic=TOPIC, Policy=(kind, attached | {"PolicyDocument": document}))
    assert len([*check(judged)]) == count


@pytest.mark.parametrize("kind", KINDS)
def test_the_policies_of_the_committed_templates_speak_of_their_own(kind: str) -> None:
    assert [*check(golden(kind))] == []
