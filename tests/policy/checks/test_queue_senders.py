from __future__ import annotations

from typing import Any

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, drop, of, sub
from tests.policy.trigger_mutants import add_statement, statement

RULE = "WIRE16_QUEUE_SENDERS"
STATEMENTS = "/Resources/{}Policy/Properties/PolicyDocument/Statement/{}"


@pytest.mark.parametrize(
    "change",
    [
        statement("Queue", "Condition", "ArnEquals", "aws:SourceArn", sub("arn:aws:events:*:*:rule/*")),
        statement("Queue", "Condition", {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}),
        statement("Queue", "Action", ["sqs:SendMessage", "sqs:ReceiveMessage"]),
        statement("Queue", "Principal", {"Service": "events.amazonaws.com", "AWS": {"Ref": "AWS::AccountId"}}),
    ],
)
def test_a_statement_that_is_wider_than_its_rule_is_found(change: Change) -> None:
    what = (
        "the policy of Queue allows others than ObjectRule to send | fix: aws:SourceArn: the ARN of ObjectRule, or a "
    )
    assert said(RULE, "triggered", change) == [(f"{what}waiver with the reason", STATEMENTS.format("Queue", 0))]


@pytest.mark.parametrize("kind", ["express", "standard"])
@pytest.mark.parametrize("principal", [{"Service": "scheduler.amazonaws.com"}, {"AWS": {"Ref": "AWS::AccountId"}}])
def test_a_statement_for_someone_else_is_found(kind: str, principal: dict[str, Any]) -> None:
    what = (
        "the policy of Queue allows others than roles to send | fix: grant sqs:SendMessage in the sender's role, or a "
        "waiver with the reason"
    )
    change = add_statement("Queue", Principal=principal)
    assert said(RULE, kind, change) == [(what, STATEMENTS.format("Queue", 1))]


def test_a_queue_for_unsent_messages_without_a_policy_is_found() -> None:
    what = (
        "the queue has no policy, so it takes requests without TLS | fix: an AWS::SQS::QueuePolicy that denies sqs:* "
        "where aws:SecureTransport is 'false'"
    )
    change = drop("Resources", "TriggerDeadLetterQueuePolicy")
    assert said(RULE, "triggered", change) == [(what, "/Resources/TriggerDeadLetterQueue")]


def test_a_rule_that_the_policy_refuses_is_found_once_elsewhere() -> None:
    change = of("ObjectRule", "Name", sub("ceap-triggered-${Environment}-uploads"))
    assert said(RULE, "triggered", change) == []
    assert [what.partition(" |")[0] for what, _ in said("WIRE15_OBJECT_RULE", "triggered", change)] == [
        "the policy of Queue does not allow this rule to send"
    ]
