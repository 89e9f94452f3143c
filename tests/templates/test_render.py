from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from templates.model import Workflow
from templates.render import HEADER, render
from templates.stacks import foundation_stack, workflow_stack
from tests.strategies import all_workflows


class Loader(yaml.CSafeLoader):
    """Reads short-form intrinsics back into their long form."""


def construct_intrinsic(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix == "Ref" else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    assert isinstance(node, yaml.SequenceNode)
    return {name: loader.construct_sequence(node, deep=True)}


Loader.add_multi_constructor("!", construct_intrinsic)


def body(resources: dict[str, Any]) -> str:
    text = render({"Resources": {"A": {"Type": "T", "Properties": resources}}})
    return text.removeprefix(HEADER).removeprefix("Resources:\n  A:\n    Type: T\n    Properties:\n")


@given(workflow=all_workflows())
def test_the_yaml_says_what_the_template_says(workflow: Workflow) -> None:
    for template in (workflow_stack(workflow), foundation_stack()):
        assert yaml.load(render(template), Loader) == template


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
    assert yaml.load(render(template), Loader)["Resources"]["A"]["Properties"]["V"] == text
