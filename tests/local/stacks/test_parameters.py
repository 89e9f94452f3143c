"""What values a stack's parameters take, and what CloudFormation says of others."""

from typing import Any

import pytest

from ceap.local.stacks.api_errors import StackApiError, UnmodelledError
from ceap.local.stacks.parameters import PreviousValue, choose_values, referred_values, shown_values

PREVIOUS = PreviousValue()
TEXT = {"Type": "String"}
NUMBER = {"Type": "Number", "MinValue": 1, "MaxValue": 3}


def choose(declaration: dict[str, Any], value: str) -> str:
    """Return the value that a parameter gets, or what is said of the one given."""
    try:
        return choose_values({"P": declaration}, {"P": value}, {})["P"]
    except StackApiError as error:
        return str(error)


def test_a_parameter_has_the_value_given_or_the_previous_one_or_its_default() -> None:
    declared = {name: {"Type": "String", "Default": "d"} for name in ("Given", "Kept", "Left")}
    given: dict[str, str | PreviousValue] = {"Given": "g", "Kept": PREVIOUS}
    assert choose_values(declared, given, {"Kept": "k", "Left": "x"}) == {"Given": "g", "Kept": "k", "Left": "d"}


def test_defaults_that_are_no_texts_become_some() -> None:
    declared = {"N": {"Type": "Number", "Default": 3}, "B": {"Type": "String", "Default": True}}
    assert choose_values(declared, {}, {}) == {"N": "3", "B": "true"}


def test_unknown_and_missing_parameters_are_all_named() -> None:
    with pytest.raises(StackApiError, match=r"Parameters: \[X, Y\] do not exist in the template"):
        choose_values({"P": TEXT}, {"X": "1", "P": "p", "Y": "2"}, {})
    with pytest.raises(StackApiError, match=r"Parameters: \[P, Q\] must have values"):
        choose_values({"P": TEXT, "Q": TEXT}, {"Q": PREVIOUS}, {"P": "not asked for"})


def test_parameters_that_name_one_of_the_parameter_store_are_refused() -> None:
    with pytest.raises(UnmodelledError, match="AWS::SSM::Parameter::Value<String>"):
        choose_values({"P": {"Type": "AWS::SSM::Parameter::Value<String>"}}, {"P": "/a"}, {})


@pytest.mark.parametrize(
    ("declaration", "fits", "differs", "said"),
    [
        (TEXT | {"MinLength": 2}, "ab", "a", "Parameter 'P' must contain at least 2 characters"),
        (TEXT | {"MaxLength": "2"}, "ab", "abc", "Parameter 'P' must contain at most 2 characters"),
        (NUMBER, "1", "0.9", "Parameter 'P' must be a number not less than 1"),
        (NUMBER, "3", "3.1", "Parameter 'P' must be a number not greater than 3"),
        (NUMBER, "2.5", "two", "Parameter 'P' must be a number"),
        (NUMBER | {"MinValue": -1}, "-1", "1e0", "Parameter 'P' must be a number"),
        (TEXT | {"AllowedValues": ["dev", 7]}, "7", "prod", "Parameter 'P' must be one of AllowedValues"),
        (TEXT | {"AllowedPattern": "[a-z]+"}, "ab", "ab1", "Parameter 'P' must match pattern [a-z]+"),
        (
            TEXT | {"AllowedPattern": "[a-z]+", "ConstraintDescription": "lower-case letters"},
            "ab",
            "1ab",
            "Parameter P failed to satisfy constraint: lower-case letters",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_in_the_words_of_aws(
    declaration: dict[str, Any], fits: str, differs: str, said: str
) -> None:
    assert (choose(declaration, fits), choose(declaration, differs)) == (fits, said)


def test_a_reference_to_a_list_gives_its_parts() -> None:
    declared = {"L": {"Type": "CommaDelimitedList"}, "S": {"Type": "List<AWS::EC2::Subnet::Id>"}, "P": TEXT}
    values = {"L": "a, b", "S": "subnet-1", "P": "a, b"}
    assert referred_values(declared, values) == {"L": ["a", "b"], "S": ["subnet-1"], "P": "a, b"}


def test_values_that_may_not_be_echoed_are_hidden() -> None:
    declared = {"Open": TEXT, "Secret": TEXT | {"NoEcho": "TRUE"}, "Plain": TEXT | {"NoEcho": False}}
    shown = shown_values(declared, {"Open": "o", "Secret": "s", "Plain": "p"})
    assert {each["ParameterKey"]: each["ParameterValue"] for each in shown} == {
        "Open": "o",
        "Secret": "****",
        "Plain": "p",
    }
