"""The executions of a STANDARD workflow: which there are, which failed, and what became of those.

AWS lists executions with their states, and tells the error of one at a time.
Source: Step Functions API Reference, "ListExecutions", "DescribeExecution" and "GetExecutionHistory".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from ceap.aws.executions import UNSUCCESSFUL, Execution, describe, failed_state, list_executions
from ceap.aws.session import Aws
from ceap.operate.replay_names import root_of
from ceap.operate.status_facts import Counts, Failure, Fate
from handlers.runtime.replay import is_replay

LOOKERS: Final = 8
"""How many executions are asked for their error at once; AWS answers 15 such calls a second for long, 300 at once."""
OVERLAP_S: Final = 600
"""How far back a listing goes that only adds to the last one: AWS may list a change late."""


class Listing:
    """The executions of a state machine.

    The first call lists all of the time that is asked for, 1,000 at once. Later ones ask for what may have changed.
    """

    def __init__(self, aws: Aws, machine: str) -> None:
        self._aws: Final = aws
        self._machine: Final = machine
        self._known: dict[str, Execution] = {}

    def read(self, since: float) -> list[Execution]:
        """Return the executions that run, and those that began or ended since a time, the newest first."""
        newest = max((each.changed for each in self._known.values()), default=since)
        floor = max(since, newest - OVERLAP_S)
        running = {each.arn: each for each in list_executions(self._aws, self._machine, "RUNNING")}
        listed = dict(running)
        for each in list_executions(self._aws, self._machine):  # the last changed come first
            if each.changed < floor:
                break
            listed[each.arn] = each
        ended = [arn for arn, each in self._known.items() if each.status == "RUNNING" and arn not in listed]
        listed |= {arn: describe(self._aws, arn) for arn in ended}
        self._known = {arn: each for arn, each in (self._known | listed).items() if _is_since(each, since)}
        return sorted(self._known.values(), key=lambda each: (each.started, each.arn), reverse=True)


def count(executions: Iterable[Execution]) -> Counts:
    found = Counter(each.status for each in executions)
    return Counts(
        running=found["RUNNING"],
        succeeded=found["SUCCEEDED"],
        failed=found["FAILED"],
        timed_out=found["TIMED_OUT"],
        aborted=found["ABORTED"],
    )


def failures_in(executions: Sequence[Execution]) -> list[Failure]:
    """Return the executions that did not succeed, the last to end first, each with what became of it.

    A replay is a later execution of the same message: that which succeeds settles the ones before it.
    """
    failed = [each for each in executions if each.status in UNSUCCESSFUL and each.ended is not None]
    roots = {root_of(each.name) for each in executions if is_replay(each.name)}
    lineages: dict[str, list[Execution]] = {}
    for each in executions if roots else ():
        if (root := root_of(each.name)) in roots:
            lineages.setdefault(root, []).append(each)
    found = [_failure(each, lineages.get(root_of(each.name), ()) if roots else ()) for each in failed]
    return sorted(found, key=lambda failure: (failure.ended, failure.arn), reverse=True)


class Looker:
    """Looks at failed executions, at each only once for each time that it has failed."""

    def __init__(self, aws: Aws) -> None:
        self._aws: Final = aws
        self._seen: Final[dict[tuple[str, float], Failure]] = {}

    def look(self, failures: Sequence[Failure], most: int) -> list[Failure]:
        """Return them; of the first ones, at most so many, with stage, error and cause. Open ones come first."""
        wanted = sorted(failures, key=lambda failure: failure.fate is not Fate.OPEN)[:most]
        with ThreadPoolExecutor(LOOKERS) as pool:
            looked = {failure.arn: failure for failure in pool.map(self._look, wanted)}
        return [looked.get(failure.arn, failure) for failure in failures]

    def _look(self, failure: Failure) -> Failure:
        key = failure.arn, failure.ended
        if key not in self._seen:
            execution, stage = describe(self._aws, failure.arn), failed_state(self._aws, failure.arn)
            self._seen[key] = msgspec.structs.replace(
                failure, stage=stage, error=execution.error, cause=execution.cause, is_looked_at=True
            )
        return msgspec.structs.replace(self._seen[key], fate=failure.fate, later=failure.later)


def _is_since(execution: Execution, moment: float) -> bool:
    return execution.ended is None or execution.ended >= moment


def _failure(execution: Execution, lineage: Iterable[Execution]) -> Failure:
    later = sorted((each for each in lineage if each.started > execution.started), key=lambda each: each.started)
    settled = next((each for each in later if each.status == "SUCCEEDED"), None)
    last = settled or (later[-1] if later else None)
    return Failure(
        execution=execution.name,
        arn=execution.arn,
        status=execution.status,
        started=execution.started,
        ended=execution.ended or execution.started,
        fate=Fate.SETTLED if settled else Fate.REPEATED if last else Fate.OPEN,
        later=last.name if last else None,
        redrives=execution.redrives,
        replay_of=root_of(execution.name) if is_replay(execution.name) else None,
    )
