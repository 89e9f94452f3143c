from __future__ import annotations

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, of, without

RULE = "P33_REDELIVERY"


@pytest.mark.parametrize(
    ("kind", "change", "message", "place"),
    [
        (
            "express",
            of("Queue", "VisibilityTimeout", 1799),
            "a message may become visible after 1799 s, while it is processed | fix: VisibilityTimeout: 1800",
            "Queue/Properties/VisibilityTimeout",
        ),
        (
            "express",
            without("Queue", "VisibilityTimeout"),
            "a message may become visible after 30 s, while it is processed | fix: VisibilityTimeout: 1800",
            "Queue/Properties/VisibilityTimeout",
        ),
        (
            "standard",
            of("Queue", "VisibilityTimeout", 59),
            "a message may become visible after 59 s, while it is processed | fix: VisibilityTimeout: 60",
            "Queue/Properties/VisibilityTimeout",
        ),
        (
            "express",
            of("Queue", "MessageRetentionPeriod", 5399),
            "SQS deletes a message before it was received 3 times | fix: MessageRetentionPeriod: 5400 or more",
            "Queue/Properties/MessageRetentionPeriod",
        ),
        (
            "express",
            of("QueueAgeAlarm", "Threshold", 3599),
            "the alarm fires while a message may still be processed | fix: Threshold: 3600",
            "QueueAgeAlarm/Properties/Threshold",
        ),
    ],
)
def test_a_message_that_comes_too_soon_or_not_often_enough_is_found(
    kind: str, change: Change, message: str, place: str
) -> None:
    assert said(RULE, kind, change) == [(f"{message}", f"/Resources/{place}")]


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("standard", of("Queue", "VisibilityTimeout", 300)),
        ("standard", of("Queue", "VisibilityTimeout", {"Ref": "Seconds"})),
        ("express", of("Queue", "MessageRetentionPeriod", 5400)),
        ("express", without("Queue", "RedrivePolicy")),
        ("express", of("DeadLettersAlarm", "Threshold", 1)),
        ("express", without("Pipe", "Source")),
    ],
)
def test_enough_and_what_cannot_be_known_is_left_alone(kind: str, change: Change) -> None:
    assert said(RULE, kind, change) == []
