"""Which executions of a STANDARD workflow a command is about: named ones, or those that failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from ceap.aws.executions import (
    UNSUCCESSFUL,
    Execution,
    arn_of,
    describe,
    failed_state,
    find_execution,
    list_executions,
)
from ceap.aws.session import Aws
from ceap.aws.workflow import DeployedWorkflow
from ceap.errors import UsageError
from ceap.operate.finding import PREFIX_MIN
from templates.words import allowed, listed, plural


class Chosen(msgspec.Struct, frozen=True):
    """An execution that was described, and the state that it entered last; None if it entered none."""

    execution: Execution
    state: str | None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which failed executions: `error` is part of error or cause, in any case of letters; `state` is where it ended."""

    error: str | None = None
    state: str | None = None


def named(aws: Aws, workflow: DeployedWorkflow, names: Sequence[str]) -> list[Chosen]:
    """Return executions by their names or ARNs, each once, in the order given; of a failed one the beginning is enough.

    Raises:
        UsageError: there is no such execution of the workflow, or several begin so.
    """
    arns = [name if name.startswith("arn:") else arn_of(workflow.machine, name) for name in dict.fromkeys(names)]
    found = {arn: _find(aws, workflow, arn) for arn in dict.fromkeys(arns)}
    if absent := [arn for arn, execution in found.items() if execution is None]:
        long_enough = [arn for arn in absent if len(arn.rpartition(":")[2]) >= PREFIX_MIN]
        found |= _beginning(aws, long_enough, failures(aws, workflow))
    if unknown := [arn.rpartition(":")[2] for arn, execution in found.items() if execution is None]:
        raise UsageError(
            f"{listed(unknown)}: no execution of {workflow.name} has this name, and none that failed begins so; give "
            "the whole name. Step Functions keeps an execution for 90 days: "
            f"`ceap status --env {workflow.environment}` lists those that failed"
        )
    # One may be named twice: by its name, and by the beginning of it.
    executions = {execution.arn: execution for execution in found.values() if execution}
    return [Chosen(execution, failed_state(aws, arn)) for arn, execution in executions.items()]


def failures(aws: Aws, workflow: DeployedWorkflow, since_s: float | None = None) -> list[Execution]:
    """Return the unsuccessful executions as they are listed, those that ended since then, the earliest end first."""
    found = (each for status in UNSUCCESSFUL for each in list_executions(aws, workflow.machine, status))
    ended = [each for each in found if since_s is None or (each.ended or 0.0) >= since_s]
    return sorted(ended, key=lambda each: (each.ended or 0.0, each.arn))


def failed(aws: Aws, workflow: DeployedWorkflow, wanted: Wanted, listing: Iterable[Execution]) -> Iterator[Chosen]:
    """Yield those of listed executions that are wanted, each read when it is asked for.

    Raises:
        UsageError: none ended in the state, and the workflow has no such state.
    """
    is_state_known = wanted.state is None or wanted.state in workflow.definition.states
    for each in listing:
        execution = describe(aws, each.arn)
        if wanted.error and wanted.error.casefold() not in f"{execution.error}\n{execution.cause}".casefold():
            continue
        state = failed_state(aws, each.arn)
        if wanted.state in (None, state):
            is_state_known = True
            yield Chosen(execution, state)
    if not is_state_known:
        raise UsageError(f"--stage {wanted.state}: {allowed(str(wanted.state), workflow.stages)}")


def _beginning(aws: Aws, arns: Iterable[str], listing: Sequence[Execution]) -> dict[str, Execution | None]:
    """Return for each ARN the one listed execution whose own begins so, described; None if none does."""
    begun: dict[str, Execution | None] = {}
    for arn in arns:
        name = arn.rpartition(":")[2]
        found = [each for each in listing if each.arn.startswith(arn)]
        if len(found) > 1:
            names = listed(sorted(each.name for each in found))
            raise UsageError(f"{name}: {plural(len(found), 'failed execution')} begin so: {names}; give more")
        begun[arn] = describe(aws, found[0].arn) if found else None
    return begun


def _find(aws: Aws, workflow: DeployedWorkflow, arn: str) -> Execution | None:
    """Return an execution of the workflow; None if there is none."""
    begin = arn_of(workflow.machine, "")
    if not arn.startswith(begin):
        raise UsageError(f"{arn}: is not an execution of {workflow.machine}; name one of this workflow")
    return find_execution(aws, workflow.machine, arn.removeprefix(begin))
