from __future__ import annotations

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, arn, of, put, sub, without
from tests.policy.wiring_mutants import idle, trust

RULE = "WIRE01_OWN_ROLE"
IDLE = "no resource of the template uses the role | fix: set it as the Role of its resource, or remove it"


def test_a_shared_role_is_found_and_the_one_that_nobody_has_then() -> None:
    message = "TakeFunctionRole is also the role of TakeFunction | fix: give it a role of its own"
    assert said(RULE, "express", of("SiftFunction", "Role", arn("TakeFunctionRole"))) == [
        (message, "/Resources/SiftFunction/Properties/Role"),
        (IDLE, "/Resources/SiftFunctionRole"),
    ]


@pytest.mark.parametrize("value", [arn("Queue"), {"Ref": "SiftFunctionRole"}])
def test_a_role_that_is_no_arn_of_a_role_is_found(value: object) -> None:
    message = "Role is not the ARN of a role | fix: !GetAtt of its role's Arn"
    assert said(RULE, "express", of("SiftFunction", "Role", value))[0] == (
        message,
        "/Resources/SiftFunction/Properties/Role",
    )


def test_a_role_that_nobody_has_is_found() -> None:
    assert said(RULE, "express", idle) == [(IDLE, "/Resources/SpareRole")]


@pytest.mark.parametrize(
    "user",
    [
        {"Type": "AWS::IAM::InstanceProfile", "Properties": {"Roles": [{"Ref": "SpareRole"}]}},
        {"Type": "X::Y::Z", "Properties": {"Text": {"Fn::Sub": "role=${SpareRole.Arn}"}}},
        {"Type": "X::Y::Z", "Properties": {"Role": {"Fn::GetAtt": "SpareRole.Arn"}}},
    ],
)
def test_a_role_that_anything_names_is_in_use(user: object) -> None:
    def change(data: dict[str, object]) -> None:
        idle(data)
        put("Resources", "User", user)(data)

    assert said(RULE, "express", change) == []


@pytest.mark.parametrize(
    ("role", "owner", "service"),
    [
        ("TakeFunctionRole", "TakeFunction", "lambda"),
        ("HeavyJobRole", "HeavyJob", "glue"),
        ("StateMachineRole", "StateMachine", "states"),
        ("PipeRole", "Pipe", "pipes"),
    ],
)
def test_a_role_that_its_owner_cannot_assume_is_found(role: str, owner: str, service: str) -> None:
    message = f"{owner} cannot assume its role | fix: Principal: {{Service: {service}.amazonaws.com}}"
    change = trust(role, "Principal", "Service", "ec2.amazonaws.com")
    assert said(RULE, "standard", change) == [
        (message, f"/Resources/{role}/Properties/AssumeRolePolicyDocument/Statement")
    ]


def test_a_role_for_another_state_machine_or_pipe_is_found() -> None:
    other = sub("arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:other")
    place = "AssumeRolePolicyDocument/Statement/0/Condition/ArnEquals/aws:SourceArn"
    ending = ":stateMachine:ceap-standard-${Environment}"
    assert said(RULE, "standard", trust("StateMachineRole", "Condition", "ArnEquals", "aws:SourceArn", other)) == [
        (
            f"aws:SourceArn is not the ARN of StateMachine | fix: aws:SourceArn that ends in {ending}",
            f"/Resources/StateMachineRole/Properties/{place}",
        )
    ]


def test_a_role_for_a_name_that_its_owner_does_not_have_is_found() -> None:
    [(message, place)] = said(RULE, "standard", without("Pipe", "Name"))
    assert message == "aws:SourceArn is not the ARN of Pipe | fix: give Pipe a name"
    assert place.startswith("/Resources/PipeRole/Properties/AssumeRolePolicyDocument/")


@pytest.mark.parametrize(
    "change",
    [
        of("HeavyJob", "Role", {"Ref": "HeavyJobRole"}),
        trust("TakeFunctionRole", "Principal", "Service", ["edgelambda.amazonaws.com", "lambda.amazonaws.com"]),
        trust("TakeFunctionRole", "Principal", "Service", {"Fn::Sub": "lambda.${AWS::URLSuffix}"}),
        trust("TakeFunctionRole", "Condition", "ArnLike", {"aws:SourceArn": "arn:aws:lambda:*:*:function:*"}),
    ],
)
def test_other_ways_to_say_the_same_are_fine(change: Change) -> None:
    assert said(RULE, "standard", change) == []
