"""What the engine answers to a call, as the API of its service writes it."""

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from xml.sax.saxutils import escape

from ceap.local.calls import Request


class Answer(NamedTuple):
    """A response of a route."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


class ApiError(Exception):
    """An error of an AWS API: its code and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code: Final = code


Document = dict[str, Any]
Operation = Callable[[Document], Document]


def serve_json(operation: Operation, request: Request) -> Answer:
    """Serve a request of a JSON API with an operation, which takes and returns a document or raises ApiError."""
    try:
        return Answer(200, json.dumps(operation(request.document)).encode())
    except ApiError as error:
        return refusal(request.service, 400, error.code, str(error))


Route = Callable[[Request], Answer | None]
"""Serves an allowed request, or returns None if the request belongs to another route."""


def denial(service: str, message: str) -> Answer:
    """Return the refusal of what no policy allows."""
    is_query = service in {"cloudformation", "iam", "s3", "sqs", "sts"}
    code = "AccessDenied" if is_query else "AccessDeniedException"
    return refusal(service, 403 if is_query or service == "lambda" else 400, code, message)


def refusal(service: str, status: int, code: str, message: str) -> Answer:
    """Return an error as the API of a service writes it."""
    if service == "s3":
        text = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        return Answer(status, text.encode(), {"Content-Type": "application/xml"})
    if service in {"sns", "sts", "iam", "cloudformation", "ses"}:
        error = f"<Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message>"
        text = f"<ErrorResponse><Error>{error}</Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
        return Answer(status, text.encode(), {"Content-Type": "text/xml"})
    body = json.dumps({"__type": code, "message": message, "Message": message}).encode()
    return Answer(status, body, {"Content-Type": "application/json", "x-amzn-ErrorType": code})
