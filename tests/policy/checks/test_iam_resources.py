from __future__ import annotations

from typing import Any

import pytest

from ceap.cfn.template import Template
from ceap.policy.checks.iam_resources import check
from tests.policy.checks.support import STATEMENT, allow, policy, role, template, told
from tests.policy.samples import KINDS, golden

BUCKET, QUEUE = {"Fn::GetAtt": ["Bucket", "Arn"]}, {"Fn::GetAtt": ["Queue", "Arn"]}
OBJECTS = {"Fn::Sub": "${Bucket.Arn}/*"}


def found(judged: Template) -> list[tuple[str, str]]:
    return [(judged.written(each.place).removeprefix(STATEMENT), told(each)) for each in check(judged)]


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", OBJECTS),
        (["s3:ListBucket", "s3:GetObject"], [BUCKET, OBJECTS]),
        ("s3:GetObject", [BUCKET, OBJECTS]),
        ("s3:*", [BUCKET, OBJECTS]),
        ("*", QUEUE),
        (["sqs:SendMessage", "s3:ListBucket"], [QUEUE, BUCKET]),
        ("sqs:SendMessage", {"Ref": "QueueArn"}),
        ("sqs:SendMessage", {"Fn::ImportValue": "queue"}),
        ("sqs:SendMessage", "{{resolve:ssm:queue}}"),
        ("sqs:SendMessage", {"Fn::If": ["C", QUEUE, {"Ref": "AWS::NoValue"}]}),
        ("cloudwatch:PutMetricData", "*"),
        ("execute-api:Invoke", "execute-api:/*"),
        ("s3:GetObjects", QUEUE),
        ({"Ref": "Action"}, QUEUE),
    ],
)
def test_actions_on_what_they_take_are_fine(action: Any, resource: Any) -> None:
    assert found(role(allow(action, resource))) == []


@pytest.mark.parametrize(
    ("action", "resource", "path", "message"),
    [
        (
            "s3:GetObject",
            BUCKET,
            "/Action",
            "s3:GetObject does nothing on arn:${AWS::Partition}:s3:::${Bucket} "
            "| fix: grant it on a resource of the kind accesspointobject or object",
        ),
        (
            ["s3:PutObject", "s3:ListBucket"],
            [OBJECTS],
            "/Action/1",
            "s3:ListBucket does nothing on arn:${AWS::Partition}:s3:::${Bucket}/* "
            "| fix: grant it on a resource of the kind accesspoint or bucket",
        ),
        (
            "xray:PutTraceSegments",
            "arn:aws:sqs:eu-west-1:1:q",
            "/Action",
            'xray:PutTraceSegments does nothing on arn:aws:sqs:eu-west-1:1:q | fix: grant it on "*"',
        ),
        (
            "sqs:SendMessage",
            ["arn:aws:sqs:eu-west-1:1:q", "arn:aws:sns:eu-west-1:1:t"],
            "/Resource/1",
            "no action of the statement applies to arn:aws:sns:eu-west-1:1:t | fix: remove it",
        ),
        ("s3:ListBucket", {"Ref": "Bucket"}, "/Resource", "${Bucket} is not an ARN | fix: !GetAtt or !Sub of the ARN"),
        ("s3:ListBucket", [BUCKET, "b"], "/Resource/1", "b is not an ARN | fix: !GetAtt or !Sub of the ARN"),
        (
            "sqs:SendMessage",
            {"Fn::If": ["C", {"Ref": "Queue"}, "*"]},
            "/Resource/Fn::If/1",
            "https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}/${Queue} is not an ARN "
            "| fix: !GetAtt or !Sub of the ARN",
        ),
    ],
)
def test_an_action_on_what_it_does_not_take_is_found(action: Any, resource: Any, path: str, message: str) -> None:
    assert found(role(allow(action, resource))) == [(path, message)]


@pytest.mark.parametrize(
    ("action", "cure"),
    [("sts:AssumeRole", []), ("sts:*", []), ("sts:GetCallerIdentity", ["/Action"]), ("s3:GetObject", ["/Action"])],
)
def test_the_resource_of_a_trust_is_the_role(action: str, cure: list[str]) -> None:
    trust = policy({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": action})
    judged = template(Role=("AWS::IAM::Role", {"AssumeRolePolicyDocument": trust}))
    place = "/Resources/Role/Properties/AssumeRolePolicyDocument/Statement/0"
    assert found(judged) == [
        (f"{place}{path}", f"{action} does not assume a role | fix: sts:AssumeRole") for path in cure
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_templates_grant_actions_on_what_they_take(kind: str) -> None:
    assert [*check(golden(kind))] == []
