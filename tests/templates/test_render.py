from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceap.cfn.document import parse_document
from templates.model import Workflow
from templates.render import HEADER, render
from templates.stacks import foundation_stack, workflow_stack
from tests.strategies import all_workflows


def body(resources: dict[str, Any]) -> str:
    text = render({"Resources": {"A": {"Type": "T", "Properties": resources}}})
    return text.removeprefix(HEADER).removeprefix("Resources:\n  A:\n    Type: T\n    Properties:\n")


@given(workflow=all_workflows())
def test_the_yaml_says_what_the_template_says(workflow: Workflow) -> None:
    for template in (workflow_stack(workflow), foundation_stack()):
        assert parse_document(render(template)).data == template


@given(workflow=all_workflows())
def test_the_definition_stands_in_the_template_as_people_read_it(workflow: Workflow) -> None:
    template = workflow_stack(workflow)
    text = template["Resources"]["StateMachine"]["Properties"]["DefinitionString"]
    block = "".join(f"        {line}\n" for line in text.splitlines())
    assert f"      DefinitionString: |\n{block}" in render(template)


def test_the_order_of_sections_and_attributes_is_the_one_people_expect() -> None:
    text = render(
        {
            "Resources": {"A": {"Properties": {"B": 1}, "DeletionPolicy": "Retain", "Type": "T"}},
            "Description": "d",
            "AWSTemplateFormatVersion": "2010-09-09",
        }
    )
    assert text.removeprefix(HEADER) == (
        "AWSTemplateFormatVersion: '2010-09-09'\nDescription: d\nResources:\n"
        "  A:\n    Type: T\n    DeletionPolicy: Retain\n    Properties:\n      B: 1\n"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"Ref": "Queue"}, "!Ref Queue"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "\n        Fn::GetAtt: [Queue, Arn]"),
        ({"Fn::GetAtt": ["Queue", {"Ref": "Name"}]}, "\n        Fn::GetAtt: [Queue, !Ref Name]"),
        ({"Fn::Sub": "a-${B}"}, "!Sub a-${B}"),
        ({"Fn::ImportValue": {"Fn::Sub": "a-${B}"}}, "\n        Fn::ImportValue: !Sub a-${B}"),
        ("false", "'false'"),
        ("2012-10-17", "'2012-10-17'"),
        ("*", "'*'"),
    ],
)
def test_intrinsics_are_written_for_people_and_rules_and_texts_that_look_like_something_else_quoted(
    value: Any, text: str
) -> None:
    assert f"      V: {text}\n".replace(": \n", ":\n") == body({"V": value})


def test_a_shared_value_is_written_out_wherever_it_stands() -> None:
    shared = [{"Ref": "Topic"}]
    assert body({"A": shared, "B": shared}) == "      A:\n      - !Ref Topic\n      B:\n      - !Ref Topic\n"


@given(text=st.text())
def test_any_text_survives(text: str) -> None:
    template = {"Resources": {"A": {"Type": "T", "Properties": {"V": text}}}}
    assert parse_document(render(template)).data["Resources"]["A"]["Properties"]["V"] == text
