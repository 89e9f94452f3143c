from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from jsonschema import Draft202012Validator

from templates.schema import schema_text
from tests.strategies import declarations

VALIDATOR = Draft202012Validator(json.loads(schema_text()))


@given(declaration=declarations())
def test_every_valid_declaration_fits_the_schema(declaration: dict[str, Any]) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(declaration)] == []


def test_unknown_keys_unknown_handlers_and_steps_of_two_kinds_do_not_fit() -> None:
    step = {"stage": "TakeStage", "handler": "take"}
    right = {"name": "a", "type": "EXPRESS", "steps": [step]}
    wrong: list[dict[str, Any]] = [
        right | {"stages": []},
        right | {"steps": []},
        right | {"steps": [step | {"handler": "elt"}]},
        right | {"steps": [step | {"timeout": 3}]},
        right | {"steps": [step | {"legacy": "TakeFunctionArn"}]},
        right | {"steps": [{"stage": "TakeStage", "legacy": "TakeFunction"}]},
    ]
    assert [VALIDATOR.is_valid(declaration) for declaration in (right, *wrong)] == [True, *(False for _ in wrong)]
