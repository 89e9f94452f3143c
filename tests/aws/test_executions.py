"""Executions as Step Functions lists them, and as the log of an EXPRESS state machine tells of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ceap.aws.executions import Execution, arn_of, executions_in, message_in, name_of, short_cause

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:ceap-orders-dev"
ARN = "arn:aws:states:us-east-1:123456789012:express:ceap-orders-dev:run-1:5e1"


def event(number: int, kind: str, arn: str = ARN, at_s: float = 100.0, **details: Any) -> dict[str, Any]:
    at = str(round(at_s * 1000))
    return {"id": str(number), "type": kind, "execution_arn": arn, "event_timestamp": at, "details": details}


def test_the_name_of_an_express_execution_is_not_the_last_part_of_its_arn() -> None:
    assert name_of(ARN) == "run-1"
    assert name_of(arn_of(MACHINE, "run-2")) == "run-2"


def test_events_that_arrive_in_any_order_make_one_execution() -> None:
    events = [
        event(4, "ExecutionFailed", at_s=103.5, error="KeyError", cause='{"errorMessage": "no price"}'),
        event(3, "TaskStateEntered", name="PriceStage"),
        event(1, "ExecutionStarted", input='[{"messageId": "m1"}]'),
        event(2, "PassStateEntered", name="ReceiveMessage"),
    ]
    assert executions_in(events) == [
        Execution(
            arn=ARN,
            name="run-1",
            status="FAILED",
            started=100.0,
            ended=103.5,
            error="KeyError",
            cause="no price",
            input='[{"messageId": "m1"}]',
            states=("ReceiveMessage", "PriceStage"),
        )
    ]


def test_an_execution_whose_end_the_log_lacks_is_running_as_far_as_the_log_knows() -> None:
    [execution] = executions_in([event(1, "ExecutionStarted")])
    assert (execution.status, execution.ended) == ("RUNNING", None)


def test_executions_come_in_the_order_of_their_starts_and_other_lines_are_passed_over() -> None:
    later, earlier = ARN.replace("run-1", "later"), ARN.replace("run-1", "earlier")
    events: list[dict[str, Any]] = [
        event(1, "ExecutionStarted", later, 200.0),
        {"message": "no event"},
        event(1, "ExecutionStarted", earlier, 150.0),
    ]
    assert [execution.name for execution in executions_in(events)] == ["earlier", "later"]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ('[{"messageId": "m1"}]', {"messageId": "m1"}),
        ("[]", None),
        ('["text"]', None),
        ('{"messageId": "m1"}', None),
        ("not JSON", None),
        (None, None),
    ],
)
def test_the_message_is_the_first_record_of_what_a_pipe_has_given(given: str | None, found: Any) -> None:
    assert message_in(given) == found


@pytest.mark.parametrize(
    ("cause", "short"),
    [
        (json.dumps({"errorMessage": "no price", "errorType": "KeyError"}), "no price"),
        (json.dumps({"ErrorMessage": "no rows", "JobRunState": "FAILED"}), "no rows"),
        ("a plain text", "a plain text"),
        (None, None),
    ],
)
def test_of_a_failed_function_or_job_the_message_alone_is_the_cause(cause: str | None, short: str | None) -> None:
    assert short_cause(cause) == short
