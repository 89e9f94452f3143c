from __future__ import annotations

from typing import Any

import pytest

from ceap.policy.checks.iam_nobody_else import check
from tests.policy.checks.support import allow, policy, template, told

OURS = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
THEIRS = {"Fn::Sub": "arn:${AWS::Partition}:iam::123456789012:root"}


def found(principal: Any, **more: Any) -> list[tuple[str, str]]:
    document = policy(allow("kms:Decrypt", "*", Principal=principal, **more))
    judged = template(Key=("AWS::KMS::Key", {"KeyPolicy": document}))
    place = "/Resources/Key/Properties/KeyPolicy/Statement/0/"
    return [(each.place.removeprefix(place), told(each)) for each in check(judged)]


def letting_in(who: str) -> str:
    return f"{who} may use the resource | fix: Principal with !Sub and ${{AWS::AccountId}}, or a waiver"


@pytest.mark.parametrize(
    ("principal", "place", "who"),
    [
        ("*", "Principal", "any principal"),
        ({"AWS": "*"}, "Principal/AWS", "any principal"),
        ({"AWS": "123456789012"}, "Principal/AWS", "another account"),
        ({"AWS": [OURS, THEIRS]}, "Principal/AWS/1", "another account"),
        ({"AWS": {"Fn::Join": [":", ["arn:aws:iam:", "123456789012", "root"]]}}, "Principal/AWS", "another account"),
    ],
)
def test_anybody_and_a_fixed_account_are_found(principal: Any, place: str, who: str) -> None:
    assert found(principal) == [(place, letting_in(who))]


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": OURS},
        {"AWS": {"Ref": "AWS::AccountId"}},
        {"AWS": {"Ref": "Partner"}},
        {"Service": "s3.amazonaws.com"},
        5,
    ],
)
def test_this_account_a_service_and_what_is_known_only_when_deployed_are_fine(principal: Any) -> None:
    assert found(principal) == []


def test_a_condition_may_say_who_anybody_is_but_not_who_an_account_is() -> None:
    condition = {"StringEquals": {"kms:CallerAccount": {"Ref": "AWS::AccountId"}}}
    assert found("*", Condition=condition) == []
    assert found({"AWS": THEIRS}, Condition=condition) == [("Principal/AWS", letting_in("another account"))]


def test_all_but_some_are_anybody() -> None:
    assert found(None, NotPrincipal={"AWS": OURS}) == [("NotPrincipal", letting_in("any principal"))]


def test_a_denial_lets_nobody_in() -> None:
    assert found("*", Effect="Deny") == []


def test_policies_that_guard_reads_and_trust_are_left_to_it() -> None:
    document = policy(allow("sqs:SendMessage", "*", Principal="*"))
    judged = template(
        Policy=("AWS::SQS::QueuePolicy", {"PolicyDocument": document}),
        Role=("AWS::IAM::Role", {"AssumeRolePolicyDocument": document}),
    )
    assert [*check(judged)] == []
