from __future__ import annotations

import pytest

from templates.errors import ConfigError
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


def test_a_text_with_line_feeds_stays_one_line_of_the_message() -> None:
    source = parse_source('"a\\nb": {"\\e[31m": 1, "c:  d": 2}\n', "x.yaml")
    assert str(source.error(("a\nb", "\x1b[31m"), "is red")) == r"x.yaml:1: a\nb.\x1b[31m is red"
    assert str(source.error(("a\nb", "c:  d"), "is 2")) == r"x.yaml:1: a\nb.c:  d is 2"


def test_places_are_written_as_people_write_them() -> None:
    assert format_place(("steps", 1, "timeout_s")) == "steps[1].timeout_s"


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_source(text, "x.yaml")
    return str(caught.value)


def test_texts_in_quotes_and_blocks_stay_texts() -> None:
    text = "a: \"060\"\nb: 'on'\nc: |\n  1:00\n'y': '2026-01-01'\n"
    assert parse_source(text, "x.yaml").data == {"a": "060", "b": "on", "c": "1:00\n", "y": "2026-01-01"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a:\n  on: 1\n",
            "x.yaml:2: a has the key on, which YAML 1.1 reads as true and YAML 1.2 as text; write 'on' in quotes",
        ),
        ("a: {~: 2}\n", "x.yaml:1: a has the key ~, which is not text; write it in quotes"),
        ("a:\n  ? \n  : 2\n", "x.yaml:2: a has an empty key; write a name"),
        ("a: {1: 2}\n", "x.yaml:1: a has the key 1, which is not text; write it in quotes"),
        ("? [a, b]\n: 2\n", "x.yaml:1: the declaration has a key that is not text; write a plain name"),
        ("a: &a {b: 1}\nc:\n  <<: *a\n", "x.yaml:3: c has the key <<, which YAML 1.1 reads as a merge key and YAML "),
        ("a: !!int '060'\n", "x.yaml:1: the tag !!int is not supported here; write the value without it, text in quo"),
        ("a: !!python/name:os.system\n", "x.yaml:1: the tag !!python/name:os.system is not supported here; write the "),
        ("a: !Sub x\n", "x.yaml:1: the tag !Sub is not supported here; write the long form, e.g. {Ref: Queue}"),
        ("a: *b\n", "x.yaml:1: a repeats *b, which names nothing; write it out"),
        ("a: &a [*a]\n", "x.yaml:1: a[0] refers to itself; write the value out"),
    ],
)
def test_what_not_every_reader_takes_is_refused(text: str, message: str) -> None:
    assert refusal(text).startswith(message)


def test_a_value_may_be_repeated_by_aliases() -> None:
    assert parse_source("a: &a [1, {b: x}]\nc: [*a, *a]\n", "x.yaml").data == {
        "a": [1, {"b": "x"}],
        "c": [[1, {"b": "x"}], [1, {"b": "x"}]],
    }


def test_aliases_that_make_billions_of_values_are_refused_before_they_are_expanded() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    message = "holds more than 20000 values, with what aliases (*name) repeat; use fewer aliases"
    assert refusal("\n".join(lines)) == f"x.yaml:5: {message}"


def test_aliases_that_nest_deeper_than_the_text_are_refused() -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 150))]
    assert refusal("\n".join(lines)) == "x.yaml: nested deeper than 100 levels; write it flatter"
