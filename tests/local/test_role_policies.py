"""The policies in force for a role, and what a deployment refuses of them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ceap.local.calls import Question
from ceap.local.cloudformation import DeployError
from ceap.local.engine import Engine
from ceap.local.sessions import AccessDenied, Sessions
from tests.local.support import Template, role, template_text

ACTIONS = ("dynamodb:GetItem", "dynamodb:PutItem")


def document(effect: str, action: str, **rest: Any) -> Template:
    return {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": "*", **rest}]}


def managed(effect: str, action: str, **properties: Any) -> Template:
    return {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"PolicyDocument": document(effect, action), **properties},
    }


def inline(effect: str, action: str) -> Template:
    properties = {"PolicyName": "p", "PolicyDocument": document(effect, action), "Roles": [{"Ref": "Role"}]}
    return {"Type": "AWS::IAM::Policy", "Properties": properties}


def role_with(*actions: str, **properties: Any) -> Template:
    """Return a role that may do some actions, with further properties."""
    made = role("lambda", *((action, "*") for action in actions))
    return made | {"Properties": made["Properties"] | properties}


def allowed(engine: Engine, **resources: Template) -> set[str]:
    """Deploy resources, and return which of the actions their role `Role` may do."""
    arn = engine.deploy(template_text(**resources), "stack").of_type("AWS::IAM::Role")["Role"].arn
    sessions = Sessions(engine.account)
    session = sessions.assume(arn, service="lambda", source="arn:aws:lambda:us-east-1:1:function:f")
    return {action for action in ACTIONS if sessions.allows(session, Question(action, "*"))}


REFERENCE = {"ManagedPolicyArns": [{"Ref": "Policy"}]}
BOUNDARY = {"PermissionsBoundary": {"Ref": "Policy"}}


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"Role": role_with("dynamodb:GetItem")}, {"dynamodb:GetItem"}),
        ({"Role": role_with(**REFERENCE), "Policy": managed("Allow", "dynamodb:PutItem")}, {"dynamodb:PutItem"}),
        ({"Role": role_with(*ACTIONS, **REFERENCE), "Policy": managed("Deny", "dynamodb:Put*")}, {"dynamodb:GetItem"}),
        (
            {"Role": role_with(*ACTIONS), "Policy": managed("Deny", "dynamodb:Put*", Roles=[{"Ref": "Role"}])},
            {"dynamodb:GetItem"},
        ),
        ({"Role": role_with(*ACTIONS), "Policy": inline("Deny", "dynamodb:Put*")}, {"dynamodb:GetItem"}),
        ({"Role": role_with(*ACTIONS, **BOUNDARY), "Policy": managed("Allow", "dynamodb:Get*")}, {"dynamodb:GetItem"}),
        ({"Role": role_with(**BOUNDARY), "Policy": managed("Allow", "*")}, set()),
        ({"Role": role_with(*ACTIONS, **BOUNDARY), "Policy": managed("Deny", "dynamodb:Put*")}, set()),
    ],
    ids=["inline", "managed", "managed deny", "managed by role", "policy", "boundary", "boundary alone", "deny alone"],
)
def test_all_policies_of_a_role_count_and_its_boundary_limits_them(
    engine: Engine, resources: dict[str, Template], expected: set[str]
) -> None:
    assert allowed(engine, **resources) == expected


ODD = document("Allow", "s3:GetObject", Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}})
UNKNOWN_KEY = "Statement[0].Condition.IpAddress.aws:SourceIp: the local engine does not model the condition key"
AWS_POLICY = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
ANYBODY = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (
            {"Role": role_with(Policies=[{"PolicyName": "odd", "PolicyDocument": ODD}])},
            f"stack broken: Role, policy odd: {UNKNOWN_KEY}",
        ),
        ({"Policy": managed("Allow", "*", PolicyDocument=ODD)}, f"stack broken: Policy: {UNKNOWN_KEY}"),
        (
            {
                "Role": role_with(),
                "Policy": {
                    "Type": "AWS::IAM::Policy",
                    "Properties": {"PolicyName": "p", "PolicyDocument": ODD, "Roles": [{"Ref": "Role"}]},
                },
            },
            f"stack broken: Policy: {UNKNOWN_KEY}",
        ),
        (
            {"Role": role_with(AssumeRolePolicyDocument=ANYBODY)},
            "stack broken: Role, AssumeRolePolicyDocument: Statement[0].Principal: * stands for everybody",
        ),
        (
            {"Role": role_with(PermissionsBoundary=AWS_POLICY)},
            f"stack broken: Role, PermissionsBoundary: {AWS_POLICY}: the local engine has no such policy; "
            "write what it grants into an AWS::IAM::ManagedPolicy of a template",
        ),
        (
            {"Role": role_with(ManagedPolicyArns=[AWS_POLICY])},
            f"ManagedPolicyArns: {AWS_POLICY}: the local engine has no such policy; "
            "write what it grants into an AWS::IAM::ManagedPolicy of a template",
        ),
    ],
    ids=["inline", "managed", "policy", "trust", "boundary of AWS", "policy of AWS"],
)
def test_a_policy_that_cannot_be_judged_is_refused_with_its_place(
    engine: Engine, resources: dict[str, Template], message: str
) -> None:
    with pytest.raises(DeployError, match=re.escape(message)):
        engine.deploy(template_text(**resources), "broken")


ACCOUNT = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
ARN = {"ArnLike": {"aws:SourceArn": "arn:aws:*:us-east-1:*:*"}}


@pytest.mark.parametrize(
    ("condition", "services"),
    [(ACCOUNT, {"lambda", "pipes", "states"}), (ARN, {"pipes", "states"}), ({}, {"glue", "lambda", "pipes", "states"})],
)
def test_a_service_assumes_a_role_with_the_source_that_it_sends_on_aws(
    engine: Engine, condition: Template, services: set[str]
) -> None:
    known = ["glue", "lambda", "pipes", "states"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": [f"{service}.amazonaws.com" for service in known]},
        "Action": "sts:AssumeRole",
        "Condition": condition,
    }
    trusting = {"Version": "2012-10-17", "Statement": statement}
    stack = engine.deploy(template_text(Role=role_with(AssumeRolePolicyDocument=trusting)), "stack")
    arn, sessions = stack.of_type("AWS::IAM::Role")["Role"].arn, Sessions(engine.account)
    for service in known:
        source = f"arn:aws:{service}:us-east-1:{engine.account}:x"
        if service in services:
            assert sessions.assume(arn, service=service, source=source).role == arn
        else:
            with pytest.raises(AccessDenied, match=f"perform: sts:AssumeRole by {service}.amazonaws.com on resource: "):
                sessions.assume(arn, service=service, source=source)


@pytest.mark.parametrize(
    ("condition", "action", "expected"),
    [
        ({"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}, "s3:GetObject", True),
        ({"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}, "events:PutEvents", False),
        ({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}, "s3:GetObject", True),
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, "s3:GetObject", False),
        ({"StringEquals": {"aws:PrincipalType": "AssumedRole"}}, "s3:GetObject", True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/stack-Role-*"}}, "s3:GetObject", True),
        ({"Bool": {"aws:SecureTransport": "true", "aws:ViaAWSService": "false"}}, "s3:GetObject", True),
        ({"Bool": {"aws:PrincipalIsAWSService": "true"}}, "s3:GetObject", False),
        ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, "s3:GetObject", False),
        ({"DateGreaterThan": {"aws:EpochTime": "1577836800"}}, "s3:GetObject", True),
        ({"StringLike": {"aws:username": "*"}}, "s3:GetObject", False),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:*:*:*:*"}}, "s3:GetObject", False),
        ({"ArnEquals": {"lambda:SourceFunctionArn": "arn:aws:lambda:us-east-1:1:function:f"}}, "s3:GetObject", True),
        ({"ArnEquals": {"lambda:SourceFunctionArn": "arn:aws:lambda:us-east-1:1:function:g"}}, "s3:GetObject", False),
        ({"ArnEquals": {"lambda:SourceFunctionArn": "arn:aws:lambda:us-east-1:1:function:*"}}, "s3:GetObject", True),
        ({"ArnEquals": {"lambda:SourceFunctionArn": "arn:aws:lambda:us-east-1:2:function:*"}}, "s3:GetObject", False),
    ],
)
def test_a_call_of_a_role_has_the_condition_keys_that_aws_gives_it(
    engine: Engine, condition: Template, action: str, expected: bool
) -> None:
    policy = {"PolicyName": "p", "PolicyDocument": document("Allow", action, Condition=condition)}
    stack = engine.deploy(template_text(Role=role_with(Policies=[policy])), "stack")
    sessions = Sessions(engine.account)
    arn = stack.of_type("AWS::IAM::Role")["Role"].arn
    session = sessions.assume(arn, service="lambda", source="arn:aws:lambda:us-east-1:1:function:f")
    assert sessions.allows(session, Question(action, "*"), "eu-west-1") is expected
