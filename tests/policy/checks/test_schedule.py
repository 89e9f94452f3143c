from __future__ import annotations

from typing import Any

import pytest

from ceap.cfn.template import parse_template
from ceap.policy.checks.schedule import check
from tests.policy.broken import said
from tests.policy.changes import Change, arn, of, without

RULE = "WIRE14_SCHEDULE"
PLACE = "/Resources/Schedule/Properties"


def found(change: Change) -> list[tuple[str, str]]:
    return said(RULE, "triggered", change)


def test_a_schedule_that_sends_past_the_queue_is_found() -> None:
    what = "the schedule does not send to the queue of the workflow | fix: Arn: !GetAtt Queue.Arn"
    assert found(of("Schedule", "Target", "Arn", {"Ref": "StateMachine"})) == [(what, f"{PLACE}/Target/Arn")]


@pytest.mark.parametrize("queue", ["Queue", "DeadLetterQueue", "PipeLogGroup"])
def test_a_queue_for_unsent_messages_that_has_others_is_found(queue: str) -> None:
    what = (
        "a message that cannot be sent is lost, or lies among those that failed | fix: DeadLetterConfig: "
        "{Arn: !GetAtt of a queue that no queue redrives to}"
    )
    change = of("Schedule", "Target", "DeadLetterConfig", "Arn", arn(queue))
    assert found(change) == [(what, f"{PLACE}/Target/DeadLetterConfig/Arn")]


@pytest.mark.parametrize("value", ["go", "[]", '"a text"', '{"at": "<aws.scheduler.scheduled-time>"}', {"Ref": "X"}])
def test_an_input_that_is_no_message_is_found(value: Any) -> None:
    what = (
        "the Input is no JSON object that reaches the queue as it is | fix: Input: the text of the message that starts "
        "the first stage"
    )
    assert found(of("Schedule", "Target", "Input", value)) == [(what, f"{PLACE}/Target/Input")]


def test_an_input_that_a_deployment_fills_in_is_fine() -> None:
    assert found(of("Schedule", "Target", "Input", {"Fn::Sub": '{"source": {"bucket": "a-${Environment}"}}'})) == []


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "ScheduleExpression",
            "cron(0 2 * * *)",
            "the time of the schedule has 5 fields | fix: cron takes 6: minutes, hours, day-of-month, month, "
            "day-of-week, year; write e.g. cron(0 2 * * ? *)",
        ),
        (
            "ScheduleExpressionTimezone",
            "Berlin",
            "Berlin is no IANA time zone | fix: ScheduleExpressionTimezone: e.g. Europe/Berlin",
        ),
        ("State", "DISABLED", "the schedule sends nothing | fix: State: ENABLED, or a waiver with the reason"),
        (
            "GroupName",
            "default",
            "the schedule is in a group that other schedules are in, and its role trusts the group | fix: GroupName: "
            "!Ref of an AWS::Scheduler::ScheduleGroup",
        ),
    ],
)
def test_another_time_state_or_group_is_found(key: str, value: str, message: str) -> None:
    assert found(of("Schedule", key, value)) == [(message, f"{PLACE}/{key}")]


def test_a_window_is_found() -> None:
    what = "the schedule sends its message some time later than it says | fix: Mode: 'OFF', or a waiver with the reason"
    change = of("Schedule", "FlexibleTimeWindow", {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5})
    assert found(change) == [(what, f"{PLACE}/FlexibleTimeWindow/Mode")]


@pytest.mark.parametrize("key", ["State", "ScheduleExpressionTimezone"])
def test_what_scheduler_has_a_default_for_may_be_left_out(key: str) -> None:
    assert found(without("Schedule", key)) == []


def test_schedules_of_other_templates_are_no_business_of_it() -> None:
    text = '{"Resources": {"S": {"Type": "AWS::Scheduler::Schedule", "Properties": {"Target": {"Arn": "arn:a"}}}}}'
    assert list(check(parse_template(text, "other.json"))) == []
