"""Finds the executions that a person names: by name, the beginning of a name, an ARN, or the id of their message.

A log is asked first, which answers at once; but its delivery is best effort. Then, of STANDARD executions, Step
Functions tells the inputs of one after another, and of EXPRESS ones the objects that they wrote remain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from ceap.aws.executions import Execution, executions_in, express_events, find_execution, message_in, name_of
from ceap.aws.log_lines import parsed, read_lines
from ceap.aws.session import Aws
from ceap.aws.stage_objects import executions_like, objects_of
from ceap.aws.takers import takers
from ceap.aws.workflow import DeployedWorkflow
from ceap.errors import CommandError, UsageError
from ceap.operate import moments
from ceap.operate.attempts import Event, logged_events
from ceap.operate.replay_names import repeated_in, replays_of, root_of
from handlers.runtime.contract import EXECUTIONS_PREFIX, INITIAL_FOLDER
from templates.budget import EXECUTIONS_DAYS
from templates.model import LOG_RETENTION_DAYS
from templates.words import plural

PREFIX_MIN: Final = 4
"""The fewest characters of the beginning of a name: fewer stand in too many lines of a log."""

_MOST: Final = 10
_WHAT: Final = re.compile(r"[^\s/<>{}\[\]?*\"#%\\^|~`$&,;]{1,80}")
_TELL_EACH: Final = 200


class Seen(NamedTuple):
    """An execution, and its events if a log told of it; `is_known`: Step Functions or its log knows it.

    Of one that only its objects tell of, the times are those of the objects.
    """

    execution: Execution
    events: tuple[Event, ...] = ()
    is_known: bool = True


class Found(NamedTuple):
    """What was found, the earliest first; `looked` says where, as parts of a sentence."""

    executions: tuple[Seen, ...]
    looked: tuple[str, ...]


class Search(NamedTuple):
    """Where and how far back is searched, in seconds since the epoch; `say` tells of what takes long."""

    aws: Aws
    workflow: DeployedWorkflow
    since: float
    say: Callable[[str], None]


def default_since(workflow: DeployedWorkflow, text: str | None, now: float) -> float:
    """Return since when to look: for EXPRESS as long as objects live, for STANDARD as long as logs do."""
    return moments.since(text or f"{EXECUTIONS_DAYS if workflow.is_express else LOG_RETENTION_DAYS}d", now)


def find(search: Search, what: str) -> Found:
    """Return the executions that a text names.

    Raises:
        UsageError: it is of another state machine, too short, names none, or is the beginning of several names.
    """
    machine = search.workflow.machine
    name = what
    if what.startswith("arn:"):
        if what.count(":") < 7 or what.split(":")[6] != machine.rpartition(":")[2]:
            raise UsageError(f"{what}: is not an execution of {machine}; name one of this workflow and environment")
        name = name_of(what)
    if len(name) < PREFIX_MIN or not _WHAT.fullmatch(name):
        raise UsageError(
            f"{what!r}: is no message id and no execution; give a message id, or an execution's name, its first "
            f"{PREFIX_MIN} characters or more, or its ARN"
        )
    found = _express(search, name) if search.workflow.is_express else _standard(search, name)
    names = {seen.execution.name for seen in found.executions if not _takes(seen.execution, name)}
    if name not in names and len(names) > 1:
        raise UsageError(f"{what}: {plural(len(names), 'execution')} begin so: {', '.join(sorted(names))}; give more")
    if name in names:
        found = found._replace(executions=tuple(seen for seen in found.executions if seen.execution.name == name))
    return found


def of_message(search: Search, message: str) -> list[Seen]:
    """Return the executions that took a message, or one that repeats it, as far as the log of the machine tells."""
    seen = _logged(search, message)
    return [each for each in seen if _takes(each.execution, message)]


def kin_of(search: Search, name: str) -> list[Seen]:
    """Return what `ceap replay` has made of the same execution of a STANDARD workflow, and that one."""
    machine, root = search.workflow.machine, root_of(name)
    first = find_execution(search.aws, machine, root)
    return [Seen(execution) for execution in (first, *replays_of(search.aws, machine, root)) if execution]


def message_ids(execution: Execution) -> tuple[str, ...]:
    """Return the ids of the messages that an execution is of: its own first, then those that it repeats."""
    record = message_in(execution.input) or {}
    repeated = repeated_in(record.get("messageAttributes", {}))
    return tuple(dict.fromkeys(filter(None, (record.get("messageId"), *repeated))))


def _takes(execution: Execution, message: str) -> bool:
    return message in message_ids(execution)


def _is_meant(execution: Execution, what: str) -> bool:
    return execution.name.startswith(what) or _takes(execution, what)


def _express(search: Search, what: str) -> Found:
    looked = [f"the log group {search.workflow.machine_log_group}"]
    seen = [each for each in _logged(search, what) if _is_meant(each.execution, what)]
    if not seen:
        looked.append(f"s3://{search.workflow.bucket}/{EXECUTIONS_PREFIX}")
        seen = [each for name in _names_like(search, what) for each in _by_name(search, name)]
    return Found(tuple(seen), tuple(looked))


def _standard(search: Search, what: str) -> Found:
    machine = search.workflow.machine
    looked = [f"the executions of {machine.rpartition(':')[2]}"]
    if execution := find_execution(search.aws, machine, what):
        return Found((Seen(execution),), tuple(looked))
    looked.append(f"the log group {search.workflow.machine_log_group}")
    seen = [each for each in _logged(search, what) if _is_meant(each.execution, what)]
    if not seen:
        found = (find_execution(search.aws, machine, name) for name in _names_like(search, what))
        seen = [Seen(execution) for execution in found if execution]
    if not seen:
        taken = takers(
            search.aws, search.workflow, what, since_s=search.since, others=set(), looked=_telling(search.say)
        )
        seen = [Seen(execution) for execution in taken]
    return Found(tuple(seen), tuple(looked))


def _logged(search: Search, term: str) -> list[Seen]:
    """Return the executions that have an event in the log which holds a text, the earliest first."""
    workflow, group = search.workflow, search.workflow.machine_log_group
    if workflow.is_express:
        events = list(express_events(search.aws, group, since_s=search.since, term=term))
        return [Seen(found, tuple(logged_events(events, found.arn))) for found in executions_in(events)]
    lines = read_lines(search.aws, group, term, since_s=search.since)
    arns = dict.fromkeys(arn for line in lines if (arn := parsed(line.message).get("execution_arn")))
    found = (find_execution(search.aws, workflow.machine, name_of(arn)) for arn in arns)
    return sorted((Seen(execution) for execution in found if execution), key=lambda seen: seen.execution.started)


def _names_like(search: Search, what: str) -> list[str]:
    """Return the name that a text is, or those that begin with it, of executions that have objects."""
    aws, bucket = search.aws, search.workflow.bucket
    return [what] if next(objects_of(aws, bucket, what), None) else executions_like(aws, bucket, what, _MOST)


def _by_name(search: Search, name: str) -> list[Seen]:
    """Return an EXPRESS execution that has objects, from the log by its whole name, or from the objects alone.

    None if these are of stages of another workflow. CloudWatch does not say that it finds parts of words.
    """
    if logged := [seen for seen in _logged(search, name) if seen.execution.name == name]:
        return logged
    objects = list(objects_of(search.aws, search.workflow.bucket, name))
    folders = {found.key.split("/")[2] for found in objects}
    if not objects or not folders <= {INITIAL_FOLDER, *search.workflow.stages}:
        return []
    times = [found.written for found in objects]
    return [Seen(Execution(arn="", name=name, status="RUNNING", started=min(times)), is_known=False)]


def _telling(say: Callable[[str], None]) -> Callable[[int], None]:
    def tell(number: int) -> None:
        if number % _TELL_EACH == 0:
            say(f"{number} executions asked for their message")

    return tell


def not_found(search: Search, what: str, looked: Iterable[str]) -> CommandError:
    """Return the error that says where nothing was found, since when, and what else to try."""
    kind = "EXPRESS execution" if search.workflow.is_express else "execution"
    kept = (
        f"its objects stay for {EXECUTIONS_DAYS} days and its log lines for {LOG_RETENTION_DAYS}, and the delivery of "
        "a log may fail"
        if search.workflow.is_express
        else "Step Functions keeps executions for 90 days; a message that no execution has taken is still in the queue"
    )
    since = moments.shown(search.since)
    return CommandError(
        f"{what}: no trace of a message or an {kind} since {since} in {' and '.join(looked)}: it has expired, was "
        f"never written, or is of another workflow or environment ({kept}); look further back, e.g. --since 30d, or "
        "see what waits: `ceap status`"
    )
