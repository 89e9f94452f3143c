"""What the intrinsic functions of a template come to, once its parameters and resources are known.

Source: CloudFormation User Guide, "Intrinsic function reference" and "Pseudo parameters reference".
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ceap.cfn.lookup import SUB_VARIABLE
from ceap.local.stack_models import ResourceError

NO_VALUE: Final = "AWS::NoValue"


class Nothing:
    """What `AWS::NoValue` stands for: the property or item is left out."""


_NOTHING: Final = Nothing()


class Scope(NamedTuple):
    """What the functions of a template refer to.

    `names` holds the values of parameters and pseudo parameters. `attribute` returns what `Ref` (attribute "") or
    `Fn::GetAtt` gives for a resource, `imported` the value of an export; both raise ResourceError where there is none.
    """

    names: Mapping[str, Any]
    mappings: Mapping[str, Any]
    conditions: Mapping[str, Any]
    attribute: Callable[[str, str], Any]
    imported: Callable[[str], str]


def resolve(value: Any, scope: Scope) -> Any:
    """Return a value without intrinsic functions; ResourceError for one that cannot be resolved."""
    found = _resolve(value, scope)
    return None if found is _NOTHING else found


def holds(name: str, scope: Scope) -> bool:
    """Return whether a condition of the template holds."""
    if name not in scope.conditions:
        raise ResourceError(f"Template error: unresolved condition dependency {name}")
    return _is_true(scope.conditions[name], scope)


def _is_true(condition: Any, scope: Scope) -> bool:
    match condition:
        case {"Fn::Equals": [left, right]}:
            return str(resolve(left, scope)) == str(resolve(right, scope))
        case {"Fn::Not": [only]}:
            return not _is_true(only, scope)
        case {"Fn::And": [*parts]}:
            return all(_is_true(part, scope) for part in parts)
        case {"Fn::Or": [*parts]}:
            return any(_is_true(part, scope) for part in parts)
        case {"Condition": str(name)}:
            return holds(name, scope)
    raise ResourceError(f"Template error: the local engine does not know the condition {json.dumps(condition)}")


def _resolve(value: Any, scope: Scope) -> Any:
    if isinstance(value, list):
        return [item for item in (_resolve(each, scope) for each in value) if item is not _NOTHING]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(name, given)] = value.items()
        if name == "Ref":
            return _referred(str(given), scope)
        if function := _FUNCTIONS.get(name):
            return function(given, scope)
        if name.startswith("Fn::"):
            raise ResourceError(f"Template error: the local engine does not know the function {name}")
    items = ((key, _resolve(below, scope)) for key, below in value.items())
    return {key: below for key, below in items if below is not _NOTHING}


def _referred(name: str, scope: Scope) -> Any:
    if name == NO_VALUE:
        return _NOTHING
    return scope.names[name] if name in scope.names else scope.attribute(name, "")


def _attribute(given: Any, scope: Scope) -> Any:
    logical_id, attribute = given if isinstance(given, list) else str(given).split(".", 1)
    return scope.attribute(logical_id, str(resolve(attribute, scope)))


def _chosen(given: Any, scope: Scope) -> Any:
    name, yes, no = given
    return _resolve(yes if holds(name, scope) else no, scope)


def _joined(given: Any, scope: Scope) -> str:
    delimiter, parts = given
    return str(delimiter).join(str(part) for part in resolve(parts, scope))


def _substituted(given: Any, scope: Scope) -> str:
    text, variables = given if isinstance(given, list) else (given, {})

    def value(found: re.Match[str]) -> str:
        name = found[2].strip()
        if found[1]:
            return f"${{{found[2]}}}"
        if name in variables:
            return _text(resolve(variables[name], scope))
        logical_id, dot, attribute = name.partition(".")
        return _text(scope.attribute(logical_id, attribute) if dot else _referred(name, scope))

    return SUB_VARIABLE.sub(value, str(text))


def _mapped(given: Any, scope: Scope) -> Any:
    name, first, second = (str(resolve(part, scope)) for part in given)
    try:
        return scope.mappings[name][first][second]
    except KeyError:
        raise ResourceError(f"Template error: Unable to get mapping for {name}::{first}::{second}") from None


def _selected(given: Any, scope: Scope) -> Any:
    index, items = resolve(given[0], scope), resolve(given[1], scope)
    if not 0 <= int(index) < len(items):
        raise ResourceError(f"Template error: Fn::Select cannot select nonexistent value at index {index}")
    return items[int(index)]


def _split(given: Any, scope: Scope) -> list[str]:
    return str(resolve(given[1], scope)).split(given[0])


def _imported(given: Any, scope: Scope) -> str:
    return scope.imported(str(resolve(given, scope)))


def _encoded(given: Any, scope: Scope) -> str:
    return base64.b64encode(_text(resolve(given, scope)).encode()).decode()


def _as_json(given: Any, scope: Scope) -> str:
    return json.dumps(resolve(given, scope), separators=(",", ":"))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return json.dumps(value)
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


_FUNCTIONS: Final[Mapping[str, Callable[[Any, Scope], Any]]] = {
    "Fn::Base64": _encoded,
    "Fn::FindInMap": _mapped,
    "Fn::GetAtt": _attribute,
    "Fn::If": _chosen,
    "Fn::ImportValue": _imported,
    "Fn::Join": _joined,
    "Fn::Select": _selected,
    "Fn::Split": _split,
    "Fn::Sub": _substituted,
    "Fn::ToJsonString": _as_json,
}
