"""Which places of a source are changed, and to what."""

import ast
from pathlib import Path

import pytest

from tests.mutation.places import find_places
from tests.mutation.sample import PACKAGES, draw, load_equivalents, package_places, refuse_idle

ROOT = Path(__file__).parents[2]


def changes(source: str) -> list[tuple[str, str]]:
    return [(place.kind, place.after) for place in find_places("x.py", source.encode())]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("found = a == b", [("comparison", "found = a != b")]),
        ("found = a <= b", [("comparison", "found = a < b")]),
        ("found = a > b", [("comparison", "found = a >= b")]),
        ("found = a not in b", [("comparison", "found = a in b")]),
        ("found = a is not None", [("comparison", "found = a is None")]),
        ("found = a < b < c", [("comparison", "found = a <= b < c"), ("comparison", "found = a < b <= c")]),
        ("found = a and b", [("logic", "found = a or b")]),
        ("found = not a", [("logic", "found = (a)")]),
        ("found = a // b", [("arithmetic", "found = a * b")]),
        ("found = 300", [("number", "found = 301")]),
        ("found = True", [("truth", "found = False")]),
        ("found = 'ü'", [("text", "found = 'MUTATED'")]),
        ('found = f"it is {a}"', [("text", 'found = "MUTATED"')]),
        ("found = b'a'", [("text", "found = b'MUTATED'")]),
        ("call(a=b, c=d)", [("statement", "pass"), ("argument", "call(c=d)"), ("argument", "call(a=b, )")]),
        ("a.b = c", [("statement", "pass")]),
        ("a += b", [("statement", "pass")]),
        ("raise a", [("statement", "pass")]),
        ("if a:\n    b = c", [("condition", "if (not (a)):")]),
        ("b = [c for c in a if d]", [("condition", "b = [c for c in a if (not (d))]")]),
        ("while a:\n    break", [("condition", "while (not (a)):"), ("loop", "continue")]),
        ("def f():\n    return a", [("return", "return None")]),
    ],
)
def test_a_place_becomes_one_small_fault(source: str, expected: list[tuple[str, str]]) -> None:
    assert changes(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""',
        "from a import b",
        "found: Literal['a']",
        "def f(a: 'A') -> 'B':\n    return None",
        "assert_never(a)",
        "T: TypeAlias = 'A'",
        "__all__ = ['a']",
        "class A(B, frozen=True): ...",
        "found = a.read(encoding='utf-8')",
        "found = a(b, usedforsecurity=False)",
    ],
)
def test_what_says_nothing_when_it_runs_stays(source: str) -> None:
    assert [change for change in changes(source) if change[0] != "statement"] == []


def test_a_place_is_shown_by_its_line_after_characters_of_several_bytes() -> None:
    [_, place] = find_places("x.py", b'found = "\xc3\xbc"\nother = 1\n')
    assert (place.line, place.before, place.after) == (2, "other = 1", "other = 2")


def test_a_place_is_named_by_the_class_and_the_function_around_it() -> None:
    places = find_places("x.py", b"class A:\n    a = 1\n    def f(self):\n        return b\nc = 2\n")
    assert [(place.scope, place.after) for place in places] == [("A", "a = 2"), ("A.f", "return None"), ("", "c = 3")]


def test_a_change_over_several_lines_is_shown_as_one() -> None:
    [place] = find_places("x.py", b"def f():\n    call(\n        b,\n    )\n")
    assert (place.line, place.before, place.after) == (2, "call( b, )", "pass")


@pytest.mark.parametrize("package", PACKAGES)
def test_each_change_of_the_projects_sources_is_another_program(package: str) -> None:
    """And the list of equivalents names only places that there are."""
    places = package_places(ROOT, package)
    refuse_idle(places, [entry for entry in load_equivalents() if entry.file.startswith(f"{package}/")])
    drawn = draw(places, "any", 60)
    assert len(drawn) == 60
    for place in drawn[::5]:
        source = (ROOT / place.file).read_bytes()
        assert ast.dump(ast.parse(place.apply(source))) != ast.dump(ast.parse(source))
