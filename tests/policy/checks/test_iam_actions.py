from __future__ import annotations

import pytest

from ceap.policy.checks.iam_actions import check
from tests.policy.checks.support import STATEMENT, allow, policy, role, template, told
from tests.policy.samples import KINDS, golden


@pytest.mark.parametrize("action", ["s3:GetObject", "S3:getobject", "s3:Get*", "*", "*:*", ["sqs:*", "s3:?etObject"]])
def test_actions_of_aws_are_fine(action: str) -> None:
    assert [*check(role(allow(action, "*")))] == []


@pytest.mark.parametrize(
    ("action", "cure"),
    [
        ("s3:GetObjetc", "perhaps s3:GetObject"),
        ("s3:Zzz*", "name one of s3's, see the Service Authorization Reference"),
        ("GetObject", "write service:Action, e.g. s3:GetObject"),
        ("s4:GetObject", "write service:Action, e.g. s3:GetObject"),
    ],
)
def test_an_unknown_action_is_found_where_it_stands(action: str, cure: str) -> None:
    [finding] = check(role(allow(["s3:PutObject", action], "*")))
    assert told(finding) == f"AWS has no action {action} | fix: {cure}"
    assert finding.place == f"{STATEMENT}/Action/1"


def test_a_denial_of_all_but_unknown_actions_denies_too_much() -> None:
    statement = {"Effect": "Deny", "NotAction": "s3:GetObjects", "Resource": "*"}
    judged = role(statement)
    assert [judged.written(fault.place) for fault in check(judged)] == [f"{STATEMENT}/NotAction"]


def test_policies_of_resources_and_trusts_are_read_too() -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:Sent", "Resource": "*"}
    judged = template(
        Policy=("AWS::SQS::QueuePolicy", {"Queues": [], "PolicyDocument": policy(statement)}),
        Role=("AWS::IAM::Role", {"AssumeRolePolicyDocument": policy(statement)}),
    )
    assert [judged.written(fault.place) for fault in check(judged)] == [
        "/Resources/Policy/Properties/PolicyDocument/Statement/0/Action",
        "/Resources/Role/Properties/AssumeRolePolicyDocument/Statement/0/Action",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_templates_name_actions_of_aws(kind: str) -> None:
    assert [*check(golden(kind))] == []
