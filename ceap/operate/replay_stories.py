"""What became of messages, read from the log of their state machine: few calls for many messages.

The delivery of the log is best effort: nothing is concluded from what it lacks.
Source: CloudWatch Logs User Guide, "Filter pattern syntax"; Step Functions Developer Guide, "Using CloudWatch Logs".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ceap.aws.executions import FAILURE_EVENTS, Execution, executions_in, message_in
from ceap.aws.log_lines import parsed, read_lines
from ceap.aws.session import Aws
from ceap.aws.workflow import DeployedWorkflow
from ceap.operate.replay_names import repeated_in

_TERMS: Final = 20
"""How many ids one pattern holds: it has at most 1,024 characters."""


class Story(NamedTuple):
    """The last execution that took a message, the stage in which it ended, and the executions of its replays."""

    last: Execution | None = None
    stage: str | None = None
    replays: tuple[Execution, ...] = ()


def stories(aws: Aws, workflow: DeployedWorkflow, messages: Sequence[str], *, since_s: float) -> dict[str, Story]:
    """Return what the log tells of each message since a moment, in seconds since the epoch."""
    group = workflow.machine_log_group
    parts = [messages[at : at + _TERMS] for at in range(0, len(messages), _TERMS)]
    events = [event for part in parts for event in _events(aws, group, part, since_s)]
    # The events that tell of a failure have no input, so that no id of a message is in them.
    arns = {event["execution_arn"] for event in events}
    events += [event for event in _events(aws, group, tuple(FAILURE_EVENTS), since_s) if event["execution_arn"] in arns]
    unique = {(event["execution_arn"], event.get("id")): event for event in events}
    return stories_of(executions_in(unique.values()), workflow.stages, messages)


def stories_of(executions: Sequence[Execution], stages: Sequence[str], messages: Sequence[str]) -> dict[str, Story]:
    """Return the story of each message; the executions are in the order of their starts."""
    found = {message: Story() for message in messages}
    for execution in executions:
        record = message_in(execution.input) or {}
        entered = [state for state in execution.states if state in stages]
        if (taken := record.get("messageId")) in found:
            found[taken] = found[taken]._replace(last=execution, stage=entered[-1] if entered else None)
        for old in repeated_in(record.get("messageAttributes", {})):
            if old in found:
                found[old] = found[old]._replace(replays=(*found[old].replays, execution))
    return found


def _events(aws: Aws, group: str, terms: Sequence[str], since_s: float) -> Iterator[Mapping[str, Any]]:
    for line in read_lines(aws, group, terms, since_s=since_s):
        event = parsed(line.message)
        if "execution_arn" in event and any(term in line.message for term in terms):
            yield event
