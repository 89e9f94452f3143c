from __future__ import annotations

from typing import Any

import pytest

from ceap.policy.checks.iam_conditions import check
from tests.policy.checks.support import STATEMENT, allow, role, told
from tests.policy.samples import KINDS, golden


def found(condition: Any) -> list[tuple[str, str]]:
    findings = check(role(allow("s3:GetObject", "*", Condition=condition)))
    place = f"{STATEMENT}/Condition/"
    return [(each.place.removeprefix(place), told(each)) for each in findings]


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("StringEquals", "aws:SourceAccount", {"Ref": "AWS::AccountId"}),
        ("StringEquals", "AWS:sourceaccount", "1"),
        ("StringEquals", "aws:PrincipalTag/team", "a"),
        ("StringLike", "s3:prefix", "executions/*"),
        ("ArnEquals", "aws:SourceArn", {"Fn::Sub": "arn:aws:s3:::${Bucket}*"}),
        ("StringEquals", "token.actions.githubusercontent.com:aud", "sts.amazonaws.com"),
        ("StringEquals", "saml:aud", "https://signin.aws.amazon.com/saml"),
        ("StringEquals", "lambda:SourceFunctionArn", "x"),
        ("StringEquals", "aws:username", "${*}"),
        ("Bool", "aws:SecureTransport", False),
        ("StringEquals", "aws:SourceAccount", {"Fn::If": ["C", "1", "2"]}),
    ],
)
def test_conditions_that_can_match_are_fine(operator: str, key: str, value: Any) -> None:
    assert found({operator: {key: value}}) == []


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("aws:SourceAcount", "aws:SourceAcount is not a global condition key | fix: perhaps aws:sourceaccount"),
        ("aws:Zzzzzz", "aws:Zzzzzz is not a global condition key | fix: one of those in the IAM User Guide"),
        ("aws:", "aws: is not a global condition key | fix: one of those in the IAM User Guide"),
        (
            "SourceArn",
            "SourceArn is not a condition key, so the condition never matches | fix: service:Key, e.g. aws:SourceArn",
        ),
        (
            "s4:prefix",
            "s4:prefix is not a condition key, so the condition never matches | fix: service:Key, e.g. aws:SourceArn",
        ),
    ],
)
def test_a_key_that_no_request_has_is_found(key: str, message: str) -> None:
    assert found({"StringLike": {key: "a"}}) == [(f"StringLike/{key}", message)]


@pytest.mark.parametrize(
    ("operator", "cure"),
    [
        ("StringEquals", "StringLike"),
        ("StringNotEquals", "StringNotLike"),
        ("ForAllValues:StringEqualsIfExists", "ForAllValues:StringLikeIfExists"),
        ("StringEqualsIgnoreCase", "StringLike"),
    ],
)
def test_a_pattern_under_an_operator_that_takes_it_by_the_letter_is_found(operator: str, cure: str) -> None:
    assert found({operator: {"s3:prefix": ["a", "b/*"]}}) == [
        (f"{operator}/s3:prefix/1", f"{operator} compares b/* literally, wildcards too | fix: {cure}")
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_conditions_of_the_committed_templates_can_match(kind: str) -> None:
    assert [*check(golden(kind))] == []
