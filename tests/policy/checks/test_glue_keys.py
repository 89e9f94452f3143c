from __future__ import annotations

import pytest

from tests.policy.broken import said
from tests.policy.changes import state, state_without
from tests.policy.state_mutants import ARGUMENTS, key

RULE = "P23_GLUE_KEYS"
PLACE = "/Resources/StateMachine/Properties/DefinitionString/States/HeavyStage/Parameters/Arguments"


@pytest.mark.parametrize(
    ("kind", "argument", "stage", "right"),
    [
        ("standard", "input-key", "TakeStage", "SiftStage"),
        ("standard", "input-key", "initial", "SiftStage"),
        ("standard", "output-key", "SiftStage", "HeavyStage"),
        ("job_first", "input-key", "HeavyStage", "initial"),
    ],
)
def test_a_key_of_another_stage_is_found(kind: str, argument: str, stage: str, right: str) -> None:
    message = f'{argument} is not the key of {right} | fix: "--{argument}.$": "{key(right)}"'
    change = state("HeavyStage", *ARGUMENTS, f"--{argument}.$", key(stage))
    assert said(RULE, kind, change) == [(message, f"{PLACE}/--{argument}.$")]


def test_a_missing_key_is_left_to_the_rule_on_arguments() -> None:
    assert said(RULE, "standard", state_without("HeavyStage", *ARGUMENTS, "--input-key.$")) == []
