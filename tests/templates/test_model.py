"""The patterns of the model and of the settings of our own handlers, found in their types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates import discovery
from templates.model import Declaration, Step
from tests.strategies import HANDLERS


def patterns(kind: Any) -> Iterator[str]:
    """Yield every pattern of a type, in whatever it holds."""
    if isinstance(kind, msgspec.inspect.Type | msgspec.inspect.Field):
        if isinstance(kind, msgspec.inspect.StrType) and kind.pattern is not None:
            yield kind.pattern
        for field in kind.__struct_fields__:
            yield from patterns(getattr(kind, field))
    elif isinstance(kind, tuple):
        for part in kind:
            yield from patterns(part)


SETTINGS = [discovery.load_needs(handler).settings for handler in HANDLERS]
PATTERNS = {
    pattern
    for kind in (Declaration, *get_args(Step), *SETTINGS)
    for pattern in patterns(msgspec.inspect.type_info(kind))
}


def test_the_patterns_of_names_stages_workers_and_buckets_are_found() -> None:
    assert len(PATTERNS) >= 4


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
@given(data=st.data())
def test_no_pattern_lets_a_final_line_feed_pass(pattern: str, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(pattern))
    assert re.search(pattern, text)
    assert not re.search(pattern, text + "\n")


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_a_pattern_has_no_escape_that_json_schema_lacks(pattern: str) -> None:
    assert not re.search(r"\\[AZz]|\(\?[^:!=]", pattern)
