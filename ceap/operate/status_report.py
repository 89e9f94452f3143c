"""The status of workflows as an operator reads it, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from ceap.operate.moments import shown, span
from ceap.operate.status_facts import Alarm, Counts, Deployment, Depth, Facts, Failure, Fate, Pipe
from ceap.operate.status_judgement import StatusVerdict, WorkflowStatus, is_done, worst
from templates.model import WorkflowType
from templates.words import plural

SHOWN_MAX: Final = 10
"""How many failed executions are shown, and how many kinds of failure."""
LATE: Final = "SQS counts approximately. Metrics, and so ages and alarms, are a minute or more late."
_EXPRESS_LATE: Final = "AWS lists no EXPRESS executions: metrics count them, and the log tells of most that failed."
_UNREAD: Final = "not known"
_WIDTH: Final = 14


def status_lines(status: WorkflowStatus, *, is_all: bool = False) -> Iterator[str]:
    """Yield the screen of a workflow, line by line, the verdict first."""
    facts = status.facts
    yield (f"{facts.stack.name}  {facts.type}  account {facts.account}, {facts.region}, {shown(facts.now)}")
    yield _verdict(status)
    for number, problem in enumerate(status.problems, start=1):
        yield f"  {number}. {problem.text}"
        yield from (f"       {step}" for step in problem.next)
    yield from (f"  not read: {each.what}: {each.why}" for each in facts.unread if not each.is_missing)
    yield ""
    yield from _row("executions", _executions(facts))
    yield from _row("failed", *_failed(status, is_all=is_all))
    yield from _row("queue", _depth(facts.queue))
    yield from _row("dead letters", _depth(facts.dead_letters))
    yield from _row("pipe", _pipe(facts.pipe))
    yield from _row("alarms", _alarms(facts.alarms))
    yield from _row("deployment", _deployment(facts.deployment))
    yield from _row("stack", _stack(facts))


def footnotes(statuses: Iterable[WorkflowStatus]) -> Iterator[str]:
    """Yield what the numbers of some workflows are to be read with."""
    yield LATE
    if any(status.facts.type is WorkflowType.EXPRESS for status in statuses):
        yield _EXPRESS_LATE


def status_json(statuses: Sequence[WorkflowStatus]) -> str:
    """Return the status of workflows as one line of JSON, the worst verdict first."""
    verdict = worst(status.verdict for status in statuses)
    return msgspec.json.encode({"verdict": verdict, "workflows": statuses}).decode()


def _verdict(status: WorkflowStatus) -> str:
    match status.verdict:
        case StatusVerdict.WRONG:
            return f"WRONG: {plural(len(status.problems), 'problem')}"
        case StatusVerdict.UNKNOWN:
            return "UNKNOWN: nothing wrong is seen, but not all could be read"
        case StatusVerdict.HEALTHY:
            return "HEALTHY"


def _row(name: str, *lines: str) -> Iterator[str]:
    """Yield lines with a name before the first; none without lines."""
    for number, line in enumerate(lines):
        yield f"{'' if number else name:<{_WIDTH}}{line}"


def _executions(facts: Facts) -> str:
    if facts.executions is None:
        return _UNREAD
    counts: Counts = facts.executions
    about = "about " if facts.type is WorkflowType.EXPRESS and counts.running else ""
    return (
        f"{about}{counts.running:,} running, {counts.succeeded:,} succeeded, {counts.failed:,} failed, "
        f"{counts.timed_out:,} timed out, {counts.aborted:,} aborted, in the last {span(facts.now - facts.since)}"
    )


def _failed(status: WorkflowStatus, *, is_all: bool) -> Iterator[str]:
    """Yield the kinds of failure with their executions: the last of each kind, and then the last of all."""
    failures, groups = status.facts.failures, status.groups if is_all else status.groups[:SHOWN_MAX]
    first = {each.executions[0].arn for each in groups}
    others = (failure.arn for failure in failures if failure.arn not in first)
    open_ = {failure.arn for each in groups for failure in each.executions}
    room = len(failures) if is_all else SHOWN_MAX - len(first)
    wanted = first | set([arn for arn in others if arn in open_][: max(0, room)])
    for each in groups:
        told = [failure for failure in each.executions if failure.fate is not Fate.UNKNOWN] or each.executions
        yield f"{len(told):,} x {each}"
        yield from (f"    {_failure(failure)}" for failure in told if failure.arn in wanted)
        if rest := len(each.executions) - len(told):
            look = "" if is_all else "; --all looks at more"
            yield f"    and {plural(rest, 'older execution')}, whose messages are not known{look}"
    if hidden := len(status.groups) - len(groups):
        yield f"{plural(hidden, 'other kind')}: --all shows them"
    yield from _rest(status.facts, is_all=is_all)


def _failure(failure: Failure) -> str:
    notes = [
        *[f"redriven {plural(failure.redrives, 'time')}"] * bool(failure.redrives),
        *[f"replay of {failure.replay_of}"] * bool(failure.replay_of),
        *_FATES[failure.fate],
    ]
    told = f"  ({', '.join(notes)})" if notes else ""
    return f"{shown(failure.ended)}  {failure.execution}{told}"


_FATES: Final = {
    Fate.OPEN: (),
    Fate.SETTLED: (),
    Fate.REPEATED: (),
    Fate.RETURNING: ("back to the queue",),
    Fate.DEAD: ("dead-lettered",),
    Fate.UNKNOWN: ("message not known",),
}


def _rest(facts: Facts, *, is_all: bool) -> Iterator[str]:
    words = {
        Fate.SETTLED: ("settled: a later execution of the message succeeded", "settled by"),
        Fate.REPEATED: ("repeated: a later execution took the message", "repeated by"),
    }
    for fate, (told, by) in words.items():
        if found := [failure for failure in facts.failures if failure.fate is fate]:
            yield f"{len(found):,} {told}{'' if is_all else '; --all shows them'}"
            yield from (f"    {_failure(each)}  {by} {each.later}" for each in found if is_all)
    if gone := [each for each in facts.failures if is_done(each, facts) and each.fate not in words]:
        yield f"{len(gone):,} whose messages have left the queues{'' if is_all else '; --all shows them'}"
        yield from (f"    {_failure(each)}" for each in gone if is_all)
    if unseen := sum(1 for each in facts.failures if not each.is_looked_at and not is_done(each, facts)):
        yield f"{unseen:,} older not looked at{'' if is_all else '; --all looks at more'}"
    if facts.executions and (lost := facts.executions.unsuccessful - len(facts.failures)) > 0:
        yield f"{lost:,} not found in the log{'' if is_all else ', or not looked for; --all looks for more'}"


def _depth(depth: Depth | None) -> str:
    if depth is None:
        return _UNREAD
    if not depth.total:
        return "empty"
    age = "the age of the oldest is not known yet"
    if depth.oldest_s is not None:
        age = f"the oldest for at least {span(depth.oldest_s)}"
    return f"{depth.waiting:,} waiting, {depth.in_flight:,} in flight, {age}"


def _pipe(pipe: Pipe | None) -> str:
    if pipe is None:
        return _UNREAD
    wanted = f", to be {pipe.desired}" if pipe.desired != pipe.current else ""
    reason = f" ({pipe.reason})" if pipe.reason else ""
    declared = f"; {pipe.declared} in the template" if pipe.declared != pipe.desired else ""
    return f"{pipe.current}{wanted}{reason}{declared}"


def _alarms(alarms: Sequence[Alarm] | None) -> str:
    if alarms is None:
        return _UNREAD
    counts = Counter(alarm.state for alarm in alarms)
    order = ("ALARM", "MISSING", "INSUFFICIENT_DATA", "OK")
    return ", ".join(f"{counts[state]} {state}" for state in order if counts[state]) or "none"


def _deployment(deployment: Deployment | None) -> str:
    if deployment is None:
        return "no record"
    revision = f"revision {deployment.revision[:12]}" if deployment.revision else "no revision"
    dirty = " with changes" if deployment.is_clean is False else ""
    moment = shown(deployment.at)
    return f"{deployment.operation} {deployment.outcome}, {moment}, {revision}{dirty}, by {deployment.by}"


def _stack(facts: Facts) -> str:
    has = {True: "; the state machine has its definition", False: "; the state machine has another definition"}
    told = has.get(facts.is_definition_deployed is True) if facts.is_definition_deployed is not None else ""
    return f"{facts.stack.status} since {shown(facts.stack.changed)}{told}"
