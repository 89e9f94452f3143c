"""The strategies draw all that a declaration may have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, find, given, seed, settings

from templates.config import STEPS_MAX
from templates.naming import purpose
from templates.schema import schema_text
from tests.strategies import COUNTS, ROOM, whole_declarations

PLACES = {
    "schedule": "Schedule",
    "s3_events": "ObjectEvents",
    "adopt": "Adoption",
    "retry": "Retries",
    "log_retention_days": "LogRetention",
    "lambda": "RetryPolicy",
    "glue": "GlueRetryPolicy",
}
"""The types of values by their key."""


@pytest.fixture(scope="module")
def drawn() -> list[dict[str, Any]]:
    """Many declarations."""
    found: list[dict[str, Any]] = []

    @seed(1)
    @settings(max_examples=400, phases=[Phase.generate], database=None)
    @given(declaration=whole_declarations())
    def collect(declaration: dict[str, Any]) -> None:
        found.append(declaration)

    collect()
    return found


def keys_of(value: dict[str, Any], kind: str) -> Iterator[tuple[str, str]]:
    """Yield each key of a value and of those below it, with the type that has it."""
    for key, inner in value.items():
        yield kind, key
        if key in PLACES and isinstance(inner, dict):
            yield from keys_of(inner, PLACES[key])
        elif key == "steps":
            for step in inner:
                yield from keys_of(step, kind_of(step))


def kind_of(step: dict[str, Any]) -> str:
    return "GlueStep" if "glue" in step else "LegacyStep" if "legacy" in step else "LambdaStep"


def test_every_key_of_the_schema_is_drawn(drawn: list[dict[str, Any]]) -> None:
    schema = json.loads(schema_text())
    kinds = {"Declaration": schema, **schema["$defs"]}
    known = {(name, key) for name, kind in kinds.items() for key in kind.get("properties", {})}
    # The settings of an existing function say how its payload looks, which tests/templates/test_legacy.py declares.
    assert known - {found for each in drawn for found in keys_of(each, "Declaration")} == {("LegacyStep", "settings")}


def test_small_and_large_workflows_of_both_types_are_drawn(drawn: list[dict[str, Any]]) -> None:
    sizes = [(each["type"], len(each["steps"])) for each in drawn]
    assert {("EXPRESS", 1), ("STANDARD", 1), ("EXPRESS", 2), ("STANDARD", 2)} <= {*sizes}
    assert sum(count for _, count in sizes) / len(sizes) < 6


def test_the_largest_workflow_is_drawn() -> None:
    assert find(COUNTS, lambda count: count == STEPS_MAX, settings=settings(max_examples=20_000)) == 50


def test_names_that_just_fit_are_drawn(drawn: list[dict[str, Any]]) -> None:
    lengths = {len(each["name"]) + max(len(purpose(step["stage"])) for step in each["steps"]) for each in drawn}
    assert max(lengths) == ROOM
    assert min(lengths) < 10
