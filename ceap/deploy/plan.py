"""What is to be done next with a stack, decided from what CloudFormation says of it.

Every call starts from there, whatever an earlier one had begun: an interrupted deployment goes on as a new one.
Source: CloudFormation User Guide, "Stack status codes" and "Update behaviors of stack resources".
"""

from collections.abc import Collection, Mapping
from typing import Final, TypeAlias

import msgspec

REVIEW: Final = "REVIEW_IN_PROGRESS"
"""A stack that has a change set and nothing else: no operation runs."""

_UNBORN: Final = (None, REVIEW)
_FAILED_CREATION: Final = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
_STUCK: Final = ("UPDATE_FAILED", "IMPORT_ROLLBACK_FAILED")


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What CloudFormation says of a stack; `status` is None where there is none of its name.

    `resources` are physical ids by logical id, `template` is the text as it was given, `pending` are the change sets
    that ceap made and nothing has executed.
    """

    name: str
    status: str | None = None
    stack_id: str = ""
    reason: str = ""
    parameters: Mapping[str, str] = {}
    outputs: Mapping[str, str] = {}
    exports: tuple[str, ...] = ()
    resources: Mapping[str, str] = {}
    template: str | None = None
    pending: tuple[str, ...] = ()
    is_protected: bool = False

    @property
    def is_live(self) -> bool:
        """Whether the stack has been created, and may hold resources."""
        return self.status not in _UNBORN


class Wait(msgspec.Struct, frozen=True):
    """Wait until the operation that runs has ended."""


class RemoveChangeSets(msgspec.Struct, frozen=True):
    """Remove what an interrupted call has left, and nobody has confirmed."""

    names: tuple[str, ...]


class DeleteStack(msgspec.Struct, frozen=True):
    """Delete a stack that CloudFormation lets nobody update; `reason` says what it is."""

    reason: str


class ContinueRollback(msgspec.Struct, frozen=True):
    """Let CloudFormation try once more to go back to the state before a failed update."""


class Import(msgspec.Struct, frozen=True):
    """Take resources that stayed into the stack, by their logical ids."""

    logical_ids: tuple[str, ...]


class Change(msgspec.Struct, frozen=True):
    """Create or update the stack by a change set, which may turn out to have no changes."""

    is_new: bool


class Refuse(msgspec.Struct, frozen=True):
    """Nothing can be done from here: say why and what to do."""

    what: str
    cure: str


Step: TypeAlias = Wait | RemoveChangeSets | DeleteStack | ContinueRollback | Import | Change | Refuse


def is_busy(status: str | None) -> bool:
    """Tell whether an operation runs on a stack, so that CloudFormation would refuse another."""
    return status is not None and status.endswith("_IN_PROGRESS") and status != REVIEW


def next_step(now: Situation, stayed: Collection[str], tried: Collection[type[Step]]) -> Step:
    """Return what leads from here to the wanted stack.

    `stayed` are the logical ids of wanted resources that exist and that no stack holds; `tried` are the kinds of steps
    that this call has taken: to delete or to continue a second time would not help.
    """
    if is_busy(now.status):
        return Wait()
    if now.pending:
        return RemoveChangeSets(now.pending)
    step = _towards(now, stayed)
    if isinstance(step, DeleteStack | ContinueRollback) and type(step) in tried:
        return Refuse(
            f"the stack is still {now.status}{f': {now.reason}' if now.reason else ''}",
            "remove what is in the way, as its events say, and run this command again",
        )
    return step


def _towards(now: Situation, stayed: Collection[str]) -> Step:
    if now.status in _FAILED_CREATION:
        return DeleteStack("its creation failed")
    if now.status == "DELETE_FAILED":
        return DeleteStack("its deletion failed")
    if now.status == "IMPORT_ROLLBACK_COMPLETE" and not now.resources:
        return DeleteStack("the import of what stayed failed")
    if now.status == "UPDATE_ROLLBACK_FAILED":
        return ContinueRollback()
    if now.status in _STUCK:
        return Refuse(
            f"the stack is {now.status}, which ceap does not leave behind",
            f"run `aws cloudformation rollback-stack --stack-name {now.name}`, then this command again",
        )
    missing = tuple(sorted(set(stayed) - now.resources.keys()))
    return Import(missing) if missing else Change(is_new=not now.is_live)
