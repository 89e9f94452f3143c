"""Names of replays, which say what they repeat: AWS refuses a name twice for 90 days, so nothing is repeated unseen.

An execution that `ceap replay` starts is called `{root}-replay-{n}`: the root is the name of the first execution, n
counts its replays from 1. A message that it sends names those that it repeats in the attribute `REPLAY_OF`.
Source: Step Functions API Reference, "StartExecution".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from ceap.aws.executions import Execution, find_execution
from ceap.aws.session import Aws
from handlers.runtime.replay import REPLAY_MARK, is_replay

REPLAY_OF: Final = "ceap-replay-of"
"""The attribute of a message that `ceap replay` has sent: the ids of those that it repeats, joined by a comma."""

NAME_MAX: Final = 80
"""Characters of an execution's name. Source: Step Functions API Reference, "StartExecution"."""

_DIGITS_MAX: Final = 4
_ROOT_MAX: Final = NAME_MAX - len(REPLAY_MARK) - _DIGITS_MAX
_HASH: Final = 8


def root_of(name: str) -> str:
    """Return what the names of all replays of an execution begin with; of a replay, the same as of what it repeats."""
    root = name.rpartition(REPLAY_MARK)[0] if is_replay(name) else name
    if len(root) <= _ROOT_MAX:
        return root
    digest = hashlib.sha256(root.encode()).hexdigest()[:_HASH]
    return f"{root[: _ROOT_MAX - _HASH - 1]}-{digest}"


def number_of(name: str) -> int:
    """Return the number of a replay; 0 for an execution that is none."""
    return int(name.rpartition(REPLAY_MARK)[2]) if is_replay(name) else 0


def replay_name(root: str, number: int) -> str:
    return f"{root}{REPLAY_MARK}{number}"


def next_name(name: str, later: list[Execution]) -> str:
    """Return the name of the next replay of an execution, after those that there are."""
    return replay_name(root_of(name), number_of(later[-1].name if later else name) + 1)


def replays_of(aws: Aws, machine: str, name: str) -> list[Execution]:
    """Return the replays of an execution of a STANDARD state machine that came after it, in order, without a gap."""
    found: list[Execution] = []
    while replay := find_execution(aws, machine, next_name(name, found)):
        found.append(replay)
    return found


def repeated_in(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the messages that a message with these attributes repeats, as SQS or as a pipe writes them."""
    value = attributes.get(REPLAY_OF, {})
    text = value.get("StringValue") or value.get("stringValue") or ""
    return tuple(filter(None, text.split(",")))
