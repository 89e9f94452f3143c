"""The way of messages into a deployed workflow: what waits and runs, whether the pipe takes them, and turning it.

Source: EventBridge Pipes API Reference, "StopPipe"; SQS Developer Guide, "ApproximateNumberOfMessages".
"""

from typing import Final

import msgspec

from ceap.aws.executions import list_executions
from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.errors import CommandError
from templates.words import plural

RUNNING: Final = "RUNNING"
STOPPED: Final = "STOPPED"
_CHANGING: Final = ("CREATING", "UPDATING", "STARTING", "STOPPING")
"""The states in which a pipe is started or stopped by nobody else. Source: botocore, "pipes" model, PipeState."""


class Messages(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How many messages a queue has: those that wait, also with a delay, and those that somebody has received."""

    waiting: int
    in_flight: int

    def __str__(self) -> str:
        return f"{plural(self.waiting, 'message')} waiting and {self.in_flight} in flight"


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """The messages of a queue, and how many executions run.

    `executions` is None for EXPRESS, whose executions nobody can list: a message is in flight while it is processed.
    """

    messages: Messages
    executions: int | None

    @property
    def runs(self) -> int:
        """How much runs: executions, and messages that somebody has received."""
        return self.messages.in_flight + (self.executions or 0)

    def __str__(self) -> str:
        if self.executions is None:
            return str(self.messages)
        return f"{self.messages}, {plural(self.executions, 'execution')} running"


class PipeStates(msgspec.Struct, frozen=True, kw_only=True):
    """What a pipe shall be, and what it is, e.g. STOPPING; `reason` is AWS's, of a state that is not wanted."""

    desired: str
    current: str
    reason: str = ""

    def is_so(self, state: str) -> bool:
        """Whether the pipe is what it shall be, and that is `state`."""
        return {self.desired, self.current} == {state}


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
    client, before = aws.client("pipes"), _settled(aws, pipe, pace)
    # AWS may disable a pipe without a change of its desired state.
    if not before.is_so(state):
        (client.stop_pipe if state == STOPPED else client.start_pipe)(Name=pipe)
    was_changing = False
    for _ in pace:
        now = pipe_states(aws, pipe)
        if now.current == state:
            return
        is_changing = now.current in _CHANGING
        if now.current.endswith("_FAILED") or (was_changing and not is_changing):
            why = now.reason or "see its reason in the console of AWS"
            raise CommandError(f"the pipe {pipe} is {now.current}: {why}")
        was_changing = is_changing


def work_of(aws: Aws, queue: str, machine: str | None) -> Work:
    """Return what waits and runs, by the queue's URL and the ARN of a STANDARD state machine, None for EXPRESS.

    Messages are counted first: one that becomes an execution meanwhile is seen, if only twice.
    """
    messages = count_messages(aws, queue)
    return Work(messages=messages, executions=running_executions(aws, machine) if machine else None)


def running_executions(aws: Aws, machine: str) -> int:
    """Return how many executions of a STANDARD state machine run."""
    return sum(1 for _ in list_executions(aws, machine, "RUNNING"))


def _settled(aws: Aws, pipe: str, pace: Pace) -> PipeStates:
    """Wait until a pipe is what was asked of it before: AWS takes no other request meanwhile."""
    return next(now for _ in pace if (now := pipe_states(aws, pipe)).current not in _CHANGING)
