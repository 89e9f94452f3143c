"""What moto's queues lack: one change at a time, where a dead letter came from, and visibility of old messages.

Source: SQS API Reference, "ChangeMessageVisibility"; Developer Guide, "Using dead-letter queues".
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from moto.sqs import models
from moto.sqs.exceptions import InvalidParameterValue, ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, SQSBackend
from moto.sqs.responses import SQSResponse

from ceap.local.hooks import replace

_VISIBILITY_MAX_S: Final = 43_200
_SOURCE: Final = "DeadLetterQueueSourceArn"


def source_of(message: Message) -> str | None:
    """Return the ARN of the queue whose redrive policy made a message a dead letter; None if it was sent as one."""
    arn: str | None = vars(message).get("ceap_source")
    return arn


@cache
def install() -> None:
    """Hook moto's queues, once per process; AttributeError if moto lacks a part."""
    replace(Queue, "_set_attributes", _keeping_policy(Queue._set_attributes))
    replace(Queue, "add_message", _noting_source(Queue.add_message))
    replace(Queue, "delete_message", _alone(Queue.delete_message))
    replace(Message, "mark_received", _noting_time(Message.mark_received))
    replace(SQSBackend, "receive_message", _alone_in_backend(SQSBackend.receive_message))
    replace(SQSResponse, "receive_message", _telling_source(SQSResponse.receive_message))
    replace(SQSBackend, "change_message_visibility", _change_visibility)


def _keeping_policy(set_attributes: Callable[..., None]) -> Callable[..., None]:
    """Change the attributes that are given and no others: moto drops the policy.

    Source: SQS API Reference, "SetQueueAttributes".
    """

    def _set_attributes(queue: Queue, attributes: dict[str, Any], *rest: Any, **named: Any) -> None:
        kept = vars(queue).get("_policy_json")
        set_attributes(queue, attributes, *rest, **named)
        if kept is not None and "Policy" not in attributes:
            queue._policy_json = kept

    return _set_attributes


def _noting_source(add: Callable[[Queue, Message], None]) -> Callable[[Queue, Message], None]:
    def add_message(queue: Queue, message: Message) -> None:
        known = vars(message)
        known["ceap_source"], known["ceap_queue"] = known.get("ceap_queue"), queue.queue_arn
        add(queue, message)

    return add_message


def _telling_source(receive: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Let a dead letter tell its queue among its attributes: moto does not know it."""

    def receive_message(response: Any) -> Any:
        answer = receive(response)
        asked = {*response._get_param("AttributeNames", []), *response._get_param("MessageSystemAttributeNames", [])}
        if asked & {"All", _SOURCE}:
            queue = response.sqs_backend.get_queue(response._get_queue_name())
            sources = {message.id: source_of(message) for message in list(queue._messages)}
            for message in answer.result.get("Messages", ()):
                if source := sources.get(message["MessageId"]):
                    message.setdefault("Attributes", {})[_SOURCE] = source
        return answer

    return receive_message


def _noting_time(receive: Callable[..., None]) -> Callable[..., None]:
    def mark_received(message: Message, visibility_timeout: int | None = None) -> None:
        vars(message)["ceap_received_ms"] = vars(models)["unix_time_millis"]()
        receive(message, visibility_timeout)

    return mark_received


def _alone(delete: Callable[[Queue, str], None]) -> Callable[[Queue, str], None]:
    """Let one at a time change a queue's list: moto makes a new one, which would lack what another has added."""

    def delete_message(queue: Queue, receipt_handle: str) -> None:
        with queue._messages_lock:
            delete(queue, receipt_handle)

    return delete_message


def _alone_in_backend(receive: Callable[..., list[Message]]) -> Callable[..., list[Message]]:
    def receive_message(backend: SQSBackend, queue_name: str, *given: Any, **named: Any) -> list[Message]:
        # The lock is free while a receive waits for messages.
        with backend.get_queue(queue_name)._messages_lock:
            return receive(backend, queue_name, *given, **named)

    return receive_message


def _change_visibility(backend: SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
    """Count the twelve hours from the last receive, as AWS does; moto counts them from the sending."""
    queue = backend.get_queue(queue_name)
    message = next((found for found in list(queue._messages) if found.had_receipt_handle(receipt_handle)), None)
    if message is None:
        raise ReceiptHandleIsInvalid
    held_s = (vars(models)["unix_time_millis"]() - vars(message).get("ceap_received_ms", 0)) / 1000
    if held_s + int(visibility_timeout) > _VISIBILITY_MAX_S and int(visibility_timeout):
        raise InvalidParameterValue(
            f"Value {visibility_timeout} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout "
            f"for the message is beyond the limit [{_VISIBILITY_MAX_S} seconds]"
        )
    message.change_visibility(visibility_timeout)
    if message.visible:
        queue.pending_messages.discard(message)
