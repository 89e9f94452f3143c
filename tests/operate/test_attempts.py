"""Attempts of stages, from the events of histories and logs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ceap.operate.attempts import Event, attempts_in, logged_events


def event(kind: str, moment: float, **details: Any) -> Event:
    return Event(kind, moment, details)


ENTERED = event("TaskStateEntered", 0.0, name="A")


def test_attempts_are_counted_by_stage_over_redrives_which_enter_no_state() -> None:
    cause = json.dumps({"errorMessage": "no", "errorType": "E", "requestId": "r1"})
    attempts = attempts_in(
        [
            event("PassStateEntered", 0.0, name="ReceiveMessage"),
            ENTERED,
            event("TaskScheduled", 1.0),
            event("TaskFailed", 2.0, error="E", cause=cause),
            event("ExecutionFailed", 2.0, error="E", cause=cause),
            event("ExecutionRedriven", 9.0, redriveCount=1),
            event("TaskScheduled", 10.0),
            event("TaskSucceeded", 11.0),
            event("TaskStateEntered", 12.0, name="B"),
            event("TaskScheduled", 13.0),
        ]
    )
    assert [(each.stage, each.number, each.status, each.redrive) for each in attempts] == [
        ("A", 1, "FAILED", 0),
        ("A", 2, "SUCCEEDED", 1),
        ("B", 1, "RUNNING", 1),
    ]
    assert (attempts[0].error, attempts[0].cause, attempts[0].request) == ("E", "no", "r1")
    assert [(each.started, each.ended) for each in attempts] == [(1.0, 2.0), (10.0, 11.0), (13.0, None)]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("TaskTimedOut", "TIMED_OUT"),
        ("TaskSubmitFailed", "FAILED"),
        ("TaskStartFailed", "FAILED"),
        ("ExecutionTimedOut", "TIMED_OUT"),
        ("ExecutionAborted", "ABORTED"),
        ("ExecutionFailed", "FAILED"),
    ],
)
def test_an_attempt_ends_with_its_own_event_or_with_the_execution(kind: str, status: str) -> None:
    [attempt] = attempts_in([ENTERED, event("TaskScheduled", 1.0), event(kind, 5.0)])
    assert (attempt.status, attempt.ended) == (status, 5.0)


def test_events_of_a_log_are_put_in_order_and_those_of_others_left_out() -> None:
    def line(arn: str, number: int) -> dict[str, Any]:
        return {"execution_arn": arn, "id": str(number), "type": f"T{number}", "event_timestamp": f"{number}500"}

    found = logged_events([line("ours", 10), line("other", 1), line("ours", 9), {}], "ours")
    assert found == [Event("T9", 9.5, {}), Event("T10", 10.5, {})]
