from __future__ import annotations

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, of, sub, without

RULE = "WIRE04_DEAD_LETTER_SOURCES"
SOURCES = "/Resources/DeadLetterQueue/Properties/RedriveAllowPolicy/sourceQueueArns"
ARN = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:"


def test_a_source_of_another_name_is_refused_both_ways() -> None:
    name = "ceap-express-${Environment}-messages"
    old = f"{ARN}ceap-express-${{Environment}}-queue"
    assert said(RULE, "express", of("Queue", "QueueName", sub(name))) == [
        (f"{old} does not send its dead letters here | fix: the ARN of {name}", f"{SOURCES}/0"),
        (f"the dead letters of {name} are refused | fix: add its ARN", SOURCES),
    ]


def test_a_dead_letter_queue_without_a_source_is_found() -> None:
    [(message, place)] = said(RULE, "express", without("Queue", "RedrivePolicy"))
    assert message.endswith("does not send its dead letters here | fix: remove RedriveAllowPolicy")
    assert place == f"{SOURCES}/0"


def test_a_dead_letter_queue_that_is_no_queue_by_its_arn_is_found() -> None:
    message = "deadLetterTargetArn is not the ARN of a queue | fix: !GetAtt of the dead-letter queue's Arn"
    place = "/Resources/Queue/Properties/RedrivePolicy/deadLetterTargetArn"
    change = of("Queue", "RedrivePolicy", "deadLetterTargetArn", {"Ref": "DeadLetterQueue"})
    assert said(RULE, "express", change) == [(message, place)]


@pytest.mark.parametrize(
    "change",
    [
        without("DeadLetterQueue", "RedriveAllowPolicy"),
        of("DeadLetterQueue", "RedriveAllowPolicy", {"redrivePermission": "denyAll"}),
        of("DeadLetterQueue", "RedriveAllowPolicy", "sourceQueueArns", [{"Ref": "Sources"}]),
        of(
            "DeadLetterQueue",
            "RedriveAllowPolicy",
            "sourceQueueArns",
            sub(f"{ARN}ceap-express-${{Environment}}-queue"),
        ),
    ],
)
def test_what_is_not_by_queue_or_not_known_yet_is_left_alone(change: Change) -> None:
    assert said(RULE, "express", change) == []
