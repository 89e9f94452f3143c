from __future__ import annotations

from typing import Any

import pytest

from ceap.cfn.template import Template, parse_template
from ceap.policy.checks.substitutions import check
from tests.policy.samples import golden

TEMPLATE = """\
Resources:
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      DefinitionString: |
        {
          "States": {
            "A": {
              "Resource": "${Function}",
              "Bucket": "a-${Bucket}"
            }
          }
        }
      DefinitionSubstitutions:
        Function: !GetAtt F.Arn
        Bucket: b
"""
PLACE = "/Resources/Machine/Properties"


def found(template: Template) -> list[tuple[int, str, str]]:
    return [(template.line(fault.place), fault.what, fault.place) for fault in check(template)]


def changed(old: str, new: str) -> Template:
    assert old in TEMPLATE
    return parse_template(TEMPLATE.replace(old, new), "t.yaml")


@pytest.mark.parametrize("template", [parse_template(TEMPLATE, "t.yaml"), golden("express"), golden("foundation")])
def test_tokens_that_are_all_replaced_are_fine(template: Template) -> None:
    assert [*check(template)] == []


def test_a_token_without_a_key_is_found_where_it_stands() -> None:
    assert found(changed("${Bucket}", "${AWS::Region}")) == [
        (10, "nothing replaces ${AWS::Region}", f"{PLACE}/DefinitionString/States/A/Bucket"),
        (16, "the definition holds no ${Bucket}", f"{PLACE}/DefinitionSubstitutions/Bucket"),
    ]


def test_a_token_in_a_key_is_found_too() -> None:
    assert found(changed('"A"', '"${Stage}"')) == [(5, "nothing replaces ${Stage}", f"{PLACE}/DefinitionString")]


def test_without_substitutions_no_token_may_stand_there() -> None:
    template = parse_template(TEMPLATE.partition("      DefinitionSubstitutions")[0], "t.yaml")
    assert [line for line, *_ in found(template)] == [10, 9]


def test_a_definition_that_is_not_json_is_still_read_for_tokens() -> None:
    assert found(changed('"A": {', '"A" {')) == []
    assert found(changed('"A": {', '"${A}" {')) == [(5, "nothing replaces ${A}", f"{PLACE}/DefinitionString")]


@pytest.mark.parametrize("substitutions", ["!If [C, {}, {}]", "{'Fn::Transform': {Name: X}}"])
def test_substitutions_that_are_known_only_when_deployed_are_left_alone(substitutions: str) -> None:
    head = TEMPLATE.partition("      DefinitionSubstitutions")[0]
    template: Any = parse_template(f"{head}      DefinitionSubstitutions: {substitutions}\n", "t.yaml")
    assert [*check(template)] == []
