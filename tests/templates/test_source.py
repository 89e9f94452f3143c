from __future__ import annotations

from templates.source import format_place, parse_source


def test_every_place_has_the_line_where_its_key_stands() -> None:
    source = parse_source("a: 1\nb:\n  - c: 2\n    d: 3\n", "x.yaml")
    assert source.data == {"a": 1, "b": [{"c": 2, "d": 3}]}
    assert source.lines == {
        (): 1,
        ("a",): 1,
        ("b",): 2,
        ("b", 0): 3,
        ("b", 0, "c"): 3,
        ("b", 0, "d"): 4,
    }


def test_an_error_names_the_line_of_the_nearest_place_that_was_written() -> None:
    source = parse_source("a: 1\nb:\n  - c: 2\n", "x.yaml")
    assert str(source.error(("b", 0, "missing"), "is missing")) == "x.yaml:3: b[0].missing is missing"
    assert str(source.error((), "is empty")) == "x.yaml:1: is empty"


def test_places_are_written_as_people_write_them() -> None:
    assert format_place(("steps", 1, "timeout_s")) == "steps[1].timeout_s"
