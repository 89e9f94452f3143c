"""Conditions of policies: which keys and operators the engine models, and what they mean.

Whatever is not modelled is refused when the policy is read: evaluated as something else, it could widen access.
Source: IAM User Guide, "Condition operators", "AWS global condition context keys", "Conditions with multiple context
keys or values", "Variables and tags".
"""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

from ceap.local.patterns import ARN_COLONS, Context, PolicyError, any_of, arn_like, like, read_pattern

Kind: TypeAlias = Literal["text", "ARN", "boolean", "date"]
Test: TypeAlias = Callable[[Context, str], bool | None]
"""Compares the value of the request with one of the policy; None if a variable of the policy has no value."""

KEYS: Final[Mapping[str, Kind]] = {
    "aws:CurrentTime": "date",
    "aws:EpochTime": "date",
    "aws:PrincipalAccount": "text",
    "aws:PrincipalArn": "ARN",
    "aws:PrincipalIsAWSService": "boolean",
    "aws:PrincipalType": "text",
    "aws:RequestedRegion": "text",
    "aws:ResourceAccount": "text",
    "aws:SecureTransport": "boolean",
    "aws:ViaAWSService": "boolean",
    "events:detail-type": "text",
    "events:source": "text",
    "iam:PassedToService": "text",
    "iam:PermissionsBoundary": "ARN",
    "lambda:SourceFunctionArn": "ARN",
    "s3:prefix": "text",
    # No call of a role has these: its session is of no user, and no service calls in its place.
    "aws:SourceAccount": "text",
    "aws:SourceArn": "ARN",
    "aws:username": "text",
}
"""The keys of policies of roles; the sessions and calls give their values."""

_SOURCE_KEYS: Final[Mapping[str, Kind]] = {"aws:SourceAccount": "text", "aws:SourceArn": "ARN"}

GITHUB: Final = "token.actions.githubusercontent.com"
TRUST_KEYS: Final[Mapping[str, Kind]] = {
    **_SOURCE_KEYS,
    "aws:PrincipalArn": "ARN",
    "sts:ExternalId": "text",
    f"{GITHUB}:aud": "text",
    f"{GITHUB}:sub": "text",
}
"""The keys of trust policies; those of GitHub are of the tokens with which its workflows sign in."""

RESOURCE_KEYS: Final[Mapping[str, Kind]] = {**_SOURCE_KEYS, "aws:SecureTransport": "boolean"}
"""The keys of the policies of queues, which are asked for what an event rule sends."""

_MOMENT: Final = re.compile(r"\d+|\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")


class Condition(msgspec.Struct, frozen=True):
    """One key under one operator; `must_be_null` is that of the operator Null, which has no tests."""

    key: str
    negated: bool = False
    if_exists: bool = False
    tests: tuple[Test, ...] = ()
    must_be_null: bool | None = None

    def holds(self, context: Context, undecided: bool) -> bool:
        """Return whether the condition is true; `undecided` if AWS's documentation leaves that open."""
        actual = context.get(self.key)
        if self.must_be_null is not None:
            # The guide calls an empty value null, and does not say what the operator Null makes of it.
            return undecided if actual == "" else (actual is None) == self.must_be_null
        if actual is None:
            # A missing key fulfils the negated operators and IfExists, and no other.
            return self.negated or self.if_exists
        found = any_of(test(context, actual) for test in self.tests)
        return undecided if found is None else found != self.negated


class Scope(NamedTuple):
    """What a document may use: its condition keys, and whether its version has variables."""

    keys: Mapping[str, Kind]
    has_variables: bool

    @property
    def variables(self) -> Mapping[str, Kind] | None:
        return self.keys if self.has_variables else None


class _Operator(NamedTuple):
    kinds: tuple[Kind, ...]
    read: Callable[[Any, str, Scope], Test]
    negated: bool = False


def read_conditions(block: Any, place: str, scope: Scope) -> tuple[Condition, ...]:
    """Return the conditions of a Condition element, all of which must hold."""
    if not isinstance(block, dict):
        raise PolicyError(place, "must be an object of operators")
    found = []
    for name, keys in block.items():
        if not isinstance(keys, dict):
            raise PolicyError(f"{place}.{name}", "must be an object of condition keys")
        for key, values in keys.items():
            found.append(_condition(name, key, values, f"{place}.{name}.{key}", scope))
    return tuple(found)


def _condition(name: str, key: str, values: Any, place: str, scope: Scope) -> Condition:
    kind = next((kind for name, kind in scope.keys.items() if name.lower() == key.lower()), None)
    if kind is None:
        known = ", ".join(scope.keys)
        raise PolicyError(place, f"the local engine does not model the condition key {key}; known: {known}")
    listed = values if isinstance(values, list) else [values]
    if not listed:
        raise PolicyError(place, "has no value")
    if name == "Null":
        if len(listed) > 1:
            raise PolicyError(place, "Null takes one value: true or false")
        return Condition(key.lower(), must_be_null=_truth(listed[0], place) == "true")
    found = _OPERATORS.get(name.removesuffix("IfExists"))
    if found is None:
        known = ", ".join([*_OPERATORS, "Null"])
        raise PolicyError(place, f"the local engine does not model the operator {name}; known: {known}")
    if kind not in found.kinds:
        fitting = ", ".join(each for each, one in _OPERATORS.items() if kind in one.kinds)
        raise PolicyError(place, f"{name} does not compare {key}, whose values are of type {kind}; use {fitting}")
    tests = tuple(found.read(value, place, scope) for value in listed)
    return Condition(key.lower(), found.negated, name.endswith("IfExists"), tests)


def _text_test(wild: bool, ignores_case: bool = False) -> Callable[[Any, str, Scope], Test]:
    def read(value: Any, place: str, scope: Scope) -> Test:
        pattern = read_pattern(_text(value, place), place, wild=wild, keys=scope.variables)
        compare = _like_in_any_case if ignores_case else like
        return lambda context, actual: pattern.matches(actual, context, compare)

    return read


def _arn_test(value: Any, place: str, scope: Scope) -> Test:
    pattern = read_pattern(_text(value, place), place, wild=True, keys=scope.variables)
    if len(pattern.parts) == 1 and pattern.text.count(":") < ARN_COLONS:
        raise PolicyError(place, f"'{value}' is not an ARN: it needs six parts, as arn:aws:sqs:*:*:*")
    return lambda context, actual: pattern.matches(actual, context, arn_like)


def _like_in_any_case(glob: str, text: str) -> bool:
    return like(glob.lower(), text.lower())


def _bool_test(value: Any, place: str, scope: Scope) -> Test:  # noqa: ARG001 (all tests are read alike)
    expected = _truth(value, place)
    return lambda context, actual: actual == expected  # noqa: ARG005 (all tests are called alike)


def _date_test(compare: Callable[[float, float], bool]) -> Callable[[Any, str, Scope], Test]:
    def read(value: Any, place: str, scope: Scope) -> Test:  # noqa: ARG001 (all tests are read alike)
        text = _text(value, place)
        if _MOMENT.fullmatch(text) is None:
            raise PolicyError(place, f"'{text}' is not a time; write 2026-01-31T00:00:00Z or seconds since 1970")
        try:
            expected = _moment(text)
        except ValueError as error:
            raise PolicyError(place, f"'{text}' is not a time: {error}") from None
        return lambda context, actual: compare(_moment(actual), expected)  # noqa: ARG005 (called alike)

    return read


def _moment(text: str) -> float:
    return float(text) if text.isdigit() else datetime.fromisoformat(text).timestamp()


def _text(value: Any, place: str) -> str:
    """Return the text of a value; JSON's numbers and booleans are compared as texts."""
    match value:
        case bool():
            return str(value).lower()
        case str() | int():
            return str(value)
        case _:
            raise PolicyError(place, f"the value {value!r} must be a text, a whole number, true or false")


def _truth(value: Any, place: str) -> str:
    text = _text(value, place).lower()
    if text not in {"true", "false"}:
        raise PolicyError(place, f"the value {value!r} must be true or false")
    return text


_TEXTS: Final[tuple[Kind, ...]] = ("text", "ARN")

_OPERATORS: Final[Mapping[str, _Operator]] = {
    "StringEquals": _Operator(_TEXTS, _text_test(wild=False)),
    "StringNotEquals": _Operator(_TEXTS, _text_test(wild=False), negated=True),
    "StringEqualsIgnoreCase": _Operator(_TEXTS, _text_test(wild=False, ignores_case=True)),
    "StringNotEqualsIgnoreCase": _Operator(_TEXTS, _text_test(wild=False, ignores_case=True), negated=True),
    "StringLike": _Operator(_TEXTS, _text_test(wild=True)),
    "StringNotLike": _Operator(_TEXTS, _text_test(wild=True), negated=True),
    "ArnEquals": _Operator(("ARN",), _arn_test),
    "ArnLike": _Operator(("ARN",), _arn_test),
    "ArnNotEquals": _Operator(("ARN",), _arn_test, negated=True),
    "ArnNotLike": _Operator(("ARN",), _arn_test, negated=True),
    "Bool": _Operator(("boolean",), _bool_test),
    "DateEquals": _Operator(("date",), _date_test(operator.eq)),
    "DateNotEquals": _Operator(("date",), _date_test(operator.eq), negated=True),
    "DateLessThan": _Operator(("date",), _date_test(operator.lt)),
    "DateLessThanEquals": _Operator(("date",), _date_test(operator.le)),
    "DateGreaterThan": _Operator(("date",), _date_test(operator.gt)),
    "DateGreaterThanEquals": _Operator(("date",), _date_test(operator.ge)),
}
