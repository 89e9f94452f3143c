"""Policies that AWS refuses or the engine does not model are refused, with the place and the cure."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ceap.local.conditions import KEYS
from ceap.local.patterns import PolicyError
from ceap.local.policies import read_policy, read_trust

ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}


def when(operator: str, values: Any) -> dict[str, Any]:
    return ALLOW | {"Condition": {operator: values}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Sid": 1}, "Statement[0].Sid: must be a text"),
        ({"Effect": "allow"}, "Statement[0].Effect: is 'allow'; write Allow or Deny"),
        (
            {"Resources": "*"},
            "Statement[0]: Resources may not stand here; allowed: "
            "Action, Condition, Effect, NotAction, NotResource, Resource, Sid",
        ),
        (
            {"Principal": "*"},
            "Statement[0]: Principal may not stand here; allowed: "
            "Action, Condition, Effect, NotAction, NotResource, Resource, Sid",
        ),
        ({"NotAction": "s3:*"}, "Statement[0]: needs either Action or NotAction"),
        ({"NotResource": "*"}, "Statement[0]: needs either Resource or NotResource"),
        ({"Action": []}, "Statement[0].Action: must be a text or a list of texts"),
        ({"Action": ["s3:GetObject", 1]}, "Statement[0].Action: must be a text or a list of texts"),
        ({"Action": {"Ref": "x"}}, "Statement[0].Action: must be a text or a list of texts"),
        ({"Action": "GetObject"}, "Statement[0].Action: 'GetObject' must be as s3:GetObject, or *"),
        ({"Resource": 7}, "Statement[0].Resource: must be a text or a list of texts"),
        (
            {"Resource": "bucket/*"},
            "Statement[0].Resource: 'bucket/*' is not an ARN; write arn:aws:s3:::bucket/*, or *",
        ),
        (
            {"Resource": "arn:aws:s3*"},
            "Statement[0].Resource: 'arn:aws:s3*' is not an ARN; write arn:aws:s3:::bucket/*, or *",
        ),
        (
            {"Resource": "arn:aws:s?:::b"},
            "Statement[0].Resource: 'arn:aws:s?:::b' has a wildcard for the service; write its name, as s3",
        ),
        (
            {"Resource": "arn:aws:sqs:us-east-1:${aws:PrincipalAccount}:q"},
            "Statement[0].Resource: 'arn:aws:sqs:us-east-1:${aws:PrincipalAccount}:q' has a variable before the fifth "
            "colon; write that part of the ARN",
        ),
        (
            {"Resource": "arn:aws:s3:::b/${aws:username"},
            "Statement[0].Resource: 'arn:aws:s3:::b/${aws:username' has a ${ without an end",
        ),
        (
            {"Resource": "arn:aws:s3:::b/${Bucket}"},
            "Statement[0].Resource: ${Bucket} is not a policy variable; write ${aws:PrincipalAccount} or "
            "${aws:PrincipalAccount, 'default'}; for a CloudFormation value use Sub",
        ),
        ({"Condition": ["x"]}, "Statement[0].Condition: must be an object of operators"),
        ({"Condition": {"Bool": "x"}}, "Statement[0].Condition.Bool: must be an object of condition keys"),
        (
            {"Condition": {"Bool": {"aws:SecureTransport": "yes"}}},
            "Statement[0].Condition.Bool.aws:SecureTransport: the value 'yes' must be true or false",
        ),
        (
            {"Condition": {"StringEquals": {"s3:prefix": []}}},
            "Statement[0].Condition.StringEquals.s3:prefix: has no value",
        ),
        (
            {"Condition": {"StringEquals": {"s3:prefix": 1.5}}},
            "Statement[0].Condition.StringEquals.s3:prefix: the value 1.5 must be a text, a whole number, "
            "true or false",
        ),
        (
            {"Condition": {"Null": {"s3:prefix": ["true", "false"]}}},
            "Statement[0].Condition.Null.s3:prefix: Null takes one value: true or false",
        ),
        (
            {"Condition": {"ArnLike": {"aws:PrincipalArn": "*"}}},
            "Statement[0].Condition.ArnLike.aws:PrincipalArn: '*' is not an ARN: it needs six parts, "
            "as arn:aws:sqs:*:*:*",
        ),
        (
            {"Condition": {"Bool": {"s3:prefix": "true"}}},
            "Statement[0].Condition.Bool.s3:prefix: Bool does not compare s3:prefix, whose values are of type text; "
            "use StringEquals, StringNotEquals, StringEqualsIgnoreCase, StringNotEqualsIgnoreCase, StringLike, "
            "StringNotLike",
        ),
        (
            {"Condition": {"DateLessThan": {"aws:CurrentTime": "2026-01-01"}}},
            "Statement[0].Condition.DateLessThan.aws:CurrentTime: '2026-01-01' is not a time; "
            "write 2026-01-31T00:00:00Z or seconds since 1970",
        ),
        (
            {"Condition": {"DateLessThan": {"aws:CurrentTime": "2026-02-30T00:00:00Z"}}},
            "Statement[0].Condition.DateLessThan.aws:CurrentTime: '2026-02-30T00:00:00Z' is not a time: "
            "day is out of range for month",
        ),
        (
            {"Condition": {"DateLessThan": {"aws:CurrentTime": "${aws:CurrentTime}"}}},
            "Statement[0].Condition.DateLessThan.aws:CurrentTime: '${aws:CurrentTime}' is not a time; "
            "write 2026-01-31T00:00:00Z or seconds since 1970",
        ),
    ],
)
def test_a_statement_that_aws_refuses_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError, match=f"^{re.escape(message)}$"):
        read_policy(json.dumps({"Version": "2012-10-17", "Statement": [ALLOW | changes]}))


@pytest.mark.parametrize(
    "operator",
    [
        "NumericLessThan",
        "IpAddress",
        "NotIpAddress",
        "BinaryEquals",
        "ForAllValues:StringEquals",
        "ForAnyValue:StringLike",
        "NullIfExists",
        "StringMatches",
    ],
)
def test_an_operator_that_is_not_modelled_is_refused(operator: str) -> None:
    message = f"Condition.{operator}.s3:prefix: the local engine does not model the operator {operator}; known: Str"
    with pytest.raises(PolicyError, match=re.escape(message)):
        read_policy(json.dumps({"Statement": when(operator, {"s3:prefix": "a"})}))


@pytest.mark.parametrize(
    "key",
    ["aws:SourceIp", "aws:PrincipalTag/team", "aws:TagKeys", "dynamodb:LeadingKeys", "s3:x-amz-acl", "s3:max-keys"],
)
def test_a_key_that_is_not_modelled_is_refused(key: str) -> None:
    message = f"Condition.StringNotEquals.{key}: the local engine does not model the condition key {key}; known: aws:C"
    with pytest.raises(PolicyError, match=re.escape(message)):
        read_policy(json.dumps({"Statement": when("StringNotEquals", {key: "a"})}))


@pytest.mark.parametrize("variable", ["aws:PrincipalTag/team", "aws:SourceIp", "aws:userid", "aws:PrincipalTag/a, 'b'"])
def test_a_variable_that_is_not_modelled_is_refused(variable: str) -> None:
    resource = ALLOW | {"Resource": f"arn:aws:s3:::b/${{{variable}}}"}
    condition = when("StringLike", {"s3:prefix": f"${{{variable}}}/*"})
    for statement in (resource, condition):
        message = f"the local engine does not model the variable ${{{variable}}}; known: aws:CurrentTime"
        with pytest.raises(PolicyError, match=re.escape(message)):
            read_policy(json.dumps({"Version": "2012-10-17", "Statement": statement}))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "policy document: must be an object"),
        ({"Statement": []}, "Statement: must be a statement or a list of them"),
        ({"Statement": ["x"]}, "Statement: must be a statement or a list of them"),
        ({}, "Statement: must be a statement or a list of them"),
        ({"Version": "2026-01-01", "Statement": ALLOW}, "Version: '2026-01-01' is unknown; write 2012-10-17"),
        (
            {"Statement": ALLOW, "Statements": []},
            "policy document: Statements may not stand here; allowed: Id, Statement, Version",
        ),
    ],
)
def test_a_document_that_aws_refuses_is_refused(document: Any, message: str) -> None:
    with pytest.raises(PolicyError, match=f"^{re.escape(message)}$"):
        read_policy(json.dumps(document))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"Principal": "*"},
            "Statement[0].Principal: * stands for everybody; name the service, as lambda.amazonaws.com",
        ),
        (
            {"Principal": {"AWS": "*"}},
            "Statement[0].Principal: * stands for everybody; name the service, as lambda.amazonaws.com",
        ),
        (
            {"Principal": {"Service": "*.amazonaws.com"}},
            "Statement[0].Principal: '*.amazonaws.com' has a wildcard; write the whole name",
        ),
        ({"Principal": {}}, 'Statement[0].Principal: must be as {"Service": "lambda.amazonaws.com"}'),
        (
            {"Principal": {"Services": "x"}},
            "Statement[0].Principal: Services may not stand here; allowed: AWS, CanonicalUser, Federated, Service",
        ),
        ({"Principal": {"Service": 1}}, "Statement[0].Principal.Service: must be a text or a list of texts"),
        (
            {"NotPrincipal": {"AWS": "1"}},
            "Statement[0]: NotPrincipal may not stand here; allowed: "
            "Action, Condition, Effect, NotAction, Principal, Sid",
        ),
        (
            {"Resource": "*"},
            "Statement[0]: Resource may not stand here; allowed: Action, Condition, Effect, NotAction, Principal, Sid",
        ),
        (
            {"Condition": {"StringEquals": {"sts:RoleSessionName": "x"}}},
            "Statement[0].Condition.StringEquals.sts:RoleSessionName: the local engine does not model the condition "
            "key sts:RoleSessionName; known: aws:SourceAccount, aws:SourceArn, aws:PrincipalArn, sts:ExternalId, "
            "token.actions.githubusercontent.com:aud, token.actions.githubusercontent.com:sub",
        ),
    ],
)
def test_a_trust_policy_that_aws_refuses_or_opens_to_all_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError, match=f"^{re.escape(message)}$"):
        read_trust(json.dumps({"Version": "2012-10-17", "Statement": [TRUST | changes]}))


def test_a_text_that_is_not_json_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"^policy document: is not JSON: Expecting value"):
        read_policy("Version: 2012-10-17")


def test_the_reference_names_the_keys_that_are_modelled() -> None:
    page = Path(__file__).parents[2] / "docs/reference/run.md"
    _, _, section = page.read_text(encoding="utf-8").partition("### IAM")
    keys = section.partition("- the keys ")[2].partition("In trust policies")[0]
    assert set(re.findall(r"`([\w:-]+)`", keys)) == set(KEYS)
