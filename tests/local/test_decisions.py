"""IAM decisions: what allows, what denies, and who may assume a role."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ceap.local import decisions
from ceap.local.policies import read_policy, read_trust

BUCKET = "arn:aws:s3:::bucket"
CASES = [
    case
    for file in sorted(Path(__file__).with_name("decision_cases").glob("*.yaml"))
    for case in yaml.safe_load(file.read_text(encoding="utf-8"))
]


def document(*statements: dict[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": statements})


def allow(action: Any = "s3:GetObject", resource: Any = "*", **rest: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **rest}


def deny(action: Any = "s3:GetObject", resource: Any = "*", **rest: Any) -> dict[str, Any]:
    return allow(action, resource, **rest) | {"Effect": "Deny"}


def is_allowed(*statements: dict[str, Any], resource: str = f"{BUCKET}/key", **context: str) -> bool:
    named = {key.replace("_", ":"): value for key, value in context.items()}
    return decisions.is_allowed(read_policy(document(*statements)), "s3:GetObject", resource, named)


def cases() -> list[Any]:
    return [
        pytest.param(case, *request, id=f"{case['title']}: {request[1]}")
        for case in CASES
        for request in case["requests"]
    ]


@pytest.mark.parametrize(("case", "action", "resource", "context", "expected"), cases())
def test_a_decision_is_the_one_that_aws_documents(
    case: dict[str, Any], action: str, resource: str, context: dict[str, str], expected: bool
) -> None:
    policy = read_policy(document(*case["statements"], version=case.get("version", "2012-10-17")))
    assert decisions.is_allowed(policy, action, resource, context) is expected, case["source"]


def test_without_a_statement_nothing_is_allowed() -> None:
    assert not decisions.is_allowed((), "s3:GetObject", "*", {})


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        (f"{BUCKET}/executions/*/TakeStage/output.json", f"{BUCKET}/executions/1/TakeStage/output.json", True),
        (f"{BUCKET}/executions/*/TakeStage/output.json", f"{BUCKET}/executions/1/TakeStage/output.json2", False),
        (f"{BUCKET}/executions/*/TakeStage/*", f"{BUCKET}/executions/1/SiftStage/output.json", False),
        (f"{BUCKET}/a.c", f"{BUCKET}/abc", False),
        ("arn:aws:logs:*:*:log-group:*", "arn:aws:logs:us-east-1:1:log-group:g:log-stream:s", True),
        (f"{BUCKET}/?", f"{BUCKET}/:", True),
    ],
)
def test_a_resource_is_matched_whole(pattern: str, resource: str, expected: bool) -> None:
    assert is_allowed(allow(resource=pattern), resource=resource) is expected


def test_where_the_guide_is_undecided_a_wildcard_goes_beyond_a_part_of_an_arn_only_to_deny() -> None:
    pattern, resource = "arn:aws:sqs:*:1:q", "arn:aws:sqs:us-east-1:2:q:1:q"
    assert not is_allowed(allow(resource=pattern), resource=resource)
    assert not is_allowed(allow(), deny(resource=pattern), resource=resource)
    others = {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": pattern}
    assert not is_allowed(others, resource=resource)
    assert not is_allowed(allow(), others | {"Effect": "Deny"}, resource=resource)


def test_a_call_about_all_resources_is_denied_by_a_denial_of_one() -> None:
    assert is_allowed(allow(), resource="*")
    assert not is_allowed(allow(resource=f"{BUCKET}/*"), resource="*")
    assert not is_allowed(allow(), deny(resource=f"{BUCKET}/*"), resource="*")


def test_a_variable_without_a_value_widens_no_access() -> None:
    mine = f"{BUCKET}/${{aws:username}}"
    others = {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": mine}
    unequal = {"StringNotEquals": {"s3:prefix": "${aws:username}"}}
    equal = {"StringEquals": {"s3:prefix": "${aws:username}"}}
    assert not is_allowed(others)
    assert not is_allowed(allow(Condition=unequal), s3_prefix="a")
    assert not is_allowed(allow(), deny(resource=mine))
    assert not is_allowed(allow(), others | {"Effect": "Deny"})
    assert not is_allowed(allow(), deny(Condition=equal), s3_prefix="a")


def test_an_alternative_without_a_variable_is_decided_by_itself() -> None:
    either = {"StringEquals": {"s3:prefix": ["${aws:username}", "a"]}}
    neither = {"StringNotEquals": {"s3:prefix": ["${aws:username}", "a"]}}
    assert is_allowed(allow(Condition=either), s3_prefix="a")
    assert is_allowed(allow(), deny(Condition=neither), s3_prefix="a")
    assert is_allowed(allow(resource=[f"{BUCKET}/${{aws:username}}", f"{BUCKET}/*"]))


def test_the_value_of_a_variable_is_no_pattern() -> None:
    mine = f"{BUCKET}/${{aws:username}}/*"
    assert is_allowed(allow(resource=mine), resource=f"{BUCKET}/a*?\\/key", aws_username="a*?\\")
    assert not is_allowed(allow(resource=mine), resource=f"{BUCKET}/abc/key", aws_username="a*")


def test_an_empty_value_fulfils_null_only_to_deny() -> None:
    for truth in ("true", "false"):
        condition = {"Null": {"s3:prefix": truth}}
        assert not is_allowed(allow(Condition=condition), s3_prefix="")
        assert not is_allowed(allow(), deny(Condition=condition), s3_prefix="")


def test_a_backslash_is_an_ordinary_character() -> None:
    assert is_allowed(allow(resource=f"{BUCKET}/a\\*"), resource=f"{BUCKET}/a\\b")
    assert not is_allowed(allow(resource=f"{BUCKET}/a\\*"), resource=f"{BUCKET}/a*")


@given(action=st.sampled_from(["s3:GetObject", "s3:*", "*"]), denied=st.sampled_from(["s3:Get*", "s3:GetObject"]))
def test_no_allowance_outlives_a_denial(action: str, denied: str) -> None:
    assert not is_allowed(allow(action), deny(denied))


SOURCE = {"aws:sourcearn": "arn:aws:pipes:us-east-1:1:pipe/mine", "aws:sourceaccount": "1"}


def trust(service: str, **rest: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole", **rest}


def may_assume(*statements: dict[str, Any], service: str = "pipes", **context: str) -> bool:
    given = SOURCE | {key.replace("_", ":"): value for key, value in context.items()}
    return decisions.may_assume(read_trust(document(*statements)), f"{service}.amazonaws.com", given)


def test_a_role_is_assumed_only_by_the_service_and_the_source_it_trusts() -> None:
    condition = {"ArnEquals": {"aws:SourceArn": SOURCE["aws:sourcearn"]}}
    only = trust("pipes.amazonaws.com", Condition=condition)
    assert may_assume(only)
    assert not may_assume(only, service="states")
    assert not may_assume(only, aws_sourcearn="arn:aws:pipes:us-east-1:1:pipe/other")
    assert may_assume(trust("glue.amazonaws.com"), only)
    assert not may_assume(only | {"Action": "sts:TagSession"})


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        {"AWS": "*"},
        {"Service": "*"},
        {"Service": ["glue.amazonaws.com", "pipes.amazonaws.com"]},
        {"AWS": ["1", "*"]},
    ],
)
def test_a_denial_of_everybody_counts_for_a_service(principal: Any) -> None:
    denied = {"Effect": "Deny", "Principal": principal, "Action": "sts:AssumeRole"}
    assert not may_assume(trust("pipes.amazonaws.com"), denied)
    another = denied | {"Condition": {"StringNotEquals": {"aws:SourceAccount": "1"}}}
    assert may_assume(trust("pipes.amazonaws.com"), another)
    assert not may_assume(trust("pipes.amazonaws.com"), another, aws_sourceaccount="2")


@pytest.mark.parametrize("principal", [{"AWS": "111122223333"}, {"Service": "states.amazonaws.com"}])
def test_a_denial_of_others_does_not_count(principal: Any) -> None:
    denied = {"Effect": "Deny", "Principal": principal, "Action": "sts:*"}
    assert may_assume(trust("pipes.amazonaws.com"), denied)


def test_a_trusted_account_is_no_service() -> None:
    assert not may_assume({"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"})


def test_what_is_granted_is_listed_action_by_action() -> None:
    policy = document(allow(["s3:GetObject", "s3:PutObject"], [f"{BUCKET}/*", "*"]), deny("*"))
    expected = {(action, resource) for action in ("s3:GetObject", "s3:PutObject") for resource in (f"{BUCKET}/*", "*")}
    assert expected == decisions.granted(read_policy(policy))
