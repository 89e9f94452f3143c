from __future__ import annotations

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, asl, put, state, state_without
from tests.policy.samples import Json
from tests.policy.state_mutants import ARGUMENTS, key, put_again, skip_input

RULE = "P04_STAGE_INPUT"
STATES = "/Resources/StateMachine/Properties/DefinitionString/States"


def test_a_first_job_without_input_is_found() -> None:
    message = "no task puts the message on S3 for the job | fix: add a StageInput task before it"
    assert said(RULE, "job_first", asl(skip_input)) == [(message, f"{STATES}/HeavyStage")]


@pytest.mark.parametrize(
    ("parameter", "value", "right"),
    [
        ("Key.$", key("Initial"), key("initial")),
        ("Body.$", "$", "$.body"),
        ("Bucket", "${Bucket}", "${WorkflowBucket}"),
    ],
)
def test_an_input_that_the_job_does_not_read_is_found(parameter: str, value: str, right: str) -> None:
    message = f'{parameter} is not what the job reads | fix: "{parameter}": "{right}"'
    change = state("StageInput", "Parameters", parameter, value)
    assert said(RULE, "job_first", change) == [(message, f"{STATES}/StageInput/Parameters/{parameter}")]


def test_an_input_that_no_job_reads_is_found() -> None:
    message = "the state puts the message on S3, and no job reads it there | fix: remove the state"
    assert said(RULE, "express", asl(put_again)) == [(message, f"{STATES}/StageInput")]


@pytest.mark.parametrize(
    "change",
    [state("StageInput", "Parameters", "ContentType", "text/plain"), state_without("StageInput", "Retry")],
)
def test_what_the_job_does_not_see_is_left_alone(change: Change) -> None:
    assert said(RULE, "job_first", change) == []


def test_a_job_with_arguments_of_its_own_needs_no_input() -> None:
    def change(definition: Json) -> None:
        skip_input(definition)
        put("States", "HeavyStage", *ARGUMENTS, {"--day": "1"})(definition)

    assert said(RULE, "job_first", asl(change)) == []
