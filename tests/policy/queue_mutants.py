"""Wrong queues: changes to the queues of a golden template and to their policies that a rule must notice."""

from __future__ import annotations

from typing import Any

from tests.policy.changes import Change, Mutant, drop, of, without
from tests.policy.samples import Json


def denial(queue: str, *place: Any) -> Change:
    return of(f"{queue}Policy", "PolicyDocument", "Statement", 0, *place)


def off_without_key(data: Json) -> None:
    properties = data["Resources"]["DeadLetterQueue"]["Properties"]
    properties["SqsManagedSseEnabled"] = False
    del properties["KmsMasterKeyId"]


REDRIVE = "RedriveAllowPolicy"

QUEUE_MUTANTS = [
    Mutant(f"SEC01_{rule}", kind, name, change)
    for rule, kind, name, change in (
        ("QUEUE_ENCRYPTION", "express", "off", of("Queue", "SqsManagedSseEnabled", False)),
        ("QUEUE_ENCRYPTION", "express", "off, and no key", off_without_key),
        ("QUEUE_ENCRYPTION", "express", "off without a key", of("Queue", "SqsManagedSseEnabled", "Fn::If", 2, False)),
        ("QUEUE_ENCRYPTION", "standard", "off with a key", without("AlertDeadLetterQueue", "KmsMasterKeyId")),
        ("QUEUE_TLS", "express", "no policy for dead letters", drop("Resources", "DeadLetterQueuePolicy")),
        ("QUEUE_TLS", "express", "no policy for messages", drop("Resources", "QueuePolicy")),
        ("QUEUE_TLS", "express", "one action", denial("Queue", "Action", ["sqs:SendMessage"])),
        ("QUEUE_TLS", "express", "allowed", denial("Queue", "Effect", "Allow")),
        ("QUEUE_TLS", "express", "turned", denial("Queue", "Condition", "Bool", "aws:SecureTransport", "true")),
        ("QUEUE_TLS", "standard", "one service", denial("Queue", "Principal", {"Service": "events.amazonaws.com"})),
        (
            "QUEUE_TLS",
            "standard",
            "narrowed",
            denial("DeadLetterQueue", "Condition", "IpAddress", {"aws:SourceIp": "192.0.2.0/24"}),
        ),
        ("QUEUE_TLS", "standard", "no denial", without("AlertDeadLetterQueuePolicy", "PolicyDocument", "Statement", 1)),
        ("RETENTION", "express", "4 days", without("Queue", "MessageRetentionPeriod")),
        ("RETENTION", "standard", "7 days", of("Queue", "MessageRetentionPeriod", 604_800)),
        ("RETENTION", "standard", "alerts for 4 days", without("AlertDeadLetterQueue", "MessageRetentionPeriod")),
        ("MESSAGE_SIZE", "express", "256 KiB", of("Queue", "MaximumMessageSize", 262_144)),
        ("MESSAGE_SIZE", "express", "default of 1 MiB", without("Queue", "MaximumMessageSize")),
        ("MESSAGE_SIZE", "standard", "one byte more", of("Queue", "MaximumMessageSize", 122_881)),
        ("DEAD_LETTER_SOURCES", "express", "no name", without("Queue", "QueueName")),
        ("DEAD_LETTER_SOURCES", "express", "any queue", without("DeadLetterQueue", "RedriveAllowPolicy")),
        ("DEAD_LETTER_SOURCES", "standard", "no queue", of("DeadLetterQueue", REDRIVE, "sourceQueueArns", [])),
        (
            "DEAD_LETTER_SOURCES",
            "standard",
            "any queue, said",
            of("DeadLetterQueue", REDRIVE, "redrivePermission", "allowAll"),
        ),
        ("VISIBILITY", "express", "300 s", of("Queue", "VisibilityTimeout", 300)),
        ("VISIBILITY", "express", "default", without("Queue", "VisibilityTimeout")),
        ("VISIBILITY", "express", "a text", of("Queue", "VisibilityTimeout", "1800")),
    )
]
