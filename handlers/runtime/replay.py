"""A replay from a stage: the stages before it return at once, since their outputs were copied from another execution.

`ceap replay --from` starts it. Its message is a `Skip` as JSON, and the copied documents name the same in their first
line. Nothing of this is looked at in an execution whose name is not that of a replay.
"""

import re
from typing import Annotated, Any, Final, TypeAlias

import msgspec

REPLAY_MARK: Final = "-replay-"
"""What stands in the name of a replay between that of the first execution and the number of the replay."""

_NAME: Final = re.compile(rf".+{REPLAY_MARK}[1-9][0-9]*", re.DOTALL)

Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
Names: TypeAlias = Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)]


def is_replay(execution_id: str) -> bool:
    """Tell whether `ceap replay` has started an execution: no pipe and no other client gives it such a name."""
    return _NAME.fullmatch(execution_id) is not None


class Skip(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The message of a replay from a stage: the stages that it skips, and the execution that their outputs come from.

    It names the execution that it is for. The sender of a message cannot know that name: a message that looks like this
    is a message like any other, also when it is replayed. That is a wrong one: no handler takes it, and none of it goes
    to an existing function, which might.
    """

    execution_id: Name
    copied_from: Name
    skip: Names


def read_skip(initial_data: Any, execution_id: str) -> Skip | None:
    """Return what the message of an execution says of stages to skip, if it is a replay from a stage; else None."""
    found = decode_skip(initial_data) if is_replay(execution_id) else None
    return found if found and found.execution_id == execution_id else None


def decode_skip(initial_data: Any) -> Skip | None:
    """Return the message of a replay from a stage, of whichever execution; None if it is any other message."""
    try:
        if isinstance(initial_data, str):
            return msgspec.json.decode(initial_data, type=Skip)
        return msgspec.convert(initial_data, Skip)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
