from __future__ import annotations

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, arn, drop, of, without
from tests.policy.samples import Json
from tests.policy.wiring_mutants import watched

RULE = "WIRE03_ALARM_DIMENSION"


@pytest.mark.parametrize(
    ("alarm", "value", "namespace", "dimension", "cure"),
    [
        ("DeadLettersAlarm", {"Ref": "DeadLetterQueue"}, "AWS/SQS", "QueueName", "!GetAtt of a queue's QueueName"),
        ("FailedExecutionsAlarm", arn("Queue"), "AWS/States", "StateMachineArn", "!Ref of a state machine"),
        ("PipeFailuresAlarm", arn("Pipe"), "AWS/EventBridge/Pipes", "PipeName", "!Ref of a pipe"),
        ("UndeliveredAlertsAlarm", arn("FailureRule"), "AWS/Events", "RuleName", "!Ref of a rule"),
    ],
)
def test_a_dimension_that_the_namespace_does_not_know_is_found(
    alarm: str, value: object, namespace: str, dimension: str, cure: str
) -> None:
    message = f"{namespace} has no such {dimension}, so the alarm never fires | fix: {cure}"
    place = f"/Resources/{alarm}/Properties/Dimensions/0/Value"
    assert (message, place) in said(RULE, "standard", watched(alarm, value))


@pytest.mark.parametrize(
    ("alarm", "value", "metric", "resource", "dimension"),
    [
        (
            "DeadLettersAlarm",
            {"Fn::GetAtt": ["Queue", "QueueName"]},
            "ApproximateNumberOfMessagesVisible",
            "DeadLetterQueue",
            "QueueName",
        ),
        (
            "QueueAgeAlarm",
            {"Fn::GetAtt": ["AlertDeadLetterQueue", "QueueName"]},
            "ApproximateAgeOfOldestMessage",
            "Queue",
            "QueueName",
        ),
        ("AbortedExecutionsAlarm", "a text", "ExecutionsAborted", "StateMachine", "StateMachineArn"),
    ],
)
def test_an_alarm_on_another_resource_is_found(
    alarm: str, value: object, metric: str, resource: str, dimension: str
) -> None:
    message = f"no alarm on {metric} watches {resource} | fix: set its {dimension} in Dimensions"
    assert said(RULE, "standard", watched(alarm, value)) == [(message, f"/Resources/{alarm}/Properties/Dimensions")]


@pytest.mark.parametrize(
    "change",
    [
        watched("FailedExecutionsAlarm", arn("StateMachine")),
        of("FailedExecutionsAlarm", "Namespace", "Orders"),
        drop("Resources", "QueueAgeAlarm"),
    ],
)
def test_the_arn_by_another_way_and_no_alarm_at_all_are_left_alone(change: Change) -> None:
    assert said(RULE, "standard", change) == []


def test_what_another_service_writes_out_when_it_is_deployed_is_left_alone() -> None:
    def change(data: Json) -> None:
        data["Resources"]["Orders"] = {"Type": "AWS::Serverless::Function", "Properties": {}}
        of("DeadLettersAlarm", "Namespace", "AWS/Lambda")(data)
        of("DeadLettersAlarm", "Dimensions", [{"Name": "FunctionName", "Value": {"Ref": "Orders"}}])(data)

    places = [place for _, place in said(RULE, "standard", change)]
    assert "/Resources/DeadLettersAlarm/Properties/Dimensions/0/Value" not in places


def test_a_queue_without_a_dead_letter_queue_needs_no_alarm_on_one() -> None:
    assert said(RULE, "express", without("Queue", "RedrivePolicy")) == []
