from __future__ import annotations

import pytest

from ceap.cfn.template import parse_template
from ceap.policy.checks.optional_parameters import check
from tests.policy.checks.support import told

TEMPLATE = """\
Parameters:
  Key: {Type: String, Default: ''}
  Stage: {Type: String, Default: dev}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  HasKey: CONDITION
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {KmsMasterKeyId: !If [HasKey, !Ref Key, !Ref AWS::NoValue]}}
  Topic: {Type: AWS::SNS::Topic, Condition: HasKey, Properties: {KmsMasterKeyId: !Ref Key}}
  Raw: {Type: X::Y::Z, Properties: {Key: !Ref Key, Name: !If [IsProd, !Ref Key, none]}}
"""
EMPTY = "!Equals [!Ref Key, '']"
NOT_EMPTY = f"!Not [{EMPTY}]"
MESSAGE = "Key is used where it is empty | fix: swap the branches, or make the condition Equals !Ref Key, ''"


def found(condition: str, old: str = "", new: str = "") -> list[tuple[str, int]]:
    text = TEMPLATE.replace("CONDITION", condition)
    assert old in text
    template = parse_template(text.replace(old, new) if old else text, "t.yaml")
    assert {told(finding) for finding in check(template)} <= {MESSAGE}
    return [(fault.place, template.line(fault.place)) for fault in check(template)]


@pytest.mark.parametrize(
    "condition",
    [
        NOT_EMPTY,
        "!Not [!Equals ['', !Ref Key]]",
        f"!And [{NOT_EMPTY}, !Condition IsProd]",
        f"!And [{NOT_EMPTY}, !Equals [a, a]]",
        "!Not [!Or [!Equals [!Ref Key, ''], !Equals [!Ref Key, none]]]",
        "!Equals [!Ref Key, arn]",
        "!Condition IsProd",
        "!Equals [!Select [0, !Ref Keys], '']",
    ],
)
def test_a_condition_that_holds_where_the_parameter_is_given_is_fine(condition: str) -> None:
    assert found(condition) == []


@pytest.mark.parametrize(
    "condition",
    [
        "!Equals [!Ref Key, '']",
        "!Not [!Equals [!Ref Key, none]]",
        f"!Not [{NOT_EMPTY}]",
        f"!Or [{EMPTY}, !Condition IsProd]",
        f"!And [{EMPTY}, !Condition IsProd]",
        "!Condition C1\n"
        + "".join(f"  C{number}: !Condition C{number + 1}\n" for number in range(1, 10))
        + f"  C10: {EMPTY}",
    ],
)
def test_a_condition_that_holds_where_the_parameter_is_empty_is_found_once(condition: str) -> None:
    assert found(condition) == [("/Conditions/HasKey", 6)]


def test_conditions_that_name_each_other_say_nothing() -> None:
    assert found("!Or [!Condition Other, !Equals [!Ref Key, a]]\n  Other: !Condition HasKey") == []


@pytest.mark.parametrize(
    "condition", [NOT_EMPTY, f"!And [{NOT_EMPTY}, !Condition IsProd]", f"!Or [{NOT_EMPTY}, !Condition IsProd]"]
)
def test_branches_the_wrong_way_round_are_found_where_they_stand(condition: str) -> None:
    turned = found(condition, "!If [HasKey, !Ref Key, !Ref AWS::NoValue]", "!If [HasKey, none, !Ref Key]")
    assert turned == [("/Resources/Queue/Properties/KmsMasterKeyId/Fn::If/2", 8)]


def test_a_parameter_with_a_default_is_left_alone() -> None:
    assert found("!Equals [!Ref Key, '']", "Default: ''", "Default: arn") == []
