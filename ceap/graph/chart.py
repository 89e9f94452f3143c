"""What a picture of a workflow shows, whatever draws it: pure data, in the order in which a message passes."""

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What a box stands for."""

    TRIGGER = "trigger"
    QUEUE = "queue"
    PIPE = "pipe"
    STATE = "state"
    FUNCTION = "function"
    JOB = "job"
    OBJECT = "S3"
    TABLE = "table"
    EVENTS = "events"
    SECRET = "secret"  # noqa: S105 (a word in a picture)
    CALL = "call"
    RULE = "rule"
    ALARM = "alarm"
    TOPIC = "topic"


class Outcome(msgspec.Struct, frozen=True):
    """What a stage came to in an execution; `status` is AWS's word, or NOT_RUN."""

    status: str
    attempts: int
    duration_s: float | None = None
    error: str | None = None


class Aside(msgspec.Struct, frozen=True):
    """A box beside another: `verb` is what the other does with it; data comes from it where it is inward."""

    kind: Kind
    verb: str
    lines: tuple[str, ...]
    is_inward: bool = False


class Block(msgspec.Struct, frozen=True):
    """A box of the chain, with what stands beside it."""

    kind: Kind
    title: str
    lines: tuple[str, ...] = ()
    asides: tuple[Aside, ...] = ()
    outcome: Outcome | None = None


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow: triggers fill the queue, the pipe empties it into the machine, whose states follow each other.

    `watchers` are the failure rule and the alarms, which notify `topic`; `execution` is a line about the one shown.
    """

    title: str
    description: str
    triggers: tuple[Block, ...]
    queue: Block
    pipe: Block
    machine: Block
    states: tuple[Block, ...]
    watchers: tuple[Block, ...]
    topic: str
    execution: str | None = None
