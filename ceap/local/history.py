"""The events of an execution, as GetExecutionHistory answers them and as the machine's log group has them.

An event has `timestamp` (seconds since the epoch), `type`, `id`, `previousEventId` and `details`.
Source: Step Functions Developer Guide, "Using CloudWatch Logs"; recordings (`docs/reference/conformance.md`).
"""

import datetime
import json
import zlib
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

Event: TypeAlias = Mapping[str, Any]

DATA: Final = frozenset({"input", "inputDetails", "output", "outputDetails"})
"""The details that are left out where no data is wanted."""


def answered(event: Event, *, with_data: bool) -> dict[str, Any]:
    """Return an event as GetExecutionHistory answers it."""
    kind = event["type"]
    name = f"{kind[0].lower()}{kind[1:]}"
    for common in ("stateEntered", "stateExited"):
        if kind.lower().endswith(common.lower()):
            name = common
    common_fields = {key: value for key, value in event.items() if key != "details"}
    return {**common_fields, f"{name}EventDetails": _details(event, with_data=with_data)}


def log_line(event: Event, execution_arn: str, redrives: int, *, with_data: bool) -> str:
    """Return the log entry of an event."""
    line = {
        "details": _details(event, with_data=with_data),
        "redrive_count": str(redrives),
        "id": str(event["id"]),
        "type": event["type"],
        "previous_event_id": str(event["previousEventId"]),
        "event_timestamp": str(round(event["timestamp"] * 1000)),
        "execution_arn": execution_arn,
    }
    return json.dumps(line, separators=(",", ":"))


def log_stream(machine_arn: str, *, is_express: bool, moment: float) -> str:
    """Return the log stream of a machine's events at a time: one an hour, for an EXPRESS machine one a minute."""
    span = "%Y-%m-%d-%H-%M" if is_express else "%Y-%m-%d-%H"
    when = datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime(span)
    return f"states/{machine_arn.rpartition(':')[2]}/{when}/{zlib.crc32(machine_arn.encode()):08x}"


def iso_time(moment: float) -> str:
    """Return a time as the context object has it, to the millisecond."""
    text = datetime.datetime.fromtimestamp(moment, datetime.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _details(event: Event, *, with_data: bool) -> Mapping[str, Any]:
    details: Mapping[str, Any] = event["details"]
    return details if with_data else {key: value for key, value in details.items() if key not in DATA}
