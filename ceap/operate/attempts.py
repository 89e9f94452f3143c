"""What the stages of an execution did, from its history (STANDARD) or from the log of its state machine (EXPRESS).

Source: Step Functions API Reference, "HistoryEvent"; Developer Guide, "Using CloudWatch Logs".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from ceap.aws.executions import FAILURE_EVENTS, Status, short_cause
from ceap.aws.log_lines import parsed
from ceap.aws.session import Aws

_ENDS: Final[Mapping[str, Status]] = {
    "TaskSucceeded": "SUCCEEDED",
    "TaskFailed": "FAILED",
    "TaskStartFailed": "FAILED",
    "TaskSubmitFailed": "FAILED",
    "TaskTimedOut": "TIMED_OUT",
    **FAILURE_EVENTS,
}
"""How an attempt that runs ends with an event of the execution."""


class Event(NamedTuple):
    """An event of an execution; its time is in seconds since the epoch."""

    type: str
    moment: float
    details: Mapping[str, Any]


class Attempt(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One attempt of a stage, counted over all redrives; `redrive` is 0 before the first of them.

    `request` is the id of the function's invocation, which is known of one that failed.
    """

    stage: str
    number: int
    status: Status
    started: float
    ended: float | None = None
    error: str | None = None
    cause: str | None = None
    request: str | None = None
    redrive: int = 0


def read_history(aws: Aws, arn: str) -> Iterator[Event]:
    """Yield the events of an execution of a STANDARD state machine, in order, without inputs and outputs."""
    pages = aws.client("stepfunctions").get_paginator("get_execution_history")
    for page in pages.paginate(executionArn=arn, includeExecutionData=False, maxResults=1000):
        for event in page["events"]:
            details: Mapping[str, Any] = next(
                (value for key, value in event.items() if key.endswith("EventDetails")), {}
            )
            yield Event(event["type"], event["timestamp"].timestamp(), details)


def logged_events(events: Iterable[Mapping[str, Any]], arn: str) -> list[Event]:
    """Return the events of an execution among those of a log, in order."""
    ours = [event for event in events if event.get("execution_arn") == arn and "id" in event]
    ours.sort(key=lambda event: int(event["id"]))
    return [Event(event["type"], int(event["event_timestamp"]) / 1000, event.get("details") or {}) for event in ours]


def attempts_in(events: Iterable[Event]) -> list[Attempt]:
    """Return the attempts of all states, in order; that of a state that is no stage is among them."""
    found: list[Attempt] = []
    stage, redrive = "", 0
    for event in events:
        if event.type.endswith("StateEntered"):
            stage = event.details.get("name", "")
        elif event.type == "ExecutionRedriven":
            redrive += 1
        elif event.type == "TaskScheduled":
            number = sum(attempt.stage == stage for attempt in found) + 1
            running: Status = "RUNNING"
            found.append(Attempt(stage=stage, number=number, status=running, started=event.moment, redrive=redrive))
        elif (status := _ENDS.get(event.type)) and found and found[-1].status == "RUNNING":
            found[-1] = _ended(found[-1], status, event)
    return found


def _ended(attempt: Attempt, status: Status, event: Event) -> Attempt:
    cause = event.details.get("cause")
    return msgspec.structs.replace(
        attempt,
        status=status,
        ended=event.moment,
        error=event.details.get("error"),
        cause=short_cause(cause),
        request=parsed(cause or "").get("requestId"),
    )
