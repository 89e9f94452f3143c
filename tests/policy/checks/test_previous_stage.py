from __future__ import annotations

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, asl, state, state_without
from tests.policy.state_mutants import PAYLOAD, swap_order

RULE = "P03_PREVIOUS_STAGE"
STATES = "/Resources/StateMachine/Properties/DefinitionString/States"


def previous(stage: str, value: str | None) -> Change:
    return state(stage, *PAYLOAD, "previousStage", value)


@pytest.mark.parametrize(
    ("change", "stage", "message"),
    [
        (
            previous("RateStage", "TakeStage"),
            "RateStage",
            "the stage reads the output of TakeStage, and the stage before it is SiftStage | fix: "
            '"previousStage": "SiftStage"',
        ),
        (
            previous("RateStage", None),
            "RateStage",
            'the stage reads the message, and the stage before it is SiftStage | fix: "previousStage": "SiftStage"',
        ),
        (
            previous("TakeStage", "Receive"),
            "TakeStage",
            'the stage reads the output of Receive, and it is the first stage | fix: "previousStage": null',
        ),
    ],
)
def test_a_stage_that_reads_another_than_the_one_before_is_found(change: Change, stage: str, message: str) -> None:
    place = f"{STATES}/{stage}/Parameters/Payload/previousStage"
    assert said(RULE, "express", change) == [(f"{message}", place)]


def test_states_in_another_order_are_found_at_each_stage_that_has_another_before_it() -> None:
    stages = [place.split("/")[6] for _, place in said(RULE, "express", asl(swap_order))]
    assert stages == ["RateStage", "SiftStage", "KeepStage"]


def test_a_job_is_the_stage_before_as_a_function_is_and_the_state_that_puts_the_message_on_s3_is_none() -> None:
    [(message, _)] = said(RULE, "standard", previous("RateStage", "SiftStage"))
    assert message.endswith('"previousStage": "HeavyStage"')
    [(message, _)] = said(RULE, "job_first", previous("KeepStage", "StageInput"))
    assert message.endswith('"previousStage": "HeavyStage"')


def test_a_task_without_our_payload_is_left_alone() -> None:
    assert said(RULE, "express", state("RateStage", "Parameters", "Payload", {"order.$": "$.order"})) == []
    assert said(RULE, "express", state_without("RateStage", "Parameters")) == []
