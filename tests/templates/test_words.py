from __future__ import annotations

import pytest

from templates.words import allowed, nearest, plural


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


@pytest.mark.parametrize(("number", "text"), [(0, "0 findings"), (1, "1 finding"), (2, "2 findings")])
def test_only_one_is_singular(number: int, text: str) -> None:
    assert plural(number, "finding") == text
