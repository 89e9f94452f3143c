"""What texts of policies match: wildcards, variables, and both written out."""

from collections.abc import Collection, Mapping

import pytest

from ceap.local.patterns import PolicyError, any_of, arn_like, like, read_pattern

KEYS = ("aws:PrincipalAccount", "aws:username")


def matches(
    pattern: str,
    text: str,
    context: Mapping[str, str] = {},
    *,
    wild: bool = True,
    keys: Collection[str] | None = KEYS,
) -> bool | None:
    return read_pattern(pattern, "Resource", wild=wild, keys=keys).matches(text, context, like)


@pytest.mark.parametrize(
    ("glob", "fits", "differs"),
    [
        ("a*c", ("ac", "abc", "a:b\nc"), ("abcd", "xac", "AC")),
        ("a?c", ("abc", "a:c"), ("ac", "abbc")),
        ("a\\*c", ("a*c",), ("abc", "a\\*c")),
        ("a\\?\\\\", ("a?\\",), ("ab\\",)),
        ("a.c", ("a.c",), ("abc",)),
        ("", ("",), ("a",)),
    ],
)
def test_a_star_stands_for_any_text_and_a_question_mark_for_one_character(
    glob: str, fits: tuple[str, ...], differs: tuple[str, ...]
) -> None:
    assert [like(glob, text) for text in fits] == [True] * len(fits)
    assert [like(glob, text) for text in differs] == [False] * len(differs)


def test_in_an_arn_a_wildcard_stays_within_its_part_but_in_the_sixth() -> None:
    assert arn_like("arn:aws:s3:::b*", "arn:aws:s3:::bucket:a/b")
    assert arn_like("arn:*:s3:::?", "arn:aws:s3:::b")
    assert arn_like("arn:aws:sqs:*:*:a?c", "arn:aws:sqs:us-east-1:123456789012:a:c")
    assert not arn_like("arn:aws:sqs:*:orders", "arn:aws:sqs:us-east-1:123456789012:orders")
    assert not arn_like("arn:aws:sqs:u?:*:orders", "arn:aws:sqs:u::123456789012:orders")
    assert arn_like("*", "arn:aws:sqs:us-east-1:123456789012:orders")


def test_without_wildcards_a_star_is_a_star() -> None:
    assert [matches("a*?\\", text, wild=False) for text in ("a*?\\", "abc\\")] == [True, False]


def test_a_backslash_of_a_policy_is_a_backslash() -> None:
    assert [matches("a\\*", text) for text in ("a\\b", "a*")] == [True, False]


def test_a_variable_stands_for_the_value_of_the_request_whose_wildcards_are_literal() -> None:
    pattern = "home/${AWS:username}/*"
    assert matches(pattern, "home/ann/x", {"aws:username": "ann"}) is True
    assert matches(pattern, "home/bob/x", {"aws:username": "ann"}) is False
    assert matches(pattern, "home/bob/x", {"aws:username": "*"}) is False
    assert matches(pattern, "home/*/x", {"aws:username": "*"}) is True
    assert matches("${aws:username}", "ann", {"aws:username": "ann"}) is True


def test_a_variable_without_a_value_leaves_it_open_and_one_with_a_default_has_it() -> None:
    assert matches("home/${aws:username}/*", "home/ann/x") is None
    assert matches("home/${aws:username, 'all'}/*", "home/all/x") is True
    assert matches("home/${aws:username, 'all'}/*", "home/all/x", {"aws:username": "ann"}) is False


def test_a_dollar_sign_and_wildcards_can_be_written_as_variables() -> None:
    assert [matches("${*}${?}${$}", text) for text in ("*?$", "ab$")] == [True, False]


def test_an_old_policy_has_no_variables() -> None:
    assert matches("${aws:username}", "${aws:username}", {"aws:username": "ann"}, keys=None) is True


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("a/${aws:username", "Resource: 'a/${aws:username' has a ${ without an end"),
        ("${Environment}", "Resource: ${Environment} is not a policy variable; write ${aws:PrincipalAccount} or"),
        ("${aws:userid}", "does not model the variable ${aws:userid}; known: aws:PrincipalAccount, aws:username"),
    ],
)
def test_another_variable_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read_pattern(pattern, "Resource", wild=True, keys=KEYS)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("results", "any_true"),
    [((), False), ((False, False), False), ((False, None), None), ((None, False), None), ((None, True), True)],
)
def test_of_several_one_true_is_enough_and_an_open_one_leaves_them_open(
    results: tuple[bool | None, ...], any_true: bool | None
) -> None:
    assert any_of(results) is any_true
