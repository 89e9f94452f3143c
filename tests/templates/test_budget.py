from __future__ import annotations

import pytest
from hypothesis import given

from templates import budget
from templates.model import Workflow
from tests.strategies import workflow_of, workflows


@pytest.mark.parametrize(("timeouts", "visibility_s"), [([60] * 5, 1800), ([10], 330), ([55], 330), ([56], 336)])
def test_visibility_is_six_times_the_steps_and_never_below_the_machine(timeouts: list[int], visibility_s: int) -> None:
    steps = [{"stage": f"S{n}", "handler": "take", "timeout_s": timeout} for n, timeout in enumerate(timeouts)]
    workflow = workflow_of({"name": "a", "type": "EXPRESS", "steps": steps})
    assert budget.visibility_timeout_s(workflow) == visibility_s


@given(workflow=workflows())
def test_a_message_stays_hidden_for_longer_than_its_execution_can_take(workflow: Workflow) -> None:
    visibility_s = budget.visibility_timeout_s(workflow)
    assert budget.EXPRESS_LIMIT_S + 30 <= visibility_s <= 43_200
    assert budget.queue_age_alarm_s(visibility_s) > visibility_s
