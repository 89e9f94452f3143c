"""All dead letters back to the queue, by a message move task of SQS, which goes on without this process.

Source: SQS Developer Guide, "Learn how to configure a dead-letter queue redrive"; API Reference,
"ListMessageMoveTasks".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.errors import CommandError
from templates.words import plural

RATE_MAX: Final = 500
"""How many messages a task moves in a second, at most."""
_LOOKS_MAX: Final = 20
"""How often a task that was started is looked for, over a minute, until SQS lists it."""
_LISTED_MAX: Final = 10
_MS: Final = 0.001
_ACTIVE: Final = frozenset({"RUNNING", "CANCELLING"})


class Move(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A move task, as SQS tells of it; SQS counts approximately. `started` is in seconds since the epoch.

    `fewer` is how many messages fewer waited in the dead-letter queue after it: `moved` may be late.
    """

    status: str
    moved: int
    to_move: int | None
    started: float
    rate: int | None
    reason: str | None
    handle: str | None = None
    fewer: int = 0

    @property
    def is_active(self) -> bool:
        return self.status in _ACTIVE


class Task(NamedTuple):
    """The task that is meant: by its handle, which SQS lists while it runs, or the first that started since then."""

    since: float
    handle: str | None


def queue_arn(aws: Aws, url: str) -> str:
    """Return the ARN of a queue, by its URL."""
    found = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn: str = found["Attributes"]["QueueArn"]
    return arn


def last_move(aws: Aws, source: str) -> Move | None:
    """Return the last move task of a dead-letter queue, by its ARN."""
    return max(_moves(aws, source), key=lambda move: move.started, default=None)


def start_move(aws: Aws, source: str, destination: str, rate: int, before: Move | None) -> Task:
    """Start a task, after the last one before it.

    The destination is named, so that messages go there, too, that no queue has redriven.
    """
    answer = aws.client("sqs").start_message_move_task(
        SourceArn=source, DestinationArn=destination, MaxNumberOfMessagesPerSecond=rate
    )
    return Task(since=before.started + _MS if before else 0.0, handle=answer["TaskHandle"])


def follow_move(aws: Aws, source: str, task: Task, say: Callable[[str], None], pace: Pace) -> Move:
    """Wait until a task has ended, and tell how far it is.

    Raises:
        CommandError: SQS does not list the task.
    """
    told = -1
    for looks, _ in enumerate(pace, 1):
        move = _find(_moves(aws, source), task)
        if move is None:
            if looks < _LOOKS_MAX:
                continue
            raise CommandError(
                f"SQS took the move task of {source}, but does not list it yet; it may run: call again to follow it"
            )
        if move.moved != told:
            told = move.moved
            say(f"{move.moved} of {'?' if move.to_move is None else move.to_move} moved")
        if not move.is_active:
            return move
    raise AssertionError("a pace has no end")


def cancel_move(aws: Aws, source: str) -> int | None:
    """Cancel the task that runs, and return how many messages it has moved; None if none runs."""
    move = last_move(aws, source)
    if move is None or move.handle is None:
        return None
    answer = aws.client("sqs").cancel_message_move_task(TaskHandle=move.handle)
    moved: int = answer["ApproximateNumberOfMessagesMoved"]
    return moved


def move_text(move: Move) -> str:
    """Say how a task has ended; its number is exact only where SQS moved what it had counted before."""
    is_exact = move.status == "COMPLETED" and move.moved == move.to_move
    count = plural(move.moved, "message") if is_exact else f"about {plural(max(move.moved, move.fewer), 'message')}"
    done = f"{count} moved back to the queue"
    match move.status:
        case "COMPLETED":
            return done
        case "FAILED":
            return f"{done}, then the move task failed: {move.reason}"
        case _:
            return f"{done}, then the move task was cancelled"


def _moves(aws: Aws, source: str) -> list[Move]:
    found = aws.client("sqs").list_message_move_tasks(SourceArn=source, MaxResults=_LISTED_MAX).get("Results", [])
    return [_move(task) for task in found]


def _find(moves: Sequence[Move], task: Task) -> Move | None:
    meant = [move for move in moves if move.handle == task.handle] if task.handle else []
    later = [move for move in moves if move.started >= task.since]
    return min(meant or later, key=lambda move: move.started, default=None)


def _move(task: Mapping[str, Any]) -> Move:
    return Move(
        status=task["Status"],
        moved=task["ApproximateNumberOfMessagesMoved"],
        to_move=task.get("ApproximateNumberOfMessagesToMove"),
        started=task["StartedTimestamp"] / 1000,
        rate=task.get("MaxNumberOfMessagesPerSecond"),
        reason=task.get("FailureReason"),
        handle=task.get("TaskHandle"),
    )
