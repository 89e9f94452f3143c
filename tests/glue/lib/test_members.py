"""How values are put into the text of a record: all else stays as it was written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.glue.support import Json

SCAN = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # missing from the type stubs

NAMES = st.sampled_from(["a", "b", "c"]) | st.text(max_size=3)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=8)
OBJECTS = st.recursive(
    st.dictionaries(NAMES, VALUES), lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=4
)
STYLES = st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", "\t: ")])


def put(record: Json, path: list[str], value: Any) -> bool:
    """Put a value into a record; return whether there is a place for it."""
    for name in path[:-1]:
        record = record.setdefault(name, {})
        if not isinstance(record, dict):
            return False
    record[path[-1]] = value
    return True


TEXTS = st.builds(
    lambda record, style, ascii: json.dumps(record, separators=style, ensure_ascii=ascii),  # noqa: A006 (as json calls it)
    OBJECTS,
    STYLES,
    st.booleans(),
)


@given(text=TEXTS, path=st.lists(NAMES, min_size=1, max_size=3), value=VALUES)
def test_a_value_goes_to_its_place_and_nothing_else_changes(lib: Any, text: str, path: list[str], value: Any) -> None:
    wanted = json.loads(text)
    if put(wanted, path, value):
        assert json.loads(lib.members.set_member(text, 0, tuple(path), json.dumps(value), SCAN)) == wanted
    else:
        with pytest.raises(lib.errors.JobError, match="has no object where `output` wants to put"):
            lib.members.set_member(text, 0, tuple(path), json.dumps(value), SCAN)


@pytest.mark.parametrize(
    ("text", "path", "wanted"),
    [
        ("{}", "a", '{"a":7}'),
        ("{}", "a.b.c", '{"a":{"b":{"c":7}}}'),
        ("{ }", "a", '{"a":7 }'),
        ('{"n":1.10,"m":1E+2,"k":-0}', "a", '{"n":1.10,"m":1E+2,"k":-0,"a":7}'),
        ('{"n":123456789012345678901234567890.10}', "a", '{"n":123456789012345678901234567890.10,"a":7}'),
        ('{"a" : {"x":null} , "b":1.0}', "a.y", '{"a" : {"x":null,"y":7} , "b":1.0}'),
        ('{"a":{"b":[1, 2]},"c":{}}', "a.b", '{"a":{"b":7},"c":{}}'),
        ('{"s":"\\u00fc\\/ü\u2028","c":null}', "a", '{"s":"\\u00fc\\/ü\u2028","c":null,"a":7}'),
        ('{"a":1,"b":2,"a":3}', "a", '{"a":1,"b":2,"a":7}'),
        ('{"\\u0061":1}', "a", '{"\\u0061":7}'),
        ('{"x":"}{\\"a\\":1,"}', "a", '{"x":"}{\\"a\\":1,","a":7}'),
    ],
)
def test_what_is_not_touched_stays_as_it_is_written(lib: Any, text: str, path: str, wanted: str) -> None:
    assert lib.members.set_member(text, 0, tuple(path.split(".")), "7", SCAN) == wanted
