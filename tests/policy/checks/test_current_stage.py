from __future__ import annotations

from tests.policy.broken import said
from tests.policy.changes import state
from tests.policy.state_mutants import PAYLOAD

RULE = "P02_CURRENT_STAGE"
STATES = "/Resources/StateMachine/Properties/DefinitionString/States"


def test_a_task_that_says_another_name_is_found_at_the_field() -> None:
    message = 'the stage writes its output as SiftStage | fix: "currentStage": "RateStage"'
    place = f"{STATES}/RateStage/Parameters/Payload/currentStage"
    assert said(RULE, "express", state("RateStage", *PAYLOAD, "currentStage", "SiftStage")) == [(message, place)]


def test_a_missing_or_odd_field_is_left_to_the_payload_rule() -> None:
    assert said(RULE, "express", state("RateStage", *PAYLOAD, "currentStage", 1)) == []
    assert said(RULE, "express", state("RateStage", *PAYLOAD, {})) == []
