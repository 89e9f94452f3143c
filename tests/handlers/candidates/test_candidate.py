from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.candidates.candidate import join_key
from handlers.runtime.records import BadRecordError
from tests.handlers.candidates.support import candidate

# Few characters, so that keys would collide if they could.
parts = st.lists(st.text("a#%23", max_size=4), min_size=3, max_size=3)


@given(one=parts, other=parts)
def test_two_keys_are_equal_only_if_their_parts_are(one: list[str], other: list[str]) -> None:
    assert (join_key("#", *one) == join_key("#", *other)) == (one == other)


def mistakable(parts: list[str]) -> Iterator[list[str]]:
    """Yield parts that stand in the same key where it is joined without care: cut elsewhere, or written otherwise."""
    text = "#".join(parts)
    places = [place for place, character in enumerate(text) if character == "#"]
    for first, second in itertools.combinations(places, 2):
        yield [text[:first], text[first + 1 : second], text[second + 1 :]]
    for written, read in (("#", "%23"), ("%", "%25"), ("%23", "#"), ("%25", "%")):
        for number, part in enumerate(parts):
            yield [*parts[:number], part.replace(written, read), *parts[number + 1 :]]


@given(one=parts)
def test_parts_that_are_easily_mistaken_for_others_make_another_key(one: list[str]) -> None:
    assert [other for other in mistakable(one) if other != one and join_key("#", *other) == join_key("#", *one)] == []


def test_parts_without_a_separator_stand_in_a_key_as_they_are() -> None:
    assert join_key("#", "CUSTOMER", "c-1:x", "PROGRAM", "ä") == "CUSTOMER#c-1:x#PROGRAM#ä"


def test_a_candidate_without_a_context_that_its_key_needs_is_a_bad_record() -> None:
    with pytest.raises(BadRecordError, match="it has no context of type region, which keys need; add it in") as bad:
        candidate().context_id("region")
    assert bad.value.code == "CONTEXT_MISSING"
