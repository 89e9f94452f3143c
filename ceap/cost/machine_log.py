"""How many bytes a state machine logs of an execution, by its logging configuration and the message.

Each state's input and output is in the log, and since results are discarded, that is the message each time.
Source: Step Functions Developer Guide, "Logging in CloudWatch Logs"; the sizes are those of the local engine's events,
which have AWS's form.
"""

import json
from typing import Any, Final

from ceap.cfn.lookup import Machine, at
from templates.definition import PUT_OBJECT

_EVENT: Final = 330
"""An event without data."""
_SCHEDULED: Final = 700
"""TaskScheduled, with the parameters of a task but the message."""
_SUCCEEDED: Final = 540
_FAILED: Final = 1_600
"""TaskFailed, whose cause holds the stack trace."""
_HANDLE: Final = "x" * 400
"""Receipt handles have no documented length; those of AWS have some hundred characters."""


def machine_log_bytes(machine: Machine, message: str, retries: float) -> float:
    """Return the bytes of one execution that succeeds after `retries` further attempts of tasks."""
    logging = machine.resource.properties.get("LoggingConfiguration")
    if at(logging, "Level") != "ALL":
        return 0.0  # ERROR and FATAL log what fails alone
    has_data = at(logging, "IncludeExecutionData") is True
    record, body = (_encoded(_record(message)), _encoded(message)) if has_data else (0, 0)
    total = 2.0 * (_EVENT + record)  # ExecutionStarted, ExecutionSucceeded
    kinds, is_first = machine.kinds(), True
    for name in machine.chain():
        total += 2 * (_EVENT + record)  # entered, exited
        is_put = machine.states[name].get("Resource") == PUT_OBJECT
        if name in kinds or is_put:
            total += _SCHEDULED + _EVENT + _SUCCEEDED + (body if is_first else 0)
            is_first = False
    return total + retries * (_SCHEDULED + _EVENT + _FAILED)


def _record(message: str) -> dict[str, Any]:
    """Return a message as a pipe hands it on."""
    attributes = {
        "ApproximateReceiveCount": "1",
        "SentTimestamp": "1764000000000",
        "SenderId": "AROAEXAMPLEEXAMPLE123:session",
        "ApproximateFirstReceiveTimestamp": "1764000000000",
    }
    return {
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": _HANDLE,
        "body": message,
        "attributes": attributes,
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:ceap-realtime-dev-queue",
        "awsRegion": "us-east-1",
    }


def _encoded(value: Any) -> int:
    """Return the bytes of a value inside the text of an event, which is JSON in JSON."""
    return len(json.dumps(json.dumps(value)).encode())
