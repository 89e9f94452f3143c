"""One form for values that AWS accepts in several forms, so that rules and checks need only one.

`Fn::Sub` of a single reference is a `Ref` or `Fn::GetAtt`; in IAM policies a list of one and its element mean the same.
Sources: CloudFormation User Guide, "Fn::Sub"; IAM User Guide, "IAM JSON policy elements".
"""

import re
from collections.abc import Iterator
from typing import Any, Final

_LISTS: Final = ("Action", "NotAction", "Resource", "NotResource")
_REFERENCE: Final = re.compile(r"\$\{([A-Za-z0-9:]+)(?:\.([A-Za-z0-9.]+))?\}")


def malformed(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the place and fault of each `Fn::Sub` and `Fn::If` that CloudFormation would refuse to read."""
    match value:
        case {"Fn::Sub": argument, **others} if not others and not _is_sub(argument):
            yield path, f"Fn::Sub has {argument!r}; write a text, or a list of a text and a mapping"
        case {"Fn::If": argument, **others} if not others and not (isinstance(argument, list) and len(argument) == 3):
            yield path, f"Fn::If has {argument!r}; write a list of a condition and two values"
    if isinstance(value, dict | list):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from malformed(below, f"{path}/{key}")


def _is_sub(argument: Any) -> bool:
    match argument:
        case str() | [str(), dict()]:
            return True
        case _:
            return False


def unify(value: Any) -> Any:
    """Return a template's content, or a part of it, in the one form."""
    if isinstance(value, list):
        return [unify(below) for below in value]
    if isinstance(value, dict):
        return _unified({key: unify(below) for key, below in value.items()})
    return value


def _unified(value: dict[str, Any]) -> dict[str, Any]:
    match value:
        case {"Fn::Sub": str(text), **others} if not others:
            return _substituted(text)
        case {"Statement": {"Effect": _} as statement}:
            return value | {"Statement": [statement]}
        case {"Effect": "Allow" | "Deny"} if not value.keys().isdisjoint(_LISTS):
            return _statement(value)
        case _:
            return value


def _substituted(text: str) -> dict[str, Any]:
    match = _REFERENCE.fullmatch(text)
    if match is None:
        return {"Fn::Sub": text}
    name, attribute = match.groups()
    return {"Fn::GetAtt": [name, attribute]} if attribute else {"Ref": name}


def _statement(statement: dict[str, Any]) -> dict[str, Any]:
    lists = {key: [statement[key]] for key in _LISTS if key in statement and not isinstance(statement[key], list)}
    conditions = statement.get("Condition")
    if not isinstance(conditions, dict):
        return statement | lists
    single = {operator: _single(tests) for operator, tests in conditions.items()}
    return statement | lists | {"Condition": single}


def _single(tests: Any) -> Any:
    if not isinstance(tests, dict):
        return tests
    return {
        key: values[0] if isinstance(values, list) and len(values) == 1 else values for key, values in tests.items()
    }
