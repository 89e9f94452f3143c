"""All dead letters back to the queue, by a message move task of SQS, which goes on without this process.

Source: SQS Developer Guide, "Learn how to configure a dead-letter queue redrive"; API Reference,
"ListMessageMoveTasks".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.errors import CommandError
from templates.words import plural

RATE_MAX: Final = 500
"""How many messages a task moves in a second, at most."""
_ACTIVE: Final = frozenset({"RUNNING", "CANCELLING"})


class Move(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A move task, as SQS tells of it; SQS counts approximately. `started` is in seconds since the epoch."""

    status: str
    moved: int
    to_move: int | None
    started: float
    rate: int | None
    reason: str | None
    handle: str | None = None

    @property
    def is_active(self) -> bool:
        return self.status in _ACTIVE


def queue_arn(aws: Aws, url: str) -> str:
    """Return the ARN of a queue, by its URL."""
    found = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn: str = found["Attributes"]["QueueArn"]
    return arn


def last_move(aws: Aws, source: str) -> Move | None:
    """Return the last move task of a dead-letter queue, by its ARN."""
    found = aws.client("sqs").list_message_move_tasks(SourceArn=source, MaxResults=1).get("Results", [])
    return _move(found[0]) if found else None


def start_move(aws: Aws, source: str, destination: str, rate: int) -> None:
    """Start a task. The destination is named, so that messages go there, too, that no queue has redriven."""
    aws.client("sqs").start_message_move_task(
        SourceArn=source, DestinationArn=destination, MaxNumberOfMessagesPerSecond=rate
    )


def follow_move(aws: Aws, source: str, say: Callable[[str], None], pace: Pace) -> Move:
    """Wait until the last task of a queue has ended, and tell how far it is.

    Raises:
        CommandError: SQS tells of no task.
    """
    told = -1
    for _ in pace:
        move = last_move(aws, source)
        if move is None:
            raise CommandError(f"SQS tells of no move task of {source}; call again to see what is left")
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
    """Say how a task has ended."""
    done = f"{plural(move.moved, 'message')} moved back to the queue"
    match move.status:
        case "COMPLETED":
            return done
        case "FAILED":
            return f"{done}, then the move task failed: {move.reason}"
        case _:
            return f"{done}, then the move task was cancelled"


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
