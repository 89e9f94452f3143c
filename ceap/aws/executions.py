"""Executions of a deployed workflow: those that Step Functions lists, and those of which only a log tells.

AWS lists no executions of an EXPRESS state machine; the delivery of its log is best effort.
Source: Step Functions API Reference, "ListExecutions"; Developer Guide, "Using CloudWatch Logs".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import code_of
from ceap.aws.log_lines import parsed, read_lines
from ceap.aws.session import Aws

Status: TypeAlias = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
UNSUCCESSFUL: Final[tuple[Status, ...]] = ("FAILED", "TIMED_OUT", "ABORTED")

PAGE: Final = 1000
"""The most that ListExecutions returns at once."""

_NEAR_S: Final = 600
_PLACE: Final = re.compile(r" \(\w+ of execution [^ ]+; output s3://[^ ]+\)$")

FAILURE_EVENTS: Final[Mapping[str, Status]] = {
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
    "ExecutionAborted": "ABORTED",
}
"""The last event of an execution that does not succeed, and its status."""

_ENDS: Final[Mapping[str, Status]] = {"ExecutionSucceeded": "SUCCEEDED", **FAILURE_EVENTS}


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """An execution; times are in seconds since the epoch.

    `error`, `cause` and `input` are known of one that was described, or whose log has them; `cause` is the message
    alone. `states` are those that an EXPRESS execution entered, in order. `not_redrivable` is AWS's reason why one that
    was described cannot be redriven; None if it can.
    """

    arn: str
    name: str
    status: Status
    started: float
    ended: float | None = None
    error: str | None = None
    cause: str | None = None
    input: str | None = None
    states: tuple[str, ...] = ()
    redrives: int = 0
    redriven: float | None = None
    not_redrivable: str | None = None

    @property
    def changed(self) -> float:
        """When it ended; of one that runs, when it was started or redriven last."""
        return max(self.started, self.redriven or 0.0, self.ended or 0.0)


def name_of(arn: str) -> str:
    """Return the name of an execution, which is not the last part of the ARN of an EXPRESS one.

    Source: arn:aws:states:REGION:ACCOUNT:express:MACHINE:NAME:UUID, as recorded.
    """
    return arn.split(":")[7]


def list_executions(aws: Aws, machine: str, status: Status | None = None) -> Iterator[Execution]:
    """Yield the executions of a STANDARD state machine without error, cause and input, the last `changed` first.

    One that started long ago comes before those that started later, if it has ended or was redriven after them.
    Source: Step Functions API Reference, "ListExecutions".
    """
    paginator = aws.client("stepfunctions").get_paginator("list_executions")
    wanted = {"statusFilter": status} if status else {}
    for page in paginator.paginate(stateMachineArn=machine, maxResults=PAGE, **wanted):
        yield from (_execution(entry) for entry in page["executions"])


def describe(aws: Aws, arn: str) -> Execution:
    """Return an execution of a STANDARD state machine; botocore's ClientError if there is none."""
    return _execution(aws.client("stepfunctions").describe_execution(executionArn=arn))


def find_execution(aws: Aws, machine: str, name: str) -> Execution | None:
    """Return an execution of a STANDARD state machine by its name; None if Step Functions does not know it."""
    try:
        return describe(aws, arn_of(machine, name))
    except ClientError as error:
        if code_of(error) not in ("ExecutionDoesNotExist", "InvalidName"):
            raise
        return None


def arn_of(machine: str, name: str) -> str:
    """Return the ARN of an execution of a STANDARD state machine."""
    return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"


def message_in(given: str | None) -> dict[str, Any] | None:
    """Return the first record in the input of an execution that a pipe has started; None for any other input."""
    try:
        records = json.loads(given or "")
    except ValueError:
        return None
    first = records[0] if isinstance(records, list) and records else None
    return first if isinstance(first, dict) else None


def failed_state(aws: Aws, arn: str) -> str | None:
    """Return the state in which an execution of a STANDARD state machine ended, from its history."""
    pages = aws.client("stepfunctions").get_paginator("get_execution_history")
    for page in pages.paginate(executionArn=arn, reverseOrder=True, includeExecutionData=False, maxResults=20):
        for event in page["events"]:
            if event["type"].endswith("StateEntered"):
                name: str = event["stateEnteredEventDetails"]["name"]
                return name
    return None


def express_executions(
    aws: Aws, log_group: str, *, since_s: float, until_s: float | None = None, term: str | Sequence[str] | None = None
) -> list[Execution]:
    """Return the EXPRESS executions of which the log of their state machine has lines, the earliest first.

    With `term` those only that have an event which holds it, or one of several, e.g. the id of the message.
    One whose end is not in the log is RUNNING here: its objects say more.
    """
    return executions_in(express_events(aws, log_group, since_s=since_s, until_s=until_s, term=term))


def express_events(
    aws: Aws, log_group: str, *, since_s: float, until_s: float | None = None, term: str | Sequence[str] | None = None
) -> Iterator[Mapping[str, Any]]:
    """Yield the events of EXPRESS executions in the log of their state machine.

    With `term` those only of executions that have an event which holds it, or one of several: all of them.
    """
    lines = read_lines(aws, log_group, term, since_s=since_s, until_s=until_s)
    if term is None:
        yield from (parsed(line.message) for line in lines)
        return
    seen: dict[str, float] = {}
    for line in lines:
        if arn := parsed(line.message).get("execution_arn"):
            seen.setdefault(arn, line.timestamp_s)
    for arn, moment in sorted(seen.items()):
        # It lasts 5 minutes at most, before or after the line that was found.
        found = read_lines(aws, log_group, arn, since_s=moment - _NEAR_S, until_s=moment + _NEAR_S)
        yield from (event for line in found if (event := parsed(line.message)).get("execution_arn") == arn)


def executions_in(events: Iterable[Mapping[str, Any]]) -> list[Execution]:
    """Return the EXPRESS executions that events of a log tell of, the earliest first."""
    by_arn: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        if {"execution_arn", "type", "event_timestamp", "id"} <= event.keys():
            by_arn.setdefault(event["execution_arn"], []).append(event)
    found = [_of_events(arn, sorted(each, key=lambda event: int(event["id"]))) for arn, each in by_arn.items()]
    return sorted(found, key=lambda execution: (execution.started, execution.arn))


def short_cause(cause: str | None) -> str | None:
    """Return a cause; of one that is the JSON of a failed function or job, the message alone."""
    failed = parsed(cause or "")
    return failed.get("errorMessage") or failed.get("ErrorMessage") or cause


def without_place(cause: str | None) -> str:
    """Return a cause without the stage, execution and output that the runtime of a stage puts behind its message."""
    return _PLACE.sub("", cause or "")


def _execution(entry: Mapping[str, Any]) -> Execution:
    ended, redriven = entry.get("stopDate"), entry.get("redriveDate")
    return Execution(
        arn=entry["executionArn"],
        name=entry["name"],
        status=entry["status"],
        started=entry["startDate"].timestamp(),
        ended=ended.timestamp() if ended else None,
        error=entry.get("error"),
        cause=short_cause(entry.get("cause")),
        input=entry.get("input"),
        redrives=entry.get("redriveCount") or 0,
        redriven=redriven.timestamp() if redriven else None,
        not_redrivable=_why_not(entry),
    )


def _why_not(entry: Mapping[str, Any]) -> str | None:
    """Return why an execution cannot be redriven. Source: Step Functions API Reference, "DescribeExecution"."""
    status = entry.get("redriveStatus", "REDRIVABLE")
    return None if status == "REDRIVABLE" else str(entry.get("redriveStatusReason") or status)


def _of_events(arn: str, events: list[Mapping[str, Any]]) -> Execution:
    end = next((event for event in events if event["type"] in _ENDS), None)
    start = next((event for event in events if event["type"] == "ExecutionStarted"), events[0])
    details = end.get("details", {}) if end else {}
    return Execution(
        arn=arn,
        name=name_of(arn),
        status=_ENDS[end["type"]] if end else "RUNNING",
        started=_seconds(start),
        ended=_seconds(end) if end else None,
        error=details.get("error"),
        cause=short_cause(details.get("cause")),
        input=start.get("details", {}).get("input"),
        states=tuple(event["details"]["name"] for event in events if event["type"].endswith("StateEntered")),
    )


def _seconds(event: Mapping[str, Any]) -> float:
    return int(event["event_timestamp"]) / 1000
