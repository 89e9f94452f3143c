"""Waiting until a deployed workflow has nothing left to do.

SQS counts approximately, and its counts may be a minute behind; so what is empty must stay so for a while.
Source: SQS Developer Guide, "Available CloudWatch metrics", on the approximate attributes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import msgspec

from ceap.aws.flow import STOPPED, Work, count_messages, pipe_states, turn_pipe, work_of
from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.aws.workflow import DeployedWorkflow
from ceap.errors import CommandError
from ceap.operate.moments import span
from ceap.operate.selection import failures
from templates.words import listed, plural

SETTLED_S: Final = 60.0
"""How long nothing must be left."""


class Means(NamedTuple):
    """What is told, and how time passes; both times are in seconds."""

    say: Callable[[str], None]
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic


class Drained(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How it ended: `is_drained` if nothing was left to wait for, else `left` is what was there when the time was up.

    `dead_letters` and `failed` are those that came meanwhile: how many messages, and the names of executions.
    """

    workflow: str
    is_drained: bool
    is_paused: bool
    left: Work
    seconds: float
    dead_letters: int
    failed: tuple[str, ...]


def drain(aws: Aws, workflow: DeployedWorkflow, means: Means, *, pause: bool, timeout_s: float | None) -> Drained:
    """Wait until the queue is empty and nothing runs; with `pause` stop the pipe and wait for what runs alone.

    Raises:
        CommandError: the pipe does not take the messages that wait, or was started meanwhile, or cannot be stopped.
    """
    began, dead = means.now(), count_messages(aws, workflow.dead_letter_queue).waiting
    failed = _failed(aws, workflow)
    if pause and not pipe_states(aws, workflow.pipe).is_so(STOPPED):
        means.say(f"{workflow.name}: pausing the pipe {workflow.pipe}")
        turn_pipe(aws, workflow.pipe, STOPPED, Pace(means.sleep))
    is_drained, left = _waited(aws, workflow, means, pause=pause, timeout_s=timeout_s)
    return Drained(
        workflow=workflow.name,
        is_drained=is_drained,
        is_paused=pause,
        left=left,
        seconds=round(means.now() - began, 1),
        dead_letters=max(0, count_messages(aws, workflow.dead_letter_queue).waiting - dead),
        failed=tuple(sorted({name for name, _ in _failed(aws, workflow) - failed})),
    )


def _waited(
    aws: Aws, workflow: DeployedWorkflow, means: Means, *, pause: bool, timeout_s: float | None
) -> tuple[bool, Work]:
    """Return whether nothing was left in time, and what was seen last."""
    began, told = means.now(), ""
    empty_since: float | None = None
    machine = None if workflow.is_express else workflow.machine
    for _ in Pace(means.sleep):
        work = work_of(aws, workflow.queue, machine)
        _check_pipe(aws, workflow, work, pause=pause)
        now = means.now()
        if work.runs or (work.messages.waiting and not pause):
            empty_since, text = None, f"waiting for the end of {work}"
            if timeout_s is not None and now - began >= timeout_s:
                return False, work
        else:
            empty_since = now if empty_since is None else empty_since
            text = f"nothing runs; looking for {SETTLED_S:.0f} s more, as SQS counts with a delay"
            if now - empty_since >= SETTLED_S:
                return True, work
        if text != told:
            means.say(f"{workflow.name}: {text}")
            told = text
    raise AssertionError  # a pace has no end


def _check_pipe(aws: Aws, workflow: DeployedWorkflow, work: Work, *, pause: bool) -> None:
    states = pipe_states(aws, workflow.pipe)
    why = f": {states.reason}" if states.reason else ""
    if pause and states.desired != STOPPED:
        raise CommandError(
            f"{workflow.name}: somebody has started the pipe {workflow.pipe} again ({states.current}); see that nobody "
            "does meanwhile, and run this command again"
        )
    takes_none = STOPPED in (states.desired, states.current) or states.current.endswith("_FAILED")
    if not pause and work.messages.waiting and takes_none:
        raise CommandError(
            f"{workflow.name}: the pipe {workflow.pipe} is {states.current}{why}, so nobody takes the messages: "
            f"{work}; start it with `ceap resume`, or give --pause, which waits for what runs alone"
        )


def _failed(aws: Aws, workflow: DeployedWorkflow) -> set[tuple[str, int]]:
    """Return the unsuccessful executions of a STANDARD workflow, each with how often it was redriven."""
    return set() if workflow.is_express else {(each.name, each.redrives) for each in failures(aws, workflow)}


def drained_lines(drained: Drained, workflow: DeployedWorkflow, call: str) -> Iterator[str]:
    """Yield how it ended; `call` are options and file for other commands."""
    if drained.is_drained and drained.is_paused:
        waiting = plural(drained.left.messages.waiting, "message")
        yield f"{drained.workflow}: nothing runs; the pipe is stopped, {waiting} waiting"
        yield f"  `ceap resume {call}` starts it"
    elif drained.is_drained:
        yield f"{drained.workflow}: drained: no message waits, nothing runs"
    else:
        yield f"{drained.workflow}: not drained after {span(drained.seconds)}: {drained.left}"
        if workflow.is_express:
            yield f"  a message whose execution fails is received again after {span(workflow.visibility_timeout_s)}"
        yield f"  `ceap status {call}` tells what fails"
    if drained.dead_letters:
        letters = plural(drained.dead_letters, "dead letter")
        yield f"  {letters} came meanwhile; `ceap replay {call} --dead-letters --dry-run` lists what is there"
    if drained.failed:
        names = listed(drained.failed, 3)
        yield (
            f"  {plural(len(drained.failed), 'execution')} failed meanwhile: {names}; "
            f"`ceap redrive {call} --failed --dry-run` lists them"
        )
