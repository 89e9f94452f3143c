"""The parameters of a stack: checked against what the template declares, in AWS's words.

Source: CloudFormation User Guide, "CloudFormation template Parameters syntax".
"""

import operator
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ceap.local.stacks.api_errors import StackApiError, UnmodelledError

_HIDDEN: Final = "****"
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")
_LENGTH_BOUNDS: Final = (
    ("MinLength", operator.lt, "contain at least {} characters"),
    ("MaxLength", operator.gt, "contain at most {} characters"),
)
_NUMBER_BOUNDS: Final = (
    ("MinValue", operator.lt, "be a number not less than {}"),
    ("MaxValue", operator.gt, "be a number not greater than {}"),
)


class PreviousValue(NamedTuple):
    """Stands for the value that the stack already has: `UsePreviousValue`."""


Given = Mapping[str, str | PreviousValue]


def choose_values(declared: Mapping[str, Any], given: Given, previous: Mapping[str, str]) -> dict[str, str]:
    """Return the value of every declared parameter; StackApiError for what is unknown, missing or not allowed."""
    if unknown := [name for name in given if name not in declared]:
        raise StackApiError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    values: dict[str, str] = {}
    missing: list[str] = []
    for name, parameter in declared.items():
        if str(parameter.get("Type", "")).startswith("AWS::SSM::"):
            raise UnmodelledError(f"parameters of the type {parameter['Type']}")
        value = given.get(name, parameter.get("Default"))
        if isinstance(value, PreviousValue):
            value = previous.get(name)
        if value is None:
            missing.append(name)
        else:
            values[name] = _text(value)
    if missing:
        raise StackApiError(f"Parameters: [{', '.join(missing)}] must have values")
    for name, value in values.items():
        if problem := _problem(name, declared[name], value):
            raise StackApiError(problem)
    return values


def referred_values(declared: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Return what `Ref` gives for each parameter: a list for those of a list type."""
    return {
        name: [part.strip() for part in value.split(",")] if _is_list(declared[name]) else value
        for name, value in values.items()
    }


def shown_values(declared: Mapping[str, Any], values: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the values as the API shows them: those declared NoEcho are hidden."""
    return [
        {"ParameterKey": name, "ParameterValue": _HIDDEN if _is_true(declared[name].get("NoEcho")) else value}
        for name, value in values.items()
    ]


def _is_list(parameter: Mapping[str, Any]) -> bool:
    kind = str(parameter.get("Type", "String"))
    return kind == "CommaDelimitedList" or kind.startswith("List<")


def _problem(name: str, parameter: Mapping[str, Any], value: str) -> str | None:
    """Return what AWS says of a value that the declaration does not allow."""
    is_number = parameter.get("Type") == "Number"
    if is_number and not _NUMBER.fullmatch(value):
        return f"Parameter '{name}' must be a number"
    allowed = parameter.get("AllowedValues")
    if allowed is not None and value not in map(_text, allowed):
        return f"Parameter '{name}' must be one of AllowedValues"
    if (pattern := parameter.get("AllowedPattern")) and not re.fullmatch(pattern, value):
        if described := parameter.get("ConstraintDescription"):
            return f"Parameter {name} failed to satisfy constraint: {described}"
        return f"Parameter '{name}' must match pattern {pattern}"
    size = float(value) if is_number else len(value)
    for key, is_broken, text in _NUMBER_BOUNDS if is_number else _LENGTH_BOUNDS:
        if key in parameter and is_broken(size, float(parameter[key])):
            return f"Parameter '{name}' must {text.format(parameter[key])}"
    return None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"
