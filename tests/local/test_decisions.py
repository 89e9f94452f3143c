"""IAM decisions: what allows, what denies, and what conditions mean."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceap.local import decisions

BUCKET = "arn:aws:s3:::bucket"


def allow(action: Any = "s3:GetObject", resource: Any = "*", **rest: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **rest}


def when(operator: str, key: str, value: Any) -> dict[str, Any]:
    return allow(Condition={operator: {key: value}})


def is_allowed(*statements: dict[str, Any], resource: str = f"{BUCKET}/key", **context: str) -> bool:
    named = {key.replace("_", ":"): value for key, value in context.items()}
    return decisions.is_allowed(statements, "s3:GetObject", resource, named)


def test_without_a_statement_nothing_is_allowed() -> None:
    assert not is_allowed()


@pytest.mark.parametrize(
    "action", ["s3:GetObject", "s3:Get*", "s3:*", "*", "S3:getobject", "s3:GetObjec?", ["sqs:*", "s3:GetObject"]]
)
def test_an_action_is_matched_with_wildcards_and_in_any_case(action: Any) -> None:
    assert is_allowed(allow(action))


@pytest.mark.parametrize("action", ["s3:GetObjectTagging", "s3:Put*", "s3:GetObject?", "sqs:*", []])
def test_another_action_is_not_matched(action: Any) -> None:
    assert not is_allowed(allow(action))


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        (f"{BUCKET}/executions/*/TakeStage/output.json", f"{BUCKET}/executions/1/TakeStage/output.json", True),
        (f"{BUCKET}/executions/*/TakeStage/output.json", f"{BUCKET}/executions/1/x/TakeStage/output.json", True),
        (f"{BUCKET}/executions/*/TakeStage/output.json", f"{BUCKET}/executions/1/TakeStage/output.json2", False),
        (f"{BUCKET}/executions/*/TakeStage/*", f"{BUCKET}/executions/1/SiftStage/output.json", False),
        (f"{BUCKET}/*", BUCKET, False),
        (BUCKET, f"{BUCKET}/key", False),
        (f"{BUCKET}/KEY", f"{BUCKET}/key", False),
        (f"{BUCKET}/a.c", f"{BUCKET}/abc", False),
    ],
)
def test_a_resource_is_matched_whole_and_in_its_case(pattern: str, resource: str, expected: bool) -> None:
    assert is_allowed(allow(resource=pattern), resource=resource) is expected


def test_a_denial_wins_over_every_allowance() -> None:
    assert not is_allowed(allow(), allow() | {"Effect": "Deny"}, allow("*"))


def test_a_denial_of_something_else_does_not_matter() -> None:
    assert is_allowed(allow(), allow("s3:PutObject") | {"Effect": "Deny"})


def test_not_action_and_not_resource_match_all_others() -> None:
    others = {"Effect": "Allow", "NotAction": "s3:Put*", "NotResource": f"{BUCKET}/secret/*"}
    assert is_allowed(others)
    assert not is_allowed(others, resource=f"{BUCKET}/secret/key")
    assert not is_allowed(others | {"NotAction": "s3:*"})


@pytest.mark.parametrize(
    ("operator", "value", "given", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", "a*", "ab", False),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", "a", "b", True),
        ("StringLike", "executions/*/a", "executions/1/a", True),
        ("StringLike", "executions/*/a", "executions/1/b", False),
        ("StringNotLike", "a*", "b", True),
        ("StringEqualsIgnoreCase", "A", "a", True),
        ("ArnLike", "arn:aws:sqs:*:1:q", "arn:aws:sqs:us-east-1:1:q", True),
        ("ArnEquals", "arn:aws:sqs:us-east-1:1:q", "arn:aws:sqs:us-east-1:1:other", False),
        ("Bool", "true", "true", True),
        ("Bool", "false", "true", False),
        ("Bool", True, "true", True),
        ("StringEqualsIfExists", "a", "b", False),
        ("NumericLessThan", "3", "2", False),
    ],
)
def test_a_condition_is_judged_by_its_operator(operator: str, value: Any, given: str, expected: bool) -> None:
    assert is_allowed(when(operator, "aws:key", value), aws_key=given) is expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [("StringEquals", False), ("StringLike", False), ("StringEqualsIfExists", True), ("StringNotEquals", True)],
)
def test_a_key_that_the_request_lacks_fulfils_only_negations_and_if_exists(operator: str, expected: bool) -> None:
    assert is_allowed(when(operator, "aws:key", "a")) is expected


def test_all_operators_and_all_keys_of_a_condition_must_hold() -> None:
    both = allow(Condition={"StringEquals": {"aws:one": "1"}, "Bool": {"aws:two": "true"}})
    assert is_allowed(both, aws_one="1", aws_two="true")
    assert not is_allowed(both, aws_one="1", aws_two="false")
    assert not is_allowed(both, aws_one="1")


def test_the_keys_of_a_condition_are_read_in_any_case() -> None:
    assert is_allowed(when("StringEquals", "AWS:KEY", "a"), aws_key="a")


def test_an_unknown_operator_never_widens_access() -> None:
    unknown = {"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}
    assert not is_allowed(allow(Condition=unknown))
    assert not is_allowed(allow(), allow(Condition=unknown) | {"Effect": "Deny"})


@given(action=st.sampled_from(["s3:GetObject", "s3:*", "*"]), denied=st.sampled_from(["s3:Get*", "s3:GetObject"]))
def test_no_allowance_outlives_a_denial(action: str, denied: str) -> None:
    assert not is_allowed(allow(action), allow(denied) | {"Effect": "Deny"})


def trust(service: str, **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole", **condition}


def test_a_role_is_assumed_only_by_the_service_and_the_source_it_trusts() -> None:
    source = {"aws:SourceArn": "arn:aws:pipes:us-east-1:1:pipe/mine"}
    only = trust("pipes.amazonaws.com", Condition={"ArnEquals": source})
    assert decisions.may_assume([only], "pipes.amazonaws.com", source)
    assert not decisions.may_assume([only], "states.amazonaws.com", source)
    assert not decisions.may_assume(
        [only], "pipes.amazonaws.com", {"aws:SourceArn": "arn:aws:pipes:us-east-1:1:pipe/other"}
    )


def test_what_is_granted_is_listed_action_by_action() -> None:
    statements = [allow(["s3:GetObject", "s3:PutObject"], [BUCKET, "*"]), allow("*") | {"Effect": "Deny"}]
    expected = {(action, resource) for action in ("s3:GetObject", "s3:PutObject") for resource in (BUCKET, "*")}
    assert expected == decisions.granted(statements)
