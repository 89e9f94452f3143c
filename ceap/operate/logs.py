"""The lines of one execution, read once or followed until it has ended and its lines have settled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from ceap.aws.executions import UNSUCCESSFUL, Execution, express_executions, find_execution
from ceap.aws.pace import Pace
from ceap.aws.stage_objects import objects_of
from ceap.errors import UsageError
from ceap.log_text import LEVELS
from ceap.operate.attempts import attempts_in, read_history
from ceap.operate.finding import Search, Seen, find, message_ids, not_found
from ceap.operate.stage_lines import Part, StageLine, read_stage_lines
from handlers.runtime.contract import error_key, output_key
from templates.budget import EXPRESS_LIMIT_S
from templates.words import allowed

SETTLED_S: Final = 20.0
"""How long after the end of an execution no line may come until it counts as the last."""


class Shown(NamedTuple):
    """Which lines are wanted: those of one stage, those of a level or a worse one; None for all."""

    stage: str | None = None
    level: str | None = None


def find_one(search: Search, what: str) -> Seen:
    """Return the execution that a text names.

    Raises:
        UsageError: it names several, or a message that several took.
        CommandError: there is none.
    """
    found = find(search, what)
    if not found.executions:
        raise not_found(search, what, found.looked)
    if len(found.executions) > 1:
        names = ", ".join(seen.execution.name for seen in found.executions)
        kind = "took that message" if what in message_ids(found.executions[0].execution) else "have that name"
        raise UsageError(f"{what}: {len(found.executions)} executions {kind}: {names}; name one of them")
    return found.executions[0]


def check_stage(search: Search, stage: str | None) -> None:
    """Raise UsageError for a stage that the workflow does not have."""
    stages = search.workflow.stages
    if stage is not None and stage not in stages:
        raise UsageError(f"--stage {stage}: {search.workflow.workflow} has no such stage; {allowed(stage, stages)}")


def lines_of(search: Search, seen: Seen, shown: Shown) -> list[StageLine]:
    """Return the wanted lines in the order of their times."""
    events = seen.events
    if not search.workflow.is_express and seen.is_known:
        events = tuple(read_history(search.aws, seen.execution.arn))
    until = seen.execution.started + EXPRESS_LIMIT_S if search.workflow.is_express else seen.execution.ended
    stages = None if shown.stage is None else (shown.stage,)
    part = Part(seen.execution.name, seen.execution.started, until, attempts_in(events), stages)
    return [line for line in read_stage_lines(search.aws, search.workflow, part) if _is_wanted(line, shown.level)]


def follow(
    search: Search, seen: Seen, shown: Shown, pace: Pace, now: Callable[[], float]
) -> Iterator[Sequence[StageLine]]:
    """Yield the wanted lines as they come, each once, until the execution has ended and no more came for a while.

    `now` tells seconds as they pass, from any beginning.
    """
    known: set[tuple[str, str]] = set()
    quiet_since: float | None = None
    for _ in pace:
        seen = _again(search, seen)
        fresh = [line for line in lines_of(search, seen, shown) if (line.group, line.id) not in known]
        if fresh:
            known |= {(line.group, line.id) for line in fresh}
            pace.quicken()
            yield fresh
        if not has_ended(search, seen):
            continue
        if fresh or quiet_since is None:
            quiet_since = now()
        elif now() - quiet_since >= SETTLED_S:
            return


def has_ended(search: Search, seen: Seen) -> bool:
    """Tell whether an execution has ended; where no log tells it of an EXPRESS one, its last object does."""
    if seen.execution.status != "RUNNING":
        return True
    workflow, name = search.workflow, seen.execution.name
    if not workflow.is_express:
        return False
    last = output_key(name, workflow.stages[-1])
    return any(found.key == last for found in objects_of(search.aws, workflow.bucket, name))


def tells_more(search: Search, seen: Seen) -> bool:
    """Tell whether an execution failed and has an error.json, which tells what no line may: the exception's text."""
    execution = _again(search, seen).execution
    if execution.status not in UNSUCCESSFUL:
        return False
    keys = {error_key(execution.name, stage) for stage in search.workflow.stages}
    return any(found.key in keys for found in objects_of(search.aws, search.workflow.bucket, execution.name))


def _again(search: Search, seen: Seen) -> Seen:
    """Return an execution as it is now."""
    execution = seen.execution
    if execution.status != "RUNNING":
        return seen
    workflow, now = search.workflow, None
    if not workflow.is_express:
        now = find_execution(search.aws, workflow.machine, execution.name)
    elif execution.arn:
        now = _in_log(search, execution)
    return seen._replace(execution=now) if now else seen


def _in_log(search: Search, execution: Execution) -> Execution | None:
    found = express_executions(
        search.aws, search.workflow.machine_log_group, since_s=execution.started - 1, term=execution.arn
    )
    return next((each for each in found if each.arn == execution.arn), None)


def _is_wanted(line: StageLine, level: str | None) -> bool:
    """Tell whether a line is of a level or a worse one; one without a level counts as INFO."""
    return level is None or LEVELS.index(line.level or "INFO") >= LEVELS.index(level)
