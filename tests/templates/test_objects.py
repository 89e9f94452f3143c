from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from awacs import aws
from hypothesis import given, settings
from troposphere import (
    AWSHelperFn,
    GetAtt,
    If,
    NoValue,
    Output,
    Parameter,
    Ref,
    Sub,
    Tag,
    Tags,
    Template,
    awslambda,
    cloudwatch,
    encode_to_dict,
    iam,
    s3,
    sqs,
)

from templates import stacks
from templates.deploy_permissions import NAMES
from templates.model import Workflow
from templates.objects import plain, sections, shared
from templates.render import render
from tests.strategies import all_workflows, reasoned_workflows, triggered_workflows

ROLE = iam.Role(
    "Role",
    AssumeRolePolicyDocument=aws.PolicyDocument(
        Statement=[
            aws.Statement(
                Effect=aws.Allow,
                Principal=aws.Principal("*"),
                Action=[aws.Action("s3", "GetObject"), aws.Action("*")],
                Resource=[Sub("a-${Environment}"), GetAtt("Queue", "Arn")],
                Condition=aws.Condition([aws.StringLike("s3:prefix", ["a", Ref("B")]), aws.Bool({"x": "false"})]),
            )
        ]
    ),
    Policies=[If("Yes", iam.Policy(PolicyName="p", PolicyDocument={"Statement": []}), NoValue)],
    Tags=Tags(Team="a", Stage=Ref("Environment")),
    DependsOn=["Queue"],
    DeletionPolicy="Retain",
)
VALUES = [
    ROLE,
    sqs.Queue("Queue"),
    sqs.Queue("Queue", DeletionPolicy="Retain"),
    s3.LifecycleConfiguration(Rules=[]),
    s3.PublicAccessBlockConfiguration(),
    Parameter("P", Type="String", Default=""),
    [Tag("k", {"Ref": Ref("A")}), (1, 2.5, True, None, "x")],
    {"a": {"b": [Sub("x", b=Ref("c"))]}},
]


class Halves:
    """An object of a library of its own, which troposphere takes by this method."""

    def JSONrepr(self) -> dict[str, Any]:  # noqa: N802
        return {"half": [Ref("A")]}


@pytest.mark.parametrize("value", [*VALUES, Halves(), [Halves()]], ids=lambda value: type(value).__name__)
def test_an_object_stands_for_what_troposphere_says(value: Any) -> None:
    assert plain(value) == encode_to_dict(value)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_an_object_is_written_as_the_plain_data_that_it_stands_for(value: Any) -> None:
    assert _written(value) == _written(encode_to_dict(value))


def _written(value: Any) -> str:
    return render({"Resources": {"A": {"Type": "T", "Properties": {"V": value}}}})


@settings(max_examples=60)
@given(workflow=all_workflows() | triggered_workflows() | reasoned_workflows())
def test_a_workflow_has_the_template_that_troposphere_encodes_with_the_same_bytes(workflow: Workflow) -> None:
    _assert_as_troposphere_encodes(lambda: stacks.workflow_sections(workflow))


@pytest.mark.parametrize(
    "build",
    [
        stacks.foundation_sections,
        lambda: stacks.deploy_sections(NAMES, in_vpc=True),
        lambda: stacks.deploy_sections(NAMES, in_vpc=False),
    ],
)
def test_the_other_stacks_have_the_templates_that_troposphere_encodes(build: Callable[[], stacks.Sections]) -> None:
    _assert_as_troposphere_encodes(build)


def _assert_as_troposphere_encodes(build: Callable[[], stacks.Sections]) -> None:
    with patch.object(stacks, "sections", Template.to_dict):
        expected = plain(build())  # what is added to the finished template may hold objects
    assert plain(build()) == expected
    assert render(build()) == render(expected)


def test_every_section_of_a_template_is_kept() -> None:
    template = Template(Description="d", Metadata={"a": 1})
    template.set_version()
    template.set_transform("AWS::LanguageExtensions")
    template.add_parameter(Parameter("P", Type="String"))
    template.add_mapping("M", {"a": {"b": "c"}})
    template.add_condition("C", If("a", "b", "c"))
    template.add_rule("R", {"Assertions": []})
    template.add_output(Output("O", Value=Ref("Queue")))
    template.add_resource(sqs.Queue("Queue"))
    assert plain(sections(template)) == template.to_dict()


INVALID = {
    "Resource Value required in type": Output("O"),
    "You can't specify both 'S3Bucket' and 'ZipFile'": awslambda.Function(
        "F", Role="r", Code=awslambda.Code(ZipFile="x", S3Bucket="b", S3Key="k")
    ),
    "Parameter default type mismatch": Parameter("P", Type="String", Default=1),
    "Resource Name required in type": cloudwatch.Alarm(
        "A",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Statistic="Sum",
        Dimensions=[cloudwatch.MetricDimension(Value="v")],
    ),
}


@pytest.mark.parametrize("message", INVALID)
@pytest.mark.parametrize("use", [encode_to_dict, plain, _written], ids=["troposphere", "plain", "render"])
def test_an_invalid_object_is_refused_as_troposphere_refuses_it(use: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        use([INVALID[message]])


def test_a_resource_that_lacks_a_property_is_refused_before_anything_is_written() -> None:
    template = Template()
    template.add_resource(iam.Role("Role"))
    with pytest.raises(ValueError, match="Resource AssumeRolePolicyDocument required in type AWS::IAM::Role"):
        sections(template)


def test_an_object_of_another_type_than_the_property_takes_is_refused() -> None:
    with pytest.raises(TypeError, match="TracingConfig"):
        awslambda.Function("F", TracingConfig=awslambda.Environment())


def test_an_object_that_is_not_to_be_validated_is_taken_as_it_is() -> None:
    value = Output("O", Description="d").no_validation()
    assert plain(value) == {"Description": "d"} == encode_to_dict(value)


def test_a_shared_object_is_built_once_and_written_the_same_wherever_it_stands() -> None:
    @shared
    def key(name: str) -> AWSHelperFn:
        return If(name, [Ref("Key")], NoValue)

    assert key("a") is key("a") is not key("b")
    assert _written([key("a"), key("b"), key("a")]) == _written(encode_to_dict([key("a"), key("b"), key("a")]))


def test_who_changes_plain_data_changes_no_shared_object() -> None:
    @shared
    def rule() -> s3.LifecycleRule:
        return s3.LifecycleRule(Id="a", Status="Enabled", ExpirationInDays=1)

    before = _written(rule())
    found = plain([rule(), rule()])
    found[0]["Status"] = math.inf
    assert found[1]["Status"] == "Enabled"
    assert _written(rule()) == before
