"""The executions that took a message: those whose input, which a pipe has made, holds its id."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, Final

from ceap.aws.executions import Execution, describe, express_executions, list_executions, message_in
from ceap.aws.session import Aws
from ceap.aws.workflow import DeployedWorkflow

DESCRIBED_MAX: Final = 5000
"""The most executions whose input is asked for: AWS tells it of one at a time, at about 15 calls a second."""


def takers(
    aws: Aws,
    workflow: DeployedWorkflow,
    message: str,
    *,
    since_s: float,
    others: set[str],
    looked: Callable[[int], None] = lambda _: None,
) -> Iterator[Execution]:
    """Yield the executions that took a message, with its input; those of a STANDARD workflow are all described.

    `others` are ARNs of executions that took another message, which are not asked again; more are added. `looked` is
    called with the number of executions that have been asked so far.
    """
    if workflow.is_express:
        found = express_executions(aws, workflow.machine_log_group, since_s=since_s, term=message)
        yield from (execution for execution in found if record_in(execution, message))
        return
    listed = list_executions(aws, workflow.machine)
    changed = itertools.takewhile(lambda each: each.changed >= since_s, listed)  # the last changed come first
    recent = (each.arn for each in changed if each.started >= since_s and each.arn not in others)
    unknown = itertools.islice(recent, DESCRIBED_MAX)
    for number, arn in enumerate(reversed(list(unknown)), start=1):
        execution = describe(aws, arn)
        looked(number)
        if record_in(execution, message):
            yield execution
        else:
            others.add(arn)


def record_in(execution: Execution, message: str) -> dict[str, Any] | None:
    """Return the record of a message in the input of an execution; None if it took another."""
    record = message_in(execution.input)
    return record if record and record.get("messageId") == message else None
