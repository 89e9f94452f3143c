from __future__ import annotations

import pytest

from templates.words import allowed, listed, nearest, plural, shown


@pytest.mark.parametrize(("name", "near"), [("filtr", "filter"), ("Filter", "filter"), ("x", None), ("flow", None)])
def test_a_name_is_like_another_when_most_of_their_letters_agree(name: str, near: str | None) -> None:
    assert nearest(name, ["etl", "filter", "score"]) == near


@pytest.mark.parametrize(
    ("name", "known", "text"),
    [
        ("scor", ["etl", "score"], "did you mean score? allowed: etl, score"),
        ("x", iter(["etl", "score"]), "allowed: etl, score"),
        ("x", [], "allowed: none"),
    ],
)
def test_a_message_names_the_nearest_and_then_all_that_exist(name: str, known: list[str], text: str) -> None:
    assert allowed(name, known) == text


def test_a_message_names_eight_and_of_more_only_the_nearest_or_the_first_eight() -> None:
    eight = list("abcdefgh")
    assert allowed("x", eight) == "allowed: a, b, c, d, e, f, g, h"
    assert allowed("x", [*eight, "i"]) == "allowed: a, b, c, d, e, f, g, h, ..."
    assert allowed("scor", [*eight, "score"]) == "did you mean score?"
    assert listed(eight) == "a, b, c, d, e, f, g, h"
    assert listed([*eight, "i", "j"]) == "a, b, c, d, e, f, g, h and 2 more"


def test_a_value_is_shown_in_sixty_characters_at_most() -> None:
    assert shown("x" * 58) == f"'{'x' * 58}'"
    assert shown("x" * 59) == f"'{'x' * 56}..."
    assert shown(None) == "nothing"


@pytest.mark.parametrize(("number", "text"), [(0, "0 findings"), (1, "1 finding"), (2, "2 findings")])
def test_only_one_is_singular(number: int, text: str) -> None:
    assert plural(number, "finding") == text
