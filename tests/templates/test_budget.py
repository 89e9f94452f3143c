"""The time budget, by worked examples: the numbers are counted by hand, in seconds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from templates import budget
from templates.definition import build_definition
from templates.model import Workflow
from templates.stacks import workflow_stack
from tests.strategies import workflow_of, workflows
from tests.templates.support import of_type

TAKE = {"stage": "TakeStage", "handler": "take"}
HEAVY = {"stage": "HeavyStage", "glue": "heavy", "timeout_min": 10}
LONGEST = {"max_attempts": 10, "interval_s": 3600, "backoff_rate": 10, "reason": "for tests"}


def declared(kind: str, *steps: dict[str, Any], **keys: Any) -> Workflow:
    return workflow_of({"name": "a", "type": kind, "steps": list(steps), **keys})


@pytest.mark.parametrize(
    ("workflow", "seconds"),
    [
        pytest.param(declared("EXPRESS", TAKE), 300, id="EXPRESS, whatever its steps take"),
        pytest.param(declared("STANDARD", TAKE), 3 * 70 + 20 + 40, id="three attempts of 60 s and 10, and their waits"),
        pytest.param(
            declared("STANDARD", TAKE | {"timeout_s": 900}, TAKE | {"stage": "AgainStage", "timeout_s": 1}),
            (3 * 910 + 60) + (3 * 11 + 60),
            id="the sum of two steps",
        ),
        pytest.param(
            declared("STANDARD", TAKE, HEAVY),
            270 + 3 * (600 + 600) + (300 + 600) + 60 * (1 + 2 + 4 + 8 + 16 + 32 + 64 + 128),
            id="a job of 10 minutes, 10 more to start, and 255 minutes for its turn",
        ),
        pytest.param(
            declared("STANDARD", HEAVY),
            (3 * 60 + 20 + 40) + 3 * 1200 + 900 + 15_300,
            id="a job first, for which a task puts the message on S3",
        ),
        pytest.param(
            declared("STANDARD", TAKE, retry={"lambda": {"max_attempts": 0, "reason": "for tests"}}),
            70,
            id="one attempt",
        ),
        pytest.param(
            declared(
                "STANDARD",
                TAKE,
                retry={"lambda": {"max_attempts": 3, "interval_s": 1, "backoff_rate": 1.5, "reason": "for tests"}},
            ),
            4 * 70 + 5,
            id="waits of 1, 1.5 and 2.25 s, rounded up",
        ),
        pytest.param(
            declared("STANDARD", TAKE, retry={"lambda": LONGEST}), 365 * 86_400, id="no more than Step Functions allows"
        ),
    ],
)
def test_an_execution_may_take_as_long_as_all_attempts_and_waits(workflow: Workflow, seconds: int) -> None:
    assert build_definition(workflow)["TimeoutSeconds"] == seconds


@pytest.mark.parametrize(
    ("step", "seconds"),
    [(TAKE, 70), (TAKE | {"timeout_s": 900}, 910), (HEAVY, 1200), ({"stage": "HeavyStage", "glue": "heavy"}, 29_400)],
)
def test_a_task_times_out_after_what_does_its_work(step: dict[str, Any], seconds: int) -> None:
    assert build_definition(declared("STANDARD", step))["States"][step["stage"]]["TimeoutSeconds"] == seconds


@pytest.mark.parametrize(
    ("timeouts", "visibility_s", "age_s"),
    [([60] * 5, 1800, 3600), ([10], 330, 660), ([55], 330, 660), ([56], 336, 672)],
)
def test_visibility_is_six_times_the_steps_and_never_below_the_machine(
    timeouts: list[int], visibility_s: int, age_s: int
) -> None:
    steps = [{"stage": f"S{n}", "handler": "take", "timeout_s": timeout} for n, timeout in enumerate(timeouts)]
    assert hidden_and_old(declared("EXPRESS", *steps)) == (visibility_s, age_s)


def test_a_message_of_a_standard_workflow_is_hidden_until_its_execution_is_started() -> None:
    assert hidden_and_old(declared("STANDARD", TAKE | {"timeout_s": 900}, HEAVY)) == (60, 600)


def hidden_and_old(workflow: Workflow) -> tuple[int, int]:
    """Return the queue's visibility timeout, and the age of a message at which its alarm fires."""
    template = workflow_stack(workflow)
    queue, alarm = (template["Resources"][name]["Properties"] for name in ("Queue", "QueueAgeAlarm"))
    return queue["VisibilityTimeout"], alarm["Threshold"]


def test_executions_can_be_redriven_for_14_days_and_what_they_wrote_is_kept_for_7() -> None:
    assert (budget.REDRIVABLE_S, budget.EXECUTIONS_DAYS, budget.EXECUTIONS_S) == (1_209_600, 7, 604_800)
    assert (budget.EXPRESS_LIMIT_S, budget.STANDARD_LIMIT_S) == (300, 31_536_000)


def test_messages_are_kept_for_as_long_as_sqs_allows_and_fit_an_execution() -> None:
    queues = of_type(workflow_stack(declared("EXPRESS", TAKE)), "AWS::SQS::Queue")
    assert {queue["MessageRetentionPeriod"] for queue in queues.values()} == {14 * 86_400}
    assert queues["Queue"]["MaximumMessageSize"] == 122_880
    assert queues["Queue"]["RedrivePolicy"]["maxReceiveCount"] == 3


@given(workflow=workflows())
def test_a_message_stays_hidden_for_longer_than_its_execution_can_take(workflow: Workflow) -> None:
    visibility_s = budget.visibility_timeout_s(workflow)
    assert budget.EXPRESS_LIMIT_S + 30 <= visibility_s <= 43_200
    assert budget.queue_age_alarm_s(visibility_s) > visibility_s
