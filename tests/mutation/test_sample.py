"""How places are drawn, and what the list of equivalents may exclude."""

import re
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from tests.mutation.places import Place, find_places
from tests.mutation.sample import Equivalent, ListError, draw, exclude, load_equivalents, refuse_idle


def places(count: int) -> list[Place]:
    """Return the places of a source with a hundred texts, and three numbers at its end."""
    source = "".join(f"a{number} = 'text {number}'\n" for number in range(count - 3)) + "b = 1\nc = 2\nd = 3\n"
    return find_places("x.py", source.encode())


MORE = b"".join(b"a%d = 'text %d'\n" % (number, number) for number in range(105)) + b"b = 1\nc = 2\nd = 3\n"


def entry(place: Place) -> Equivalent:
    return Equivalent(place.file, place.scope, place.before, place.after, "it is read by nobody")


def test_a_seed_draws_the_same_places_each_time_and_another_seed_others() -> None:
    assert draw(places(103), "1", 20) == draw(places(103), "1", 20)
    assert draw(places(103), "1", 20) != draw(places(103), "2", 20)


def test_an_edit_elsewhere_leaves_a_sample_as_it_was() -> None:
    drawn, more = draw(places(103), "1", 20), draw(find_places("x.py", MORE), "1", 20)
    assert len({place.before for place in drawn} & {place.before for place in more}) >= 18


def test_rare_kinds_of_change_are_drawn_before_more_of_the_frequent_ones() -> None:
    assert Counter(place.kind for place in draw(places(103), "1", 10)) == {"number": 3, "text": 7}


def test_a_line_is_drawn_once() -> None:
    drawn = draw(find_places("x.py", b"a = [1, 2, 'b', 'c', d == e]\nf = 3\n"), "1", 60)
    assert [place.line for place in drawn] == [1, 2]


def test_the_list_excludes_a_twentieth_of_the_sample_at_most() -> None:
    drawn = draw(places(103), "1", 60)
    sample = exclude(drawn, [entry(place) for place in drawn[:3]])
    assert (sample.places, sample.excluded) == (drawn[3:], drawn[:3])
    with pytest.raises(ListError, match=re.escape("excludes 4 of 60 places, more than 5%: write tests")):
        exclude(drawn, [entry(place) for place in drawn[:4]])


def test_an_entry_that_fits_no_place_is_refused() -> None:
    known = places(10)
    refuse_idle(known, [entry(known[0])])
    stale = msgspec.structs.replace(entry(known[0]), before="a0 = 'another text'")
    with pytest.raises(
        ListError, match=re.escape("x.py has in the module no place \"a0 = 'another text'\"; correct or")
    ):
        refuse_idle(known, [stale])


def test_the_lists_of_all_folders_of_tests_count(tmp_path: Path) -> None:
    for folder in ("mutation", "handlers/sample"):
        (tmp_path / folder).mkdir(parents=True)
        entry = f"- {{file: {folder}.py, scope: f, before: a, after: b, reason: c}}\n"
        (tmp_path / folder / "equivalents.yaml").write_text(entry, encoding="utf-8")
    assert [entry.file for entry in load_equivalents(tmp_path)] == ["handlers/sample.py", "mutation.py"]


def test_an_entry_without_a_reason_is_refused(tmp_path: Path) -> None:
    (tmp_path / "equivalents.yaml").write_text("- {file: x.py, scope: f, before: a, after: b}\n", encoding="utf-8")
    with pytest.raises(msgspec.ValidationError, match="missing required field `reason`"):
        load_equivalents(tmp_path)
