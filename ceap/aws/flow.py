"""The way of messages into a deployed workflow: how many wait, whether the pipe takes them, and turning it.

Source: EventBridge Pipes API Reference, "StopPipe"; SQS Developer Guide, "ApproximateNumberOfMessages".
"""

from typing import Final

import msgspec

from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.errors import CommandError
from templates.words import plural

RUNNING: Final = "RUNNING"
STOPPED: Final = "STOPPED"


class Messages(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages a queue has: those that wait, also with a delay, and those that somebody has received."""

    waiting: int
    in_flight: int

    def __str__(self) -> str:
        return f"{plural(self.waiting, 'message')} waiting and {self.in_flight} in flight"


class PipeStates(msgspec.Struct, frozen=True, kw_only=True):
    """What a pipe shall be, and what it is, e.g. STOPPING; `reason` is AWS's, of a state that is not wanted."""

    desired: str
    current: str
    reason: str = ""


def count_messages(aws: Aws, queue: str) -> Messages:
    """Return how many messages a queue has, by its URL; SQS counts approximately."""
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "Delayed", "NotVisible")]
    found = aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    ready, delayed, hidden = (int(found.get(name, 0)) for name in names)
    return Messages(waiting=ready + delayed, in_flight=hidden)


def pipe_states(aws: Aws, pipe: str) -> PipeStates:
    """Return what a pipe shall be and is, by its name."""
    found = aws.client("pipes").describe_pipe(Name=pipe)
    return PipeStates(
        desired=found["DesiredState"], current=found["CurrentState"], reason=found.get("StateReason") or ""
    )


def turn_pipe(aws: Aws, pipe: str, state: str, pace: Pace) -> None:
    """Start or stop a pipe, RUNNING or STOPPED, and wait until it is so.

    Raises:
        CommandError: AWS could not start or stop it.
    """
    client, before = aws.client("pipes"), pipe_states(aws, pipe)
    if before.desired != state or before.current.endswith("_FAILED"):
        (client.stop_pipe if state == STOPPED else client.start_pipe)(Name=pipe)
    for _ in pace:
        now = pipe_states(aws, pipe)
        if now.current == state:
            return
        if now.current.endswith("_FAILED"):
            why = now.reason or "see its reason in the console of AWS"
            raise CommandError(f"the pipe {pipe} is {now.current}: {why}")


def running_executions(aws: Aws, machine: str) -> int:
    """Return how many executions of a STANDARD state machine run."""
    pages = aws.client("stepfunctions").get_paginator("list_executions")
    found = pages.paginate(stateMachineArn=machine, statusFilter="RUNNING")
    return sum(len(page["executions"]) for page in found)
