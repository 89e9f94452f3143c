"""What each condition operator means for a key that is there, with another value, or missing.

Source: IAM User Guide, "Condition operators" and "Conditions with multiple context keys or values".
"""

from typing import Any

import pytest

from ceap.local.conditions import KEYS, RESOURCE_KEYS, TRUST_KEYS, Scope, read_conditions
from ceap.local.patterns import PolicyError

SCOPE = Scope(KEYS, has_variables=True)
ROLE = "arn:aws:iam::123456789012:role/etl"
NEW_YEAR = "2026-01-01T00:00:00Z"
AT_NEW_YEAR = "1767225600"


def holds(operator: str, key: str, wanted: Any, actual: str | None, *, undecided: bool = False) -> bool:
    [condition] = read_conditions({operator: {key: wanted}}, "Condition", SCOPE)
    return condition.holds({} if actual is None else {key.lower(): actual}, undecided)


def refusal(operator: str, key: str, wanted: Any) -> str:
    with pytest.raises(PolicyError) as caught:
        read_conditions({operator: {key: wanted}}, "Condition", SCOPE)
    return str(caught.value)


OPERATORS = [
    # operator, key, value of the policy, a value for which it holds, one for which it does not
    ("StringEquals", "s3:prefix", "a*", "a*", "ab"),
    ("StringEquals", "s3:prefix", "a", "a", "A"),
    ("StringNotEquals", "s3:prefix", "a*", "ab", "a*"),
    ("StringEqualsIgnoreCase", "s3:prefix", "Ab*", "aB*", "abc"),
    ("StringNotEqualsIgnoreCase", "s3:prefix", "Ab", "abc", "aB"),
    ("StringLike", "s3:prefix", "a?c*", "abcd", "ac"),
    ("StringNotLike", "s3:prefix", "a?c*", "ac", "abcd"),
    ("StringEquals", "aws:PrincipalArn", ROLE, ROLE, f"{ROLE}s"),
    ("StringLike", "aws:PrincipalArn", "arn:*etl", ROLE, f"{ROLE}s"),
    *(
        ("Arn" + name, "aws:PrincipalArn", "arn:aws:iam::*:role/*", ROLE, "arn:aws:sts::123456789012:role/etl")
        for name in ("Equals", "Like")
    ),
    *(
        ("ArnNot" + name, "aws:PrincipalArn", "arn:aws:iam::*:role/*", "arn:aws:sts::123456789012:role/etl", ROLE)
        for name in ("Equals", "Like")
    ),
    ("Bool", "aws:SecureTransport", "true", "true", "false"),
    ("Bool", "aws:SecureTransport", False, "false", "true"),
    ("DateEquals", "aws:CurrentTime", NEW_YEAR, "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:01Z"),
    ("DateNotEquals", "aws:CurrentTime", NEW_YEAR, "2026-01-01T00:00:01Z", NEW_YEAR),
    ("DateLessThan", "aws:CurrentTime", NEW_YEAR, "2025-12-31T23:59:59Z", NEW_YEAR),
    ("DateLessThanEquals", "aws:CurrentTime", NEW_YEAR, NEW_YEAR, "2026-01-01T00:00:01Z"),
    ("DateGreaterThan", "aws:CurrentTime", NEW_YEAR, "2026-01-01T00:00:01Z", NEW_YEAR),
    ("DateGreaterThanEquals", "aws:CurrentTime", NEW_YEAR, NEW_YEAR, "2025-12-31T23:59:59Z"),
    ("DateLessThan", "aws:EpochTime", NEW_YEAR, "1767225599", AT_NEW_YEAR),
    ("DateGreaterThanEquals", "aws:EpochTime", AT_NEW_YEAR, AT_NEW_YEAR, "1767225599"),
]


@pytest.mark.parametrize(("operator", "key", "wanted", "fits", "differs"), OPERATORS)
def test_an_operator_compares_the_value_of_the_request(
    operator: str, key: str, wanted: Any, fits: str, differs: str
) -> None:
    assert (holds(operator, key, wanted, fits), holds(operator, key, wanted, differs)) == (True, False)


@pytest.mark.parametrize(("operator", "key", "wanted"), [case[:3] for case in OPERATORS])
def test_a_missing_key_fulfils_the_negated_operators_and_if_exists_and_no_other(
    operator: str, key: str, wanted: Any
) -> None:
    assert holds(operator, key, wanted, None) == ("Not" in operator)
    assert holds(f"{operator}IfExists", key, wanted, None) is True


@pytest.mark.parametrize(("operator", "key", "wanted", "fits", "differs"), OPERATORS)
def test_if_exists_compares_a_key_that_is_there(operator: str, key: str, wanted: Any, fits: str, differs: str) -> None:
    operator = f"{operator}IfExists"
    assert (holds(operator, key, wanted, fits), holds(operator, key, wanted, differs)) == (True, False)


def test_one_of_several_values_is_enough_and_a_negated_operator_wants_none_of_them() -> None:
    given = ["a", "b"]
    assert [holds("StringEquals", "s3:prefix", given, actual) for actual in "abc"] == [True, True, False]
    assert [holds("StringNotEquals", "s3:prefix", given, actual) for actual in "abc"] == [False, False, True]


def test_null_asks_whether_a_key_is_missing_and_an_empty_value_is_left_open() -> None:
    assert [holds("Null", "s3:prefix", wanted, "a") for wanted in ("true", False)] == [False, True]
    assert [holds("Null", "s3:prefix", wanted, None) for wanted in (True, "false")] == [True, False]
    assert [holds("Null", "s3:prefix", "true", "", undecided=undecided) for undecided in (True, False)] == [True, False]


def test_a_variable_without_a_value_leaves_the_condition_open() -> None:
    wanted = "${aws:username}/*"
    for operator in ("StringLike", "StringNotLike"):
        found = [holds(operator, "s3:prefix", wanted, "a/b", undecided=undecided) for undecided in (True, False)]
        assert found == [True, False]


def test_keys_are_found_in_any_case() -> None:
    [condition] = read_conditions({"Bool": {"AWS:securetransport": "TRUE"}}, "Condition", SCOPE)
    assert condition.holds({"aws:securetransport": "true"}, undecided=False)


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "said"),
    [
        ("StringEquals", "s3:prefix", [], "has no value"),
        ("StringEquals", "s3:prefix", 1.5, "the value 1.5 must be a text, a whole number, true or false"),
        ("StringEquals", "s3:Prefix2", "a", "the local engine does not model the condition key s3:Prefix2; known: aws"),
        ("IpAddress", "s3:prefix", "a", "the local engine does not model the operator IpAddress; known: StringEquals"),
        ("Null", "s3:prefix", ["true", "false"], "Null takes one value: true or false"),
        ("Null", "s3:prefix", "yes", "the value 'yes' must be true or false"),
        ("Bool", "aws:SecureTransport", 1, "the value 1 must be true or false"),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:*", "'arn:aws:*' is not an ARN: it needs six parts"),
        ("DateEquals", "aws:CurrentTime", "2026-01-01", "'2026-01-01' is not a time; write 2026-01-31T00:00:00Z or"),
        ("DateEquals", "aws:CurrentTime", "2026-02-30T00:00:00Z", "'2026-02-30T00:00:00Z' is not a time: day is out"),
    ],
)
def test_what_is_not_modelled_is_refused_when_the_policy_is_read(
    operator: str, key: str, wanted: Any, said: str
) -> None:
    assert f"Condition.{operator}.{key}" in refusal(operator, key, wanted)
    assert said in refusal(operator, key, wanted)


@pytest.mark.parametrize(
    ("operator", "key", "kind", "fitting"),
    [
        ("ArnLike", "s3:prefix", "text", "StringEquals, StringNotEquals, StringEqualsIgnoreCase, Str"),
        ("StringEquals", "aws:SecureTransport", "boolean", "Bool"),
        ("Bool", "aws:CurrentTime", "date", "DateEquals, DateNotEquals, DateLessThan, DateLessThanEquals, DateG"),
        ("DateLessThan", "aws:PrincipalArn", "ARN", "StringEquals, StringNotEquals, StringEqualsIgnoreCase, Str"),
    ],
)
def test_an_operator_of_another_type_is_refused_with_those_that_fit(
    operator: str, key: str, kind: str, fitting: str
) -> None:
    said = refusal(operator, key, "true" if operator == "Bool" else NEW_YEAR)
    assert f"{operator} does not compare {key}, whose values are of type {kind}; use {fitting}" in said


@pytest.mark.parametrize(
    ("block", "said"),
    [([], "Condition must be an object of operators"), ({"Bool": []}, "Condition.Bool must be an object of condition")],
)
def test_a_condition_of_another_shape_is_refused(block: Any, said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read_conditions(block, "Condition", SCOPE)
    assert said in " ".join(str(caught.value).replace(":", "").split())


def test_each_kind_of_policy_has_its_own_keys() -> None:
    github = "token.actions.githubusercontent.com"
    assert {
        "aws:SourceAccount": "text",
        "aws:SourceArn": "ARN",
        "aws:PrincipalArn": "ARN",
        "sts:ExternalId": "text",
        f"{github}:aud": "text",
        f"{github}:sub": "text",
    } == TRUST_KEYS
    assert RESOURCE_KEYS == {"aws:SourceAccount": "text", "aws:SourceArn": "ARN", "aws:SecureTransport": "boolean"}
    assert {key for key, kind in KEYS.items() if kind == "ARN"} == {
        *("aws:PrincipalArn", "iam:PermissionsBoundary", "lambda:SourceFunctionArn", "aws:SourceArn"),
    }
    assert {key for key, kind in KEYS.items() if kind == "date"} == {"aws:CurrentTime", "aws:EpochTime"}
