from __future__ import annotations

import pytest

from ceap.iam.services import known_actions, load_service, takes

SQS = "arn:aws:sqs:eu-west-1:123456789012:q"
TABLE = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${Table}"
GROUP = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/lambda/${Name}"


def test_a_service_is_known_by_its_prefix_in_any_capitals() -> None:
    assert load_service("S3") is not None
    assert load_service("s4") is None


@pytest.mark.parametrize(
    ("pattern", "count"),
    [("s3:getobject", 1), ("s3:GetObject", 1), ("xray:PutT?l*", 1), ("s3:GetObjects", 0), ("s4:Get", 0), ("s3", 0)],
)
def test_a_pattern_stands_for_the_actions_that_it_matches(pattern: str, count: int) -> None:
    assert len(known_actions(pattern)) == count


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("sqs:SendMessage", SQS),
        ("sqs:*", SQS),
        ("*", "arn:aws:s3:::b"),
        ("sqs:SendMessage", "*"),
        ("sqs:SendMessage", "arn:aws:sqs:*:*:*"),
        ("sqs:SendMessage", "arn:*:*:*:*:*"),
        ("sqs:SendMessage", "${QueueArn}"),
        ("sqs:SendMessage", "arn:aws:sqs:${Region}:${Account}:${Name}"),
        ("s3:ListBucket", "arn:aws:s3:::b"),
        ("s3:GetObject", "arn:aws:s3:::b/k"),
        ("s3:GetObject", "arn:aws:s3:::b*"),
        ("s3:ListAllMyBuckets", "arn:aws:s3:::*"),
        ("s3:GetObject", "arn:aws:s3:eu-west-1:123456789012:accesspoint/a/object/*"),
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:Query", f"{TABLE}/index/*"),
        ("dynamodb:GetItem", "arn:aws:dynamodb:*:*:table/*"),
        ("logs:PutLogEvents", f"{GROUP}:*"),
        ("logs:PutLogEvents", f"{GROUP}:log-stream:x"),
        ("logs:CreateLogGroup", GROUP),
        ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:123456789012:function:f:live"),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/*"),
        ("xray:PutTraceSegments", "*"),
        ("states:SendTaskSuccess", "arn:aws:states:eu-west-1:123456789012:stateMachine:m"),
        ("sqs:SendMessage", "{{resolve:ssm:/queue/arn:1}}"),
        ("sqs:SendMessage", "arn:aws:sqs:{{resolve:ssm:/region:1}}:123456789012:q"),
    ],
)
def test_an_action_takes_the_resources_of_its_types(action: str, arn: str) -> None:
    assert takes(action, arn)


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("sqs:SendMessages", SQS),
        ("sqs:SendMessages", "*"),
        ("sqs:SendMessage", "arn:aws:sns:eu-west-1:123456789012:q"),
        ("sqs:SendMessage", "arn:aws:sqs:::q"),
        ("sqs:SendMessage", "q"),
        ("sqs:*", "arn:aws:s3:::b"),
        ("s3:ListBucket", "arn:aws:s3:::b/*"),
        ("s3:GetObject", "arn:aws:s3:::b"),
        ("s3:GetObject", "arn:aws:s3:eu-west-1:123456789012:b/k"),
        ("s3:GetObject", "arn:aws:s3:${AWS::Region}::b/k"),
        ("dynamodb:GetItem", f"{TABLE}/index/*"),
        ("dynamodb:GetItem", TABLE.replace("table/", "")),
        ("logs:PutLogEvents", GROUP),
        ("glue:StartJobRun", "arn:aws:glue:eu-west-1:123456789012:crawler/c"),
        ("iam:PassRole", "arn:aws:iam::123456789012:user/u"),
        ("xray:PutTraceSegments", SQS),
    ],
)
def test_an_action_takes_no_other_resources(action: str, arn: str) -> None:
    assert not takes(action, arn)
