"""Policy documents, read into statements; what AWS refuses or the engine does not model raises PolicyError.

Source: IAM User Guide, "Grammar of the IAM JSON policy language" and "IAM JSON policy elements".
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from ceap.local.conditions import KEYS, RESOURCE_KEYS, TRUST_KEYS, Scope, read_conditions
from ceap.local.decisions import Statement
from ceap.local.patterns import ARN_COLONS, Pattern, PolicyError, Variable, expression, read_pattern

VERSIONS: Final = ("2012-10-17", "2008-10-17")
"""The versions of the language; the first has variables, the second is that of a document without a Version."""

_COMMON: Final = frozenset({"Sid", "Effect", "Action", "NotAction", "Condition"})
_IDENTITY: Final = _COMMON | {"Resource", "NotResource"}
_TRUST: Final = _COMMON | {"Principal"}
_OF_RESOURCE: Final = _IDENTITY | {"Principal"}
_PRINCIPAL_TYPES: Final = frozenset({"AWS", "CanonicalUser", "Federated", "Service"})
_ROOT: Final = "arn:aws:iam::{}:root"
_ACTION: Final = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")


@lru_cache(maxsize=256)
def read_policy(text: str) -> tuple[Statement, ...]:
    """Return the statements of a policy of a role, or of its permissions boundary."""
    return tuple(
        _statement(body, place, Scope(KEYS, has_variables), _IDENTITY)
        for place, body, has_variables in _statements(text)
    )


@lru_cache(maxsize=256)
def read_trust(text: str) -> tuple[Statement, ...]:
    """Return the statements of a role's trust policy."""
    return tuple(
        _statement(body, place, Scope(TRUST_KEYS, has_variables), _TRUST)
        for place, body, has_variables in _statements(text)
    )


@lru_cache(maxsize=256)
def read_resource_policy(text: str) -> tuple[Statement, ...]:
    """Return the statements of a resource's own policy, such as that of a queue."""
    return tuple(
        _statement(body, place, Scope(RESOURCE_KEYS, has_variables), _OF_RESOURCE)
        for place, body, has_variables in _statements(text)
    )


def _statements(text: str) -> list[tuple[str, Mapping[str, Any], bool]]:
    """Return each statement with its place and whether it has variables."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise PolicyError("policy document", f"is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise PolicyError("policy document", "must be an object")
    _check_keys(document, frozenset({"Version", "Id", "Statement"}), "policy document")
    version = document.get("Version", VERSIONS[1])
    if version not in VERSIONS:
        raise PolicyError("Version", f"{version!r} is unknown; write {VERSIONS[0]}")
    given = document.get("Statement")
    listed = given if isinstance(given, list) else [given]
    if not listed or not all(isinstance(body, dict) for body in listed):
        raise PolicyError("Statement", "must be a statement or a list of them")
    return [(f"Statement[{index}]", body, version == VERSIONS[0]) for index, body in enumerate(listed)]


def _statement(body: Mapping[str, Any], place: str, scope: Scope, elements: frozenset[str]) -> Statement:
    _check_keys(body, elements, place)
    if not isinstance(body.get("Sid", ""), str):
        raise PolicyError(f"{place}.Sid", "must be a text")
    effect = body.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyError(f"{place}.Effect", f"is {effect!r}; write Allow or Deny")
    excludes_actions, actions = _either(body, "Action", place)
    for action in actions:
        if _ACTION.fullmatch(action) is None:
            raise PolicyError(f"{place}.{'Not' * excludes_actions}Action", f"'{action}' must be as s3:GetObject, or *")
    excludes_resources, resources = _either(body, "Resource", place) if "Resource" in elements else (False, [])
    place_of_resource = f"{place}.{'Not' * excludes_resources}Resource"
    return Statement(
        denies=effect == "Deny",
        actions=tuple(actions),
        action_expression=re.compile(
            "|".join(expression(action.lower(), by_parts=False).pattern for action in actions)
        ),
        excludes_actions=excludes_actions,
        resources=tuple(_resource(text, place_of_resource, scope) for text in resources),
        excludes_resources=excludes_resources,
        conditions=read_conditions(body.get("Condition", {}), f"{place}.Condition", scope),
        principals=_principals(body.get("Principal"), effect, place) if "Principal" in elements else frozenset(),
    )


def _check_keys(body: Mapping[str, Any], known: frozenset[str], place: str) -> None:
    if unknown := sorted(set(body) - known):
        raise PolicyError(place, f"{', '.join(unknown)} may not stand here; allowed: {', '.join(sorted(known))}")


def _either(body: Mapping[str, Any], element: str, place: str) -> tuple[bool, list[str]]:
    """Return whether the statement has NotX instead of X, and its texts."""
    found = [key for key in (element, f"Not{element}") if key in body]
    if len(found) != 1:
        raise PolicyError(place, f"needs either {element} or Not{element}")
    return found[0] != element, _texts(body[found[0]], f"{place}.{found[0]}")


def _texts(value: Any, place: str) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(item, str) for item in listed):
        raise PolicyError(place, "must be a text or a list of texts")
    return listed


def _resource(text: str, place: str, scope: Scope) -> Pattern:
    pattern = read_pattern(text, place, wild=True, keys=scope.variables)
    if text == "*":
        return pattern
    parts = text.split(":", ARN_COLONS)
    if len(parts) <= ARN_COLONS or parts[0] != "arn":
        raise PolicyError(place, f"'{text}' is not an ARN; write arn:aws:s3:::bucket/*, or *")
    if {"*", "?"} & set(parts[2]):
        raise PolicyError(place, f"'{text}' has a wildcard for the service; write its name, as s3")
    head = pattern.parts[0]
    if any(isinstance(part, Variable) for part in pattern.parts) and (
        not isinstance(head, str) or head.count(":") < ARN_COLONS
    ):
        raise PolicyError(place, f"'{text}' has a variable before the fifth colon; write that part of the ARN")
    return pattern


def _principals(value: Any, effect: str, place: str) -> frozenset[str]:
    """Return the services and ARNs that a Principal names, and `*` if it names everybody under any type.

    An account, which stands for all of it, is given as the ARN of its root.
    """
    place = f"{place}.Principal"
    by_type = {"AWS": "*"} if value == "*" else value
    if not isinstance(by_type, dict) or not by_type:
        raise PolicyError(place, 'must be as {"Service": "lambda.amazonaws.com"}')
    _check_keys(by_type, _PRINCIPAL_TYPES, place)
    named = [(kind, name) for kind, names in by_type.items() for name in _texts(names, f"{place}.{kind}")]
    for _, name in named:
        if name != "*" and {"*", "?"} & set(name):
            raise PolicyError(place, f"'{name}' has a wildcard; write the whole name")
        if name == "*" and effect == "Allow":
            raise PolicyError(place, "* stands for everybody; name the service, as lambda.amazonaws.com")
    return frozenset(
        _ROOT.format(name) if name.isdecimal() else name
        for kind, name in named
        if kind == "Service" or name == "*" or name.isdecimal() or name.startswith("arn:")
    )
