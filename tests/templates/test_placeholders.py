"""Which `${...}` are filled in at deployment, and how a template and a local run do it."""

from __future__ import annotations

import pytest

from templates.placeholders import (
    PARTITION,
    PLACEHOLDERS,
    fill,
    longest,
    placeholder_problem,
    substituted,
    unknown_placeholder,
)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("plain", None),
        ("a $ {b}", None),
        ("x-${Environment}-${AWS::AccountId}-${AWS::Region}", None),
        ("${AWS::Partition}", "${AWS::Partition}"),
        ("${environment}", "${environment}"),
        ("${Environment", "${Environment"),
        ("${!Environment}", "${!Environment}"),
        ("${Environment}${}", "${}"),
    ],
)
def test_a_placeholder_that_nothing_fills_in_is_found(text: str, unknown: str | None) -> None:
    assert unknown_placeholder(text) == unknown


def test_the_partition_is_a_placeholder_where_it_is_known() -> None:
    assert unknown_placeholder("arn:${AWS::Partition}:x", (*PLACEHOLDERS, PARTITION)) is None


def test_only_a_text_with_placeholders_is_substituted() -> None:
    assert substituted("plain") == "plain"
    assert substituted("x-${Environment}").to_dict() == {"Fn::Sub": "x-${Environment}"}  # type: ignore[union-attr]


def test_placeholders_are_filled_with_their_values() -> None:
    values = {"Environment": "local", "AWS::Region": "eu-central-1"}
    assert fill("x-${Environment}/${AWS::Region}", values) == "x-local/eu-central-1"


def test_a_problem_says_what_is_filled_in() -> None:
    allowed = "allowed: ${Environment}, ${AWS::AccountId}, ${AWS::Region}"
    assert placeholder_problem("x-${Env}") == f"holds ${{Env}}, which no deployment fills in; {allowed}"
    assert placeholder_problem("x-${Environment}") is None


def test_a_text_is_as_long_as_it_can_become() -> None:
    assert longest("a-${Environment}-${AWS::AccountId}") == "a-xxxxxxxxxxxx-123456789012"
