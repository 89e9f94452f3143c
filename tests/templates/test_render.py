from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import yaml
from cfnlint.decode.decode import decode_str
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from templates.document import parse_document
from templates.model import Workflow
from templates.render import HEADER, render
from templates.stacks import foundation_stack, workflow_stack
from tests.strategies import all_workflows, workflow_of

BARE = {"name": "orders", "type": "EXPRESS", "steps": [{"stage": "TakeStage", "handler": "take"}]}


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


def test_a_text_stays_on_one_line_however_long_it_is() -> None:
    text = "word " * 2000 + "end"
    assert body({"A": text, "B": {"Fn::Sub": f"*{text}"}}) == f"      A: {text}\n      B: !Sub '*{text}'\n"


def test_a_shared_value_is_written_out_wherever_it_stands() -> None:
    shared = [{"Ref": "Topic"}]
    assert body({"A": shared, "B": shared}) == "      A:\n      - !Ref Topic\n      B:\n      - !Ref Topic\n"


def read_as_yaml(version: tuple[int, int]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        reader = YAML(typ="safe", pure=True)
        reader.version = version
        return reader.load(text)

    return read


READERS: dict[str, Callable[[str], Any]] = {
    "ceap": lambda text: parse_document(text).data,
    "cfn-lint": lambda text: decode_str(text)[0],
    "ruamel.yaml 1.1": read_as_yaml((1, 1)),
    "ruamel.yaml 1.2": read_as_yaml((1, 2)),
    "PyYAML": lambda text: yaml.load(text, Loader=yaml.CSafeLoader),
}
# Numbers and times of all sorts, and what they are made of.
almost_numbers = st.from_regex(r"[-+]?\.?[0-9][0-9_]*([.:eE][-+]?[0-9_]*){0,3}", fullmatch=True)
almost_words = st.sampled_from(
    ["y", "N", "yes", "Off", "True", "null", "NULL", "~", ".inf", "-.Inf", ".NaN", "=", "<<"]
)
signs = st.text("0123456789abcdefxoXOEinfNaTZ+-.:_ ~", max_size=8)
texts = st.text() | almost_numbers | almost_words | signs


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=40)
@given(found=st.lists(texts, max_size=8))
@example(["033677994240", "12e45", "0891", "089", "009", "1e3", "1E5", "+1e3", "08:30", "0o17", "2026-11-29", "<<"])
@example(["._", "-_", "+._", "-.__1"])
def test_any_text_is_the_same_text_to_every_reader(reader: str, found: list[str]) -> None:
    keys = [text for text in found if not text.startswith(("Ref", "Fn::"))]
    properties = {"V": found, "W": {"X": "x", **dict.fromkeys(keys, "x")}}
    template = {"Resources": {"A": {"Type": "T", "Properties": properties}}}
    assert READERS[reader](render(template)) == template


@settings(max_examples=30)
@given(description=st.text(max_size=20))
@example(description="Orders \U0001f680")
@example(description="\u2028 \x85 \ufeff \x7f")
def test_a_definition_stays_a_literal_block_whatever_its_description_holds(description: str) -> None:
    workflow = msgspec.structs.replace(workflow_of(BARE), description=description)
    text = workflow_stack(workflow)["Resources"]["StateMachine"]["Properties"]["DefinitionString"]
    assert 'DefinitionString: |\n        {\n          "Comment"' in render(workflow_stack(workflow))
    assert json.loads(text)["Comment"] == (description or f"Workflow {workflow.name}")
