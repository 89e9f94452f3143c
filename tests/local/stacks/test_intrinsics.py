"""Intrinsic functions, parameters and the order of resources: pure decisions."""

from __future__ import annotations

from typing import Any

import pytest

from ceap.local.stack_models import ResourceError
from ceap.local.stacks.api_errors import StackApiError
from ceap.local.stacks.intrinsics import Scope, holds, resolve
from ceap.local.stacks.parameters import PreviousValue, choose_values, referred_values, shown_values

CONDITIONS = {
    "IsDev": {"Fn::Equals": [{"Ref": "Name"}, "dev"]},
    "IsProd": {"Fn::Not": [{"Condition": "IsDev"}]},
    "Both": {"Fn::And": [{"Condition": "IsDev"}, {"Condition": "IsProd"}]},
    "Any": {"Fn::Or": [{"Condition": "IsDev"}, {"Condition": "IsProd"}]},
}


def attribute(logical_id: str, name: str) -> str:
    if logical_id != "Queue":
        raise ResourceError(f"no {logical_id}")
    return f"queue-{name}" if name else "queue"


SCOPE = Scope(
    names={"Name": "dev", "List": ["a", "b"], "AWS::Region": "us-east-1"},
    mappings={"Map": {"dev": {"size": 1}}},
    conditions=CONDITIONS,
    attribute=attribute,
    imported=lambda name: f"imported-{name}",
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Name"}, "dev"),
        ({"Ref": "Queue"}, "queue"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "queue-Arn"),
        (
            {"Fn::Sub": "${Name}-${Queue}-${Queue.Arn}-${!Literal}-${AWS::Region}"},
            "dev-queue-queue-Arn-${Literal}-us-east-1",
        ),
        ({"Fn::Sub": ["${X}-${List}", {"X": {"Ref": "Name"}}]}, "dev-a,b"),
        ({"Fn::Join": ["-", [{"Ref": "Name"}, 1]]}, "dev-1"),
        ({"Fn::Join": ["-", {"Ref": "List"}]}, "a-b"),
        ({"Fn::Select": ["1", {"Ref": "List"}]}, "b"),
        ({"Fn::Split": ["/", "x/y"]}, ["x", "y"]),
        ({"Fn::FindInMap": ["Map", {"Ref": "Name"}, "size"]}, 1),
        ({"Fn::ImportValue": {"Fn::Sub": "${Name}-x"}}, "imported-dev-x"),
        ({"Fn::ToJsonString": {"a": {"Ref": "Name"}}}, '{"a":"dev"}'),
        ({"Fn::Base64": "x"}, "eA=="),
        ({"Fn::If": ["IsDev", "yes", "no"]}, "yes"),
        ({"Fn::If": ["IsProd", "yes", {"Ref": "AWS::NoValue"}]}, None),
        (
            {"kept": 1, "gone": {"Ref": "AWS::NoValue"}, "list": [1, {"Fn::If": ["Both", 2, {"Ref": "AWS::NoValue"}]}]},
            {"kept": 1, "list": [1]},
        ),
        ({"Condition": {"StringEquals": {"a": "b"}}}, {"Condition": {"StringEquals": {"a": "b"}}}),
    ],
)
def test_a_function_comes_to_its_value(value: Any, expected: Any) -> None:
    assert resolve(value, SCOPE) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"Fn::Transform": {}}, "does not know the function Fn::Transform"),
        ({"Fn::Select": [2, {"Ref": "List"}]}, "cannot select nonexistent value at index 2"),
        ({"Fn::FindInMap": ["Map", "x", "y"]}, "Unable to get mapping for Map::x::y"),
        ({"Ref": "Nothing"}, "no Nothing"),
        ({"Fn::If": ["Unknown", 1, 2]}, "unresolved condition dependency Unknown"),
    ],
)
def test_a_function_that_has_no_value_is_refused(value: Any, message: str) -> None:
    with pytest.raises(ResourceError, match=message):
        resolve(value, SCOPE)


def test_conditions_are_decided_from_parameters() -> None:
    assert [name for name in CONDITIONS if holds(name, SCOPE)] == ["IsDev", "Any"]


DECLARED = {
    "Name": {"Type": "String", "AllowedPattern": "[a-z]+", "ConstraintDescription": "small letters"},
    "Count": {"Type": "Number", "Default": 2, "MinValue": 1, "MaxValue": 3},
    "Kind": {"Type": "String", "Default": "x", "AllowedValues": ["x", "y"]},
    "Subnets": {"Type": "List<AWS::EC2::Subnet::Id>", "Default": "a, b"},
    "Secret": {"Type": "String", "NoEcho": True, "Default": "", "MaxLength": 3},
}


def test_values_are_chosen_from_what_is_given_defaults_and_the_stack() -> None:
    values = choose_values(DECLARED, {"Name": PreviousValue(), "Count": "3"}, {"Name": "old"})
    assert values == {"Name": "old", "Count": "3", "Kind": "x", "Subnets": "a, b", "Secret": ""}
    assert referred_values(DECLARED, values)["Subnets"] == ["a", "b"]
    shown = {each["ParameterKey"]: each["ParameterValue"] for each in shown_values(DECLARED, values)}
    assert (shown["Name"], shown["Secret"]) == ("old", "****")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Name": "a", "Other": "b"}, "Parameters: [Other] do not exist in the template"),
        ({}, "Parameters: [Name] must have values"),
        ({"Name": PreviousValue()}, "Parameters: [Name] must have values"),
        ({"Name": "A"}, "Parameter Name failed to satisfy constraint: small letters"),
        ({"Name": "a", "Count": "x"}, "Parameter 'Count' must be a number"),
        ({"Name": "a", "Count": "0"}, "Parameter 'Count' must be a number not less than 1"),
        ({"Name": "a", "Count": "4"}, "Parameter 'Count' must be a number not greater than 3"),
        ({"Name": "a", "Kind": "z"}, "Parameter 'Kind' must be one of AllowedValues"),
        ({"Name": "a", "Secret": "long"}, "Parameter 'Secret' must contain at most 3 characters"),
    ],
)
def test_a_value_that_the_template_does_not_allow_is_refused(given: Any, message: str) -> None:
    with pytest.raises(StackApiError) as failed:
        choose_values(DECLARED, given, {})
    assert failed.value.message == message
