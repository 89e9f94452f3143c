"""What calls of SQS's message move tasks ask of IAM: rights on the dead-letter queue and on where its messages go.

Source: SQS Developer Guide, "Troubleshoot Amazon SQS dead-letter queue and DLQ redrive issues".
"""

import base64
import binascii
import json
from typing import Final

import msgspec
from moto.sqs.models import sqs_backends

from ceap.local.calls import Question, Request, UnknownCallError

OPERATIONS: Final = frozenset({"StartMessageMoveTask", "ListMessageMoveTasks", "CancelMessageMoveTask"})
_TAKING: Final = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


class Handle(msgspec.Struct, frozen=True, rename="camel"):
    """What a task's handle holds: its id, and the ARN of the queue that it empties. Source: recorded handles."""

    task_id: str
    source_arn: str

    def __str__(self) -> str:
        return base64.b64encode(msgspec.json.encode(self)).decode()


def read_handle(text: object) -> Handle | None:
    """Return what a handle holds; None for a text that is no handle."""
    try:
        return msgspec.convert(json.loads(base64.b64decode(str(text), validate=True)), Handle)
    except (binascii.Error, ValueError):
        return None


def ask_move_task(request: Request) -> list[Question]:
    """Return what a call must be allowed; UnknownCallError for one that names no queue.

    A handle that cannot be read asks for nothing, since it is refused.
    """
    given, operation = request.document, request.operation
    if operation == "CancelMessageMoveTask":
        handle = read_handle(given.get("TaskHandle"))
        return _of_source(operation, _TAKING, handle.source_arn) if handle else []
    source = str(given.get("SourceArn") or "")
    if not source.startswith("arn:"):
        raise UnknownCallError(request, "the call does not name its queue in SourceArn")
    if operation == "ListMessageMoveTasks":
        return _of_source(operation, _TAKING[2:], source)
    destination = given.get("DestinationArn")
    targets = [str(destination)] if destination else sources_of(request.account, request.region, source)
    return [
        *_of_source(operation, _TAKING, source),
        *(Question("sqs:SendMessage", target) for target in targets),
    ]


def sources_of(account: str, region: str, dead_letter_queue: str) -> list[str]:
    """Return the ARNs of the queues whose dead letters go to a queue."""
    return [
        queue.queue_arn
        for queue in list(sqs_backends[account][region].queues.values())
        if (policy := getattr(queue, "redrive_policy", None)) and policy.get("deadLetterTargetArn") == dead_letter_queue
    ]


def _of_source(operation: str, others: tuple[str, ...], queue: str) -> list[Question]:
    return [Question(action, queue) for action in (f"sqs:{operation}", *others)]
