"""From what AWS shows of a workflow to the verdict: what is wrong, the worst first, and what to type next."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from ceap.aws.flow import RUNNING, STOPPED
from ceap.operate.failure_kinds import RUNBOOK_WRONG_MESSAGE, cause_line, shape, telling_text
from ceap.operate.moments import ago, shown, span
from ceap.operate.status_facts import Depth, Facts, Failure, Fate, Pipe
from handlers.runtime.message import WRONG_MESSAGE
from templates.model import WorkflowType
from templates.words import plural

NAMES_MAX: Final = 20
"""How many executions a command names where no text tells them from others; the next call names the rest."""
_CHANGING: Final = ("CREATING", "STARTING", "UPDATING")
"""States of a pipe on its way to what it shall be. Source: botocore, "pipes" model, PipeState."""


class StatusVerdict(StrEnum):
    """Whether a workflow needs somebody; unknown if nothing wrong is seen, but not all could be read."""

    HEALTHY = "healthy"
    WRONG = "wrong"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """What a problem is of, the worst first."""

    STACK = "stack"
    MISSING = "missing"
    PIPE = "pipe"
    DEAD_LETTERS = "dead letters"
    FAILED = "failed executions"
    DEFINITION = "definition"
    ALARM = "alarm"


class Problem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is wrong, and what to type or to read next, in this order."""

    kind: Kind
    text: str
    next: tuple[str, ...]


class Group(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Failed executions of one kind, the last to end first; `cause` is that of the first."""

    stage: str | None
    error: str
    cause: str
    executions: tuple[Failure, ...]

    def __str__(self) -> str:
        return ": ".join(part for part in (self.stage, self.error, self.cause) if part)


class WorkflowStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The verdict on a workflow, and what it is made of; the groups are those of failures that are not settled."""

    verdict: StatusVerdict
    problems: tuple[Problem, ...]
    groups: tuple[Group, ...]
    facts: Facts


class Call(NamedTuple):
    """How commands on this workflow are called: options such as `--env dev`, and the declaration as it was given."""

    options: tuple[str, ...]
    declaration: str

    def command(self, verb: str, *words: str) -> str:
        return shlex.join(["ceap", verb, *self.options, self.declaration, *words])


def judge(facts: Facts, call: Call) -> WorkflowStatus:
    """Return the verdict on a workflow."""
    groups = group(failure for failure in facts.failures if not is_done(failure, facts))
    problems = tuple(_problems(facts, groups, call))
    is_known = not facts.unread
    verdict = StatusVerdict.WRONG if problems else StatusVerdict.HEALTHY if is_known else StatusVerdict.UNKNOWN
    return WorkflowStatus(verdict=verdict, problems=problems, groups=groups, facts=facts)


def worst(verdicts: Iterable[StatusVerdict]) -> StatusVerdict:
    order = (StatusVerdict.WRONG, StatusVerdict.UNKNOWN, StatusVerdict.HEALTHY)
    return min(verdicts, key=order.index, default=StatusVerdict.HEALTHY)


def is_done(failure: Failure, facts: Facts) -> bool:
    """Tell whether nobody has to care for the message of a failure any more, or has to for that of a later one.

    A failed EXPRESS execution leaves its message in the queue, and the last one in the dead-letter queue: where these
    are empty, it was processed, replayed or removed.
    """
    if failure.fate in (Fate.SETTLED, Fate.REPEATED):
        return True
    if facts.type is not WorkflowType.EXPRESS or facts.dead_letters is None or facts.dead_letters.total:
        return False
    return failure.fate is Fate.DEAD or (facts.queue is not None and not facts.queue.total)


def group(failures: Iterable[Failure]) -> tuple[Group, ...]:
    """Return the failures that were looked at in groups of one kind, the largest first."""
    kinds: dict[tuple[str | None, str, str], list[Failure]] = {}
    for failure in failures:
        if failure.is_looked_at:
            kind = failure.stage, failure.error or failure.status, shape(failure.cause)
            kinds.setdefault(kind, []).append(failure)
    groups = (
        Group(stage=stage, error=error, cause=cause_line(found[0].cause), executions=tuple(found))
        for (stage, error, _), found in kinds.items()
    )
    return tuple(sorted(groups, key=lambda each: -len(each.executions)))


def _problems(facts: Facts, groups: Sequence[Group], call: Call) -> Iterator[Problem]:
    yield from _of_stack(facts, call)
    yield from _of_pipe(facts.pipe, facts.queue, call)
    yield from _of_dead_letters(facts, call)
    is_express = facts.type is WorkflowType.EXPRESS
    yield from _of_express(facts, groups, call) if is_express else _of_standard(facts, groups, call)
    if facts.is_definition_deployed is False and not facts.stack.status.endswith("_IN_PROGRESS"):
        text = "the state machine has another definition than the stack: somebody has changed it"
        yield Problem(kind=Kind.DEFINITION, text=text, next=(_drift(facts),))
    yield from _of_alarms(facts)


def _of_stack(facts: Facts, call: Call) -> Iterator[Problem]:
    stack = facts.stack
    if stack.status.endswith("_FAILED"):
        text = f"the stack is {stack.status}{f': {stack.reason}' if stack.reason else ''}"
        yield Problem(kind=Kind.STACK, text=text, next=(call.command("deploy"),))
    for each in facts.unread:
        if each.is_missing:
            yield Problem(kind=Kind.MISSING, text=f"{each.what} is missing: {each.why}", next=(_drift(facts),))


def _of_pipe(pipe: Pipe | None, queue: Depth | None, call: Call) -> Iterator[Problem]:
    if pipe is None or pipe.current == pipe.desired == pipe.declared or pipe.current in _CHANGING:
        return
    why = f": {pipe.reason}" if pipe.reason else ""
    waiting = f"; {plural(queue.waiting, 'message')} waiting" if queue and queue.waiting else ""
    if pipe.declared == STOPPED and pipe.desired == RUNNING == pipe.current:
        text = "the pipe runs, though the template wants it STOPPED"
        yield Problem(kind=Kind.PIPE, text=text, next=(call.command("pause"),))
    elif pipe.desired == STOPPED:
        text = f"the pipe is {pipe.current}: somebody has paused it, and it takes no messages{waiting}"
        yield Problem(kind=Kind.PIPE, text=text, next=(call.command("resume"),))
    else:
        text = f"the pipe is {pipe.current}, and takes no messages{why}{waiting}"
        yield Problem(kind=Kind.PIPE, text=text, next=(call.command("resume"),))


def _of_dead_letters(facts: Facts, call: Call) -> Iterator[Problem]:
    if facts.dead_letters and facts.dead_letters.total:
        count = plural(facts.dead_letters.total, "message")
        text = f"{count} in the dead-letter queue{_oldest(facts.dead_letters)}"
        dead = (failure.execution for failure in facts.failures if failure.fate is Fate.DEAD)
        steps = [call.command("trace", name) for name in dead][:1]
        replay = call.command("replay", "--dead-letters", "--dry-run")
        yield Problem(kind=Kind.DEAD_LETTERS, text=text, next=(*steps, replay))


def _of_standard(facts: Facts, groups: Sequence[Group], call: Call) -> Iterator[Problem]:
    for each in groups:
        others = [one for other in groups if other is not each for one in other.executions]
        redrive = call.command("redrive", *_choice(each, others, facts))
        cure = RUNBOOK_WRONG_MESSAGE if each.cause.startswith(WRONG_MESSAGE) else redrive
        steps = call.command("trace", each.executions[0].execution), cure
        text = f"{plural(len(each.executions), 'execution')} failed: {each}"
        yield Problem(kind=Kind.FAILED, text=text, next=steps)
    if rest := sum(1 for failure in facts.failures if failure.fate is Fate.OPEN and not failure.is_looked_at):
        text = f"{plural(rest, 'older execution')} failed, too, whose errors were not looked at"
        yield Problem(kind=Kind.FAILED, text=text, next=(call.command("status", "--all"),))


def _choice(kind: Group, others: Iterable[Failure], facts: Facts) -> list[str]:
    """Return what `ceap redrive` takes to choose the failures of a kind, and none of the others."""
    if len(kind.executions) == 1:
        return [kind.executions[0].execution]
    near = [f"{each.error}\n{each.cause}" for each in others if kind.stage in (None, each.stage)]
    text = telling_text([each.cause or "" for each in kind.executions], near)
    if text is None and near:
        return [each.execution for each in kind.executions[:NAMES_MAX]]
    error = text or kind.executions[0].error
    stage = ["--stage", kind.stage] if kind.stage else []
    return ["--failed", *(["--error", error] if error else []), *stage, *_since(facts)]


def _of_express(facts: Facts, groups: Sequence[Group], call: Call) -> Iterator[Problem]:
    """Yield the problem of messages that return to the queue; those that are given up are dead letters."""
    if facts.queue and not facts.queue.total:
        return  # a message that returns is in the queue, waiting or in flight
    for each in groups:
        if returning := [failure for failure in each.executions if failure.fate is Fate.RETURNING]:
            text = f"{plural(len(returning), 'message')} failed lately, and may come back to the queue: {each}"
            yield Problem(kind=Kind.FAILED, text=text, next=(call.command("trace", returning[0].execution),))
    if facts.unexplained:
        failed = plural(facts.unexplained, "execution")
        text = f"{failed} failed lately, whose messages are not known, and may come back to the queue"
        yield Problem(kind=Kind.FAILED, text=text, next=(call.command("status", "--all"),))


def _of_alarms(facts: Facts) -> Iterator[Problem]:
    for alarm in facts.alarms or ():
        if alarm.state == "MISSING":
            text = f"alarm {alarm.name} does not exist: somebody has deleted it"
            yield Problem(kind=Kind.MISSING, text=text, next=(_drift(facts),))
        elif alarm.state == "ALARM":
            since = f" since {shown(alarm.since)}" if alarm.since else ""
            text = f"alarm {alarm.name}{since}: {alarm.reason}"
            yield Problem(kind=Kind.ALARM, text=text, next=(alarm.runbook or "docs/runbook/alarms.md",))


def _since(facts: Facts) -> tuple[str, str]:
    """Return the option that takes the executions of the same time."""
    return "--since", ago(facts.now - facts.since)


def _drift(facts: Facts) -> str:
    return f"aws cloudformation detect-stack-drift --stack-name {facts.stack.name}"


def _oldest(depth: Depth) -> str:
    return "" if depth.oldest_s is None else f", the oldest for at least {span(depth.oldest_s)}"
