"""Limits of AWS that moto does not know, as a route of the gateway: it answers only what is beyond one."""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, Final

from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends

from ceap.local import table_limits
from ceap.local.answers import Answer, ApiError, refusal
from ceap.local.calls import Request
from ceap.local.s3_questions import deleted_objects

# Source: SQS Developer Guide, "Amazon SQS message quotas"; API Reference, "SendMessage".
_MESSAGE_BYTES: Final = 1024 * 1024
_ATTRIBUTES_MAX: Final = 10
_BATCH_MAX: Final = 10
_REFUSED_CHARACTERS: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# Source: S3 User Guide, "Naming Amazon S3 objects", "Working with object metadata"; API Reference, "DeleteObjects".
_KEY_BYTES: Final = 1024
_METADATA: Final = "x-amz-meta-"
_METADATA_BYTES: Final = 2048
_DELETED_MAX: Final = 1000

# Source: API reference of PutEvents; exactly 1 MiB was recorded to pass.
_EVENTS_BYTES: Final = 1024 * 1024
_TIME_BYTES: Final = 14
_INTEGERS: Final = range(-(2**63), 2**63)


def serve(request: Request) -> Answer | None:
    """Refuse a request that is beyond a limit, with AWS's code and wording."""
    check = _CHECKS.get(request.service)
    try:
        if check:
            check(request)
    except ApiError as error:
        return refusal(request.service, 404 if error.code == "NoSuchUpload" else 400, error.code, str(error))
    return None


def refuse_event(entry: Mapping[str, Any]) -> dict[str, str] | None:
    """Return what PutEvents answers for an entry that the bus does not take, or None if moto decides."""
    if entry.get("Source", "").startswith("aws."):
        return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
    detail = entry.get("Detail")
    if detail and not _is_object(detail):
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    return None


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text, parse_int=_read_integer, parse_constant=_read_integer), dict)
    except (ValueError, RecursionError):
        return False


def _read_integer(text: str) -> int:
    """Return an integer of at most 64 bits; ValueError for another, and for NaN and infinity, which are no JSON."""
    if (integer := int(text)) not in _INTEGERS:
        raise ValueError(text)
    return integer


def _check_events(request: Request) -> None:
    entries = request.document.get("Entries", ())
    if sum(map(_event_bytes, entries)) > _EVENTS_BYTES:
        raise ApiError("ValidationException", "Total size of the entries in the request is over the limit.")


def _event_bytes(entry: Mapping[str, Any]) -> int:
    texts = [*(entry.get(field) or "" for field in ("Source", "DetailType", "Detail")), *entry.get("Resources", ())]
    return sum(len(text.encode()) for text in texts) + (_TIME_BYTES if "Time" in entry else 0)


def _check_sqs(request: Request) -> None:
    match request.operation:
        case "SendMessage":
            _check_message(request, request.document)
        case "SendMessageBatch":
            _check_messages(request.document.get("Entries", ()))
        case "ChangeMessageVisibilityBatch" | "DeleteMessageBatch":
            if (count := len(request.document.get("Entries", ()))) > _BATCH_MAX:
                raise ApiError(
                    "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
                    f"Maximum number of entries per request are {_BATCH_MAX}. You have sent {count}.",
                )


def _check_message(request: Request, message: Mapping[str, Any]) -> None:
    _check_content(message, "MessageBody")
    name = message.get("QueueUrl", "").rpartition("/")[2]
    queue: Any = sqs_backends[request.account][request.region].queues.get(name)
    if queue and _message_bytes(message) > (limit := int(queue.maximum_message_size)):
        raise ApiError(
            "InvalidParameterValue",
            f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes.",
        )


def _check_messages(messages: list[Mapping[str, Any]]) -> None:
    for number, message in enumerate(messages, 1):
        _check_content(message, f"SendMessageBatchRequestEntry.{number}.MessageBody")
    if (size_bytes := sum(map(_message_bytes, messages))) > _MESSAGE_BYTES:
        raise ApiError(
            "AWS.SimpleQueueService.BatchRequestTooLong",
            f"Batch requests cannot be longer than {_MESSAGE_BYTES} bytes. You have sent {size_bytes} bytes.",
        )


def _check_content(message: Mapping[str, Any], parameter: str) -> None:
    body = message.get("MessageBody", "")
    if not body:
        raise ApiError("MissingParameter", f"The request must contain the parameter {parameter}.")
    if _REFUSED_CHARACTERS.search(body):
        raise ApiError(
            "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF and #xE000 to "
            "#xFFFD",
        )
    if (count := len(message.get("MessageAttributes", ()))) > _ATTRIBUTES_MAX:
        raise ApiError(
            "InvalidParameterValue",
            f"Number of message attributes [{count}] exceeds the allowed maximum [{_ATTRIBUTES_MAX}].",
        )


def _message_bytes(message: Mapping[str, Any]) -> int:
    attributes = message.get("MessageAttributes", {})
    sizes = [len(text.encode()) for text in (message.get("MessageBody", ""), *attributes)]
    return sum(sizes) + sum(
        len(b64decode(text)) if field == "BinaryValue" else len(text.encode())
        for attribute in attributes.values()
        for field, text in attribute.items()
        if isinstance(text, str)
    )


def _check_s3(request: Request) -> None:
    bucket, _, key = request.path.lstrip("/").partition("/")
    if len(key.encode()) > _KEY_BYTES:
        raise ApiError("KeyTooLongError", "Your key is too long")
    metadata = [(name, value) for name, value in request.headers.items() if name.startswith(_METADATA)]
    if sum(len(name) - len(_METADATA) + len(value.encode()) for name, value in metadata) > _METADATA_BYTES:
        raise ApiError("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
    if request.method == "POST" and "delete" in request.query and len(deleted_objects(request.body)) > _DELETED_MAX:
        raise ApiError(
            "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"
        )
    if request.method == "PUT" and "uploadId" in request.query:
        _check_part(request, bucket)


def _check_part(request: Request, bucket: str) -> None:
    if request.query.get("partNumber") == "0":
        raise ApiError("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
    found = s3_backends[request.account]["aws"].buckets.get(bucket)
    if found and request.query["uploadId"] not in found.multiparts:
        raise ApiError(
            "NoSuchUpload",
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
            "completed.",
        )


_CHECKS: Final[Mapping[str, Callable[[Request], None]]] = {
    "dynamodb": table_limits.check_request,
    "events": _check_events,
    "s3": _check_s3,
    "sqs": _check_sqs,
}
