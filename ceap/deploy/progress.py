"""What an operation does to each resource, told while it does it.

Source: CloudFormation API Reference, "DescribeStackEvents": the newest first, with those of earlier operations behind.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.deploy.causes import plain
from ceap.deploy.plan import is_busy

Event = Mapping[str, Any]

_DONE: Final = {
    "CREATE_COMPLETE": "created",
    "UPDATE_COMPLETE": "updated",
    "DELETE_COMPLETE": "deleted",
    "DELETE_SKIPPED": "stays",
    "IMPORT_COMPLETE": "imported",
}
_BEGINNINGS: Final = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS")
_TURNS: Final = {
    "ROLLBACK_IN_PROGRESS": "it failed: CloudFormation removes what it made",
    "UPDATE_ROLLBACK_IN_PROGRESS": "it failed: CloudFormation goes back to what was there before",
    "IMPORT_ROLLBACK_IN_PROGRESS": "it failed: CloudFormation lets go of what it imported",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "all is updated: CloudFormation removes what is no longer used",
}


class Ended(NamedTuple):
    """An operation that has ended: the stack's status, CloudFormation's reason, and its events, the oldest first."""

    status: str
    reason: str
    events: tuple[Event, ...]

    @property
    def is_done(self) -> bool:
        """Whether it did what it began to, rather than being refused, rolled back, or replaced by another operation.

        CloudFormation begins no deletion of a stack whose exports are in use: it tells the old status once more.
        """
        told = [event["ResourceStatus"] for event in self.events if is_stack(event)]
        begun = next((status for status in told if status in _BEGINNINGS), None)
        return begun is not None and self.status == begun.replace("_IN_PROGRESS", "_COMPLETE")


class Progress:
    """Lines about the events of one operation; `total` is how many resources it changes, None where that is unknown."""

    def __init__(self, total: int | None = None) -> None:
        self._total = total
        self._begun: Final[dict[str, datetime]] = {}
        self._done: Final[set[str]] = set()

    def take(self, event: Event) -> str | None:
        """Return the line that an event is worth; None if it tells nothing new."""
        status, logical_id = event["ResourceStatus"], event["LogicalResourceId"]
        if is_stack(event):
            if "ROLLBACK" in status:
                self._total = None  # from here on it is not the change that gets on
            if status == "UPDATE_COMPLETE" and self._total and (rest := self._total - len(self._done)) > 0:
                return f"  {rest} of {self._total} needed no change"
            return _TURNS.get(status)
        if status.endswith("_IN_PROGRESS"):
            self._begun.setdefault(logical_id, event["Timestamp"])
            return None
        begun = self._begun.pop(logical_id, None)
        if status.endswith("_FAILED"):
            return f"{self._count()}{_named(event)} failed: {plain(event.get('ResourceStatusReason', ''))}"
        if status not in _DONE:
            return None
        self._done.add(logical_id)
        took = f" in {_seconds(begun, event['Timestamp'])}" if begun else ""
        return f"{self._count()}{_named(event)} {_DONE[status]}{took}"

    def _count(self) -> str:
        if self._total is None:
            return "  "
        width = len(str(self._total))
        return f"  {min(len(self._done), self._total):{width}} of {self._total}  "


def _named(event: Event) -> str:
    return f"{event['LogicalResourceId']} ({event['ResourceType']})"


def _seconds(begin: datetime, end: datetime) -> str:
    seconds = round((end - begin).total_seconds())
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60} s"


def is_stack(event: Event) -> bool:
    """Tell whether an event is about the stack itself."""
    return bool(event["PhysicalResourceId"] == event["StackId"])


def last_event(aws: Aws, stack_id: str) -> str | None:
    """Return the id of a stack's newest event; None if it has none."""
    return next((str(event["EventId"]) for event in _newest_first(aws, stack_id)), None)


def follow(
    aws: Aws, stack_id: str, since: str | None, tell: Callable[[Event], None], pace: Pace, *, is_begun: bool
) -> Ended:
    """Wait until the operation on a stack has ended, and tell its events.

    Args:
        aws: Where the stack is.
        stack_id: The stack's id, as a deleted stack has lost its name.
        since: The newest event from before the operation; None: tell those since the operation began.
        tell: Takes each event once, in order.
        pace: How often CloudFormation is asked.
        is_begun: Whether the operation is known to run; or else one that shows no event yet is waited for.
    """
    events: list[Event] = []
    seen = since
    for _ in pace:
        stack = _describe(aws, stack_id)
        new = list(_since(aws, stack_id, seen))[::-1]
        for event in new:
            tell(event)
            pace.quicken()
        events += new
        seen = new[-1]["EventId"] if new else seen
        is_begun = is_begun or any(map(is_stack, events))
        if is_begun and not is_busy(stack["StackStatus"]) and not new:
            break
    return _end_of_first(events) or Ended(stack["StackStatus"], stack.get("StackStatusReason", ""), tuple(events))


def _end_of_first(events: Sequence[Event]) -> Ended | None:
    """Return how the first operation among events ended: another one may have begun before anybody looked."""
    begun = [index for index, event in enumerate(events) if is_stack(event) and _is_beginning(event)]
    for index, event in enumerate(events) if len(begun) > 1 else ():
        if begun[0] < index < begun[1] and is_stack(event) and not is_busy(event["ResourceStatus"]):
            status, reason = event["ResourceStatus"], event.get("ResourceStatusReason", "")
            return Ended(status, reason, tuple(events[: index + 1]))
    return None


def _is_beginning(event: Event) -> bool:
    return event["ResourceStatus"] in _BEGINNINGS


def _since(aws: Aws, stack_id: str, seen: str | None) -> Iterator[Event]:
    """Yield the events after one, or else those of the last operation; the newest first."""
    for event in _newest_first(aws, stack_id):
        if event["EventId"] == seen:
            return
        yield event
        if seen is None and is_stack(event) and _is_beginning(event):
            return


def _newest_first(aws: Aws, stack_id: str) -> Iterator[Event]:
    pages = aws.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack_id)
    for page in pages:
        yield from page["StackEvents"]


def _describe(aws: Aws, stack_id: str) -> Mapping[str, Any]:
    [stack] = aws.client("cloudformation").describe_stacks(StackName=stack_id)["Stacks"]
    found: Mapping[str, Any] = stack
    return found
