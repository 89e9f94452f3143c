from __future__ import annotations

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, arn, drop, of, sub, without
from tests.policy.wiring_mutants import TARGET, alert_policy

RULE = "WIRE05_UNDELIVERED_ALERTS"
SOURCE = ("Condition", "ArnEquals", "aws:SourceArn")


@pytest.mark.parametrize(
    "change",
    [
        of("FailureRule", "Name", sub("ceap-standard-${Environment}-failed")),
        without("FailureRule", "Name"),
        alert_policy("Effect", "Deny"),
        alert_policy("Principal", "Service", "sns.amazonaws.com"),
        alert_policy("Action", "sqs:ReceiveMessage"),
        alert_policy("Resource", [arn("Queue")]),
        alert_policy(*SOURCE, arn("Queue")),
        drop("Resources", "AlertDeadLetterQueuePolicy"),
        of("AlertDeadLetterQueuePolicy", "Queues", [{"Ref": "Queue"}]),
    ],
)
def test_a_queue_that_refuses_the_rule_is_found(change: Change) -> None:
    message = "AlertDeadLetterQueue refuses the undelivered events of FailureRule"
    cure = "a policy that allows events.amazonaws.com sqs:SendMessage, aws:SourceArn the ARN of this rule"
    place = "/Resources/FailureRule/Properties/Targets/0/DeadLetterConfig/Arn"
    assert said(RULE, "standard", change) == [(f"{message} | fix: {cure}", place)]


@pytest.mark.parametrize(
    "change",
    [
        alert_policy(*SOURCE, arn("FailureRule")),
        alert_policy(*SOURCE, "arn:aws:events:*:*:rule/*"),
        alert_policy("Condition", {}),
        alert_policy("Resource", "*"),
        alert_policy("Action", ["sqs:SendMessage", "sqs:GetQueueAttributes"]),
        of("FailureRule", *TARGET, "DeadLetterConfig", "Arn", {"Fn::ImportValue": "queue"}),
    ],
)
def test_other_ways_to_let_the_rule_in_are_fine(change: Change) -> None:
    assert said(RULE, "standard", change) == []
