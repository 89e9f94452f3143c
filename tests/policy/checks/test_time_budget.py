from __future__ import annotations

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, asl, drop, of, put, state, state_without, without
from tests.policy.samples import Json
from tests.policy.state_mutants import longer_functions

RULE = "P25_TIME_BUDGET"
MACHINE = "/Resources/StateMachine/Properties"


@pytest.mark.parametrize(
    ("kind", "change", "message", "place"),
    [
        (
            "express",
            state("KeepStage", "TimeoutSeconds", 69),
            'the task times out after 69 s, before its function does | fix: "TimeoutSeconds": 70, '
            "or a shorter Timeout of KeepFunction",
            "DefinitionString/States/KeepStage/TimeoutSeconds",
        ),
        (
            "standard",
            of("HeavyJob", "Timeout", 121),
            'the task times out after 7800 s, before its job with its start does | fix: "TimeoutSeconds": 7860, '
            "or a shorter Timeout of HeavyJob",
            "DefinitionString/States/HeavyStage/TimeoutSeconds",
        ),
        (
            "express",
            longer_functions,
            "the functions may take 380 s together, and EXPRESS allows 300 | fix: shorten their Timeout, "
            "or StateMachineType: STANDARD",
            "StateMachineType",
        ),
        (
            "standard",
            asl(put("TimeoutSeconds", 44549)),
            'the execution times out after 44549 s, and its tasks may take 44550 s | fix: "TimeoutSeconds": 44550',
            "DefinitionString/TimeoutSeconds",
        ),
        (
            "express",
            asl(put("TimeoutSeconds", 299)),
            'the execution times out after 299 s, and its tasks may take 300 s | fix: "TimeoutSeconds": 300',
            "DefinitionString/TimeoutSeconds",
        ),
    ],
)
def test_a_time_out_that_does_not_cover_what_is_inside_is_found(
    kind: str, change: Change, message: str, place: str
) -> None:
    assert said(RULE, kind, change) == [(f"{message}", f"{MACHINE}/{place}")]


@pytest.mark.parametrize(
    ("retry", "needed_s"),
    [
        ({"ErrorEquals": ["States.ALL"], "MaxAttempts": 0}, 44550 - 2 * 7800 - 900),
        ({"ErrorEquals": ["States.ALL"]}, 44550 + 7800 - 900 + 7),
        ({"ErrorEquals": ["States.ALL"], "MaxAttempts": 1, "IntervalSeconds": 5}, 44550 - 7800 - 900 + 5),
    ],
)
def test_the_worst_case_counts_attempts_and_waits_of_each_task(retry: dict[str, object], needed_s: int) -> None:
    def change(definition: dict[str, object]) -> None:
        put("States", "HeavyStage", "Retry", 1, retry)(definition)
        definition["TimeoutSeconds"] = needed_s - 1

    [(message, _)] = said(RULE, "standard", asl(change))
    assert message.endswith(f'"TimeoutSeconds": {needed_s}')


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("express", of("TakeFunction", "Timeout", 59)),
        ("express", state("KeepStage", "TimeoutSeconds", 300)),
        ("standard", asl(put("TimeoutSeconds", 50000))),
        ("standard", asl(drop("TimeoutSeconds"))),
        ("standard", state_without("TakeStage", "TimeoutSeconds")),
        ("standard", of("TakeFunction", "Timeout", {"Ref": "Seconds"})),
        ("standard", asl(put("States", "TakeStage", "Retry", 1, "MaxAttempts", "many"))),
    ],
)
def test_more_than_enough_and_what_cannot_be_known_is_left_alone(kind: str, change: Change) -> None:
    assert said(RULE, kind, change) == []


def test_tasks_after_one_that_runs_a_function_of_another_stack_are_judged() -> None:
    def change(data: Json) -> None:
        state("TakeStage", "Parameters", "FunctionName", "arn:aws:lambda:eu-west-1:111122223333:function:take")(data)
        state("KeepStage", "TimeoutSeconds", 69)(data)

    [(message, _)] = said(RULE, "express", change)
    assert message.startswith("the task times out after 69 s, before its function does")


def test_a_function_that_ends_after_the_default_is_found() -> None:
    message = "the function has no Timeout, so Lambda ends it after 3 s | fix: Timeout"
    place = "/Resources/TakeFunction/Properties/Timeout"
    assert said(RULE, "express", without("TakeFunction", "Timeout")) == [(message, place)]


@pytest.mark.parametrize(("key", "value"), [("MaxAttempts", 99_999_999), ("BackoffRate", 1e9)])
def test_waits_beyond_all_limits_are_found_too(key: str, value: object) -> None:
    change = state("HeavyStage", "Retry", 0, key, value)
    [(message, _)] = said(RULE, "standard", change)
    assert message.endswith('"TimeoutSeconds": 31536000')
