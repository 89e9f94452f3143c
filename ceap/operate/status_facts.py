"""What AWS shows of a deployed workflow at one moment: read by `status_reading`, judged by `status_judgement`.

Times are in seconds since the epoch, ages and durations in seconds.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ceap.aws.executions import Status
from ceap.aws.history import Operation, Outcome
from templates.model import WorkflowType


class Fate(StrEnum):
    """What became of the message of a failed execution."""

    OPEN = "open"
    """STANDARD: nothing; the execution keeps the message."""
    SETTLED = "settled"
    """A later execution of the message has succeeded."""
    REPEATED = "repeated"
    """A later execution of the message runs, or has failed: it tells how it goes on."""
    RETURNING = "returning"
    """EXPRESS: the message is in the queue, or comes back to it after its visibility timeout."""
    DEAD = "dead-lettered"
    """EXPRESS: it was received for the last time, after which it goes to the dead-letter queue."""
    UNKNOWN = "unknown"
    """EXPRESS: the log of the state machine does not tell."""


class Counts(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Executions by state; those of an EXPRESS workflow that run are counted from metrics, so about so many run."""

    running: int
    succeeded: int
    failed: int
    timed_out: int
    aborted: int

    @property
    def unsuccessful(self) -> int:
        return self.failed + self.timed_out + self.aborted


class Failure(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An execution that did not succeed. `later` is the execution that settled or repeated it.

    `stage`, `error` and `cause` are None where nobody has looked, or AWS does not tell.
    """

    execution: str
    arn: str
    status: Status
    started: float | None
    ended: float
    fate: Fate
    later: str | None = None
    stage: str | None = None
    error: str | None = None
    cause: str | None = None
    redrives: int = 0
    replay_of: str | None = None
    is_looked_at: bool = False


class Depth(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The messages of a queue; `oldest_s` is the least age of the oldest, None if not known."""

    waiting: int
    in_flight: int
    oldest_s: float | None = None

    @property
    def total(self) -> int:
        return self.waiting + self.in_flight


class Pipe(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A pipe: what the template and the last caller want it to be, and what it is."""

    name: str
    declared: str
    desired: str
    current: str
    reason: str = ""


class Alarm(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An alarm: OK, ALARM, INSUFFICIENT_DATA, or MISSING where somebody has deleted it."""

    name: str
    state: str
    reason: str = ""
    since: float | None = None
    runbook: str | None = None


class Deployment(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The last record of a deployment."""

    at: float
    operation: Operation
    outcome: Outcome
    by: str
    revision: str | None = None
    is_clean: bool | None = None


class StackState(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The stack as CloudFormation has it; `changed` is when it was created or updated last."""

    name: str
    status: str
    changed: float
    reason: str = ""


class Unread(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What could not be read, and why; it is missing where AWS says that there is no such thing."""

    what: str
    why: str
    is_missing: bool = False


class Facts(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All that was read; None stands for what could not be, of which `unread` tells, or for what nobody has.

    `failures` are the last to end first. Of EXPRESS executions those are known that the log of the state machine shows;
    `unexplained` counts those that have failed lately, by the metrics, of whose messages the log does not tell.
    """

    stack: StackState
    workflow: str
    environment: str
    account: str
    region: str
    type: WorkflowType
    now: float
    since: float
    executions: Counts | None = None
    unexplained: int = 0
    failures: tuple[Failure, ...] = ()
    queue: Depth | None = None
    dead_letters: Depth | None = None
    pipe: Pipe | None = None
    alarms: tuple[Alarm, ...] | None = None
    deployment: Deployment | None = None
    is_definition_deployed: bool | None = None
    unread: tuple[Unread, ...] = ()
