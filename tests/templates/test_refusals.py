"""A declaration with one thing wrong is refused at its place, in any workflow; one with nothing wrong is not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from templates.errors import ConfigError
from tests.strategies import READER, whole_declarations, workflow_of
from tests.templates.violations import VIOLATIONS

BOTH: list[dict[str, Any]] = [
    {"name": "a", "type": "EXPRESS", "steps": [{"stage": "A", "handler": "keep"}, {"stage": "B", "handler": "sift"}]},
    {"name": "a", "type": "STANDARD", "steps": [{"stage": "A", **READER}, {"stage": "B", "glue": "heavy"}]}
    | {"s3_events": {}},
]


def refusal_of(declaration: dict[str, Any]) -> str:
    """Return the refusal of a declaration, without the file that it begins with."""
    with pytest.raises(ConfigError) as caught:
        workflow_of(declaration)
    return str(caught.value).partition("declaration.yaml: ")[2]


@pytest.mark.parametrize("name", VIOLATIONS)
def test_one_thing_that_is_wrong_is_refused_with_its_place(name: str) -> None:
    cases = [case for each in BOTH for number in (0, 1) if (case := VIOLATIONS[name](each, number))]
    assert [refusal_of(case.declaration)[: len(case.said)] for case in cases] == [case.said for case in cases] != []


@settings(max_examples=300)
@given(declaration=whole_declarations(), data=st.data())
def test_one_thing_that_is_wrong_is_refused_in_any_workflow_that_is_accepted_without_it(
    declaration: dict[str, Any], data: st.DataObject
) -> None:
    assert workflow_of(declaration).name == declaration["name"]
    number = data.draw(st.integers(0, len(declaration["steps"]) - 1))
    name = data.draw(st.sampled_from([name for name, wrong in VIOLATIONS.items() if wrong(declaration, number)]))
    case = VIOLATIONS[name](declaration, number)
    assert case is not None
    assert refusal_of(case.declaration)[: len(case.said)] == case.said
