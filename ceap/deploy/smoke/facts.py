"""What AWS showed of one message and its execution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from ceap.aws.executions import Status


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """An execution whose input is the message.

    `states` are those it entered, in order, and `definition` is what it ran, each as far as AWS tells it; `handle` is
    that with which the pipe received the message.
    """

    arn: str
    name: str
    status: Status
    reason: str = ""
    states: tuple[str, ...] = ()
    definition: Mapping[str, Any] | None = None
    handle: str | None = None


class Object(NamedTuple):
    """A stage's object: how many records it has, or what is wrong with it."""

    records: int = 0
    problem: str | None = None


class Item(NamedTuple):
    """An item of a table that names the execution or this smoke run; `is_own`: its key does, so it was not before."""

    key: Mapping[str, Any]
    is_own: bool


class Items(NamedTuple):
    """The items that were found in a table; `problem` says why it was not searched."""

    found: tuple[Item, ...] = ()
    problem: str | None = None


class AlarmState(NamedTuple):
    """The state of an alarm, as CloudWatch names it, and its reason."""

    value: str
    reason: str


class Trace(NamedTuple):
    """A trace: `segments` are how many X-Ray has, `is_sampled` what the functions' logs say; `problem`: not asked."""

    id: str | None = None
    segments: int = 0
    is_sampled: bool | None = None
    problem: str | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """`definition` is the machine's now, `run` the execution, which was waited for `waited_s`.

    Of it are objects by stage (None: neither an output nor an error.json), lines by log group, items by table, and the
    trace. `dead_letters` are how many messages the dead-letter queue held before the message was sent, and now.
    """

    definition: Mapping[str, Any]
    run: Run | None
    waited_s: float
    alarms: Mapping[str, AlarmState]
    dead_letters: tuple[int, int]
    objects: Mapping[str, Object | None] = {}
    lines: Mapping[str, int] = {}
    items: Mapping[str, Items] = {}
    trace: Trace = Trace()
