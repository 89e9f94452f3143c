"""What the engine keeps of each stack: its resources, events, change sets and what it exports.

Source: CloudFormation API Reference, "Stack", "StackEvent", "DescribeChangeSet".
"""

import threading
import uuid
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from ceap.local.clock import CLOCK
from ceap.local.stacks.blueprint import Blueprint
from ceap.local.stacks.resources import Given, Model

STACK_TYPE: Final = "AWS::CloudFormation::Stack"


class Made(NamedTuple):
    """A resource that exists: its model, and what the template gave when it was last created or updated."""

    model: Model
    given: Given


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A resource of a stack; `made` is None while it does not exist."""

    logical_id: str
    type: str
    status: str
    reason: str = ""
    changed: float
    physical_id: str = ""
    made: Made | None = None
    needs: frozenset[str] = frozenset()
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"


class Operation(msgspec.Struct, frozen=True):
    """A piece of work on a stack, by the id and kind that DescribeEvents tells; `token` is the client's."""

    id: str
    kind: str
    token: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a stack or to a resource of it; `moment` is in seconds since the epoch."""

    id: str
    operation: Operation
    moment: float
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str
    properties: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a change set, or a call without one, asks to make of a stack.

    `deletes_new`: A rollback deletes new resources even if their policy is Retain.
    """

    blueprint: Blueprint
    tags: Mapping[str, str]
    capabilities: tuple[str, ...] = ()
    notification_arns: tuple[str, ...] = ()
    imports: Mapping[str, Mapping[str, str]] = {}
    role: str | None = None
    on_failure: str = "ROLLBACK"
    is_import: bool = False
    deletes_new: bool = False


class ChangeSet:
    """A change set; `status` and `execution` are AWS's words."""

    def __init__(self, arn: str, name: str, description: str, plan: Plan) -> None:
        self.arn: Final = arn
        self.name: Final = name
        self.description: Final = description
        self.plan: Final = plan
        self.created: Final = CLOCK.now()
        self.status = "CREATE_COMPLETE"
        self.reason = ""
        self.execution = "AVAILABLE"
        self.changes: tuple[dict[str, Any], ...] = ()


class StackRecord:
    """A stack; one operation at a time changes it, while others read it."""

    def __init__(self, arn: str, name: str, status: str) -> None:
        self.arn: Final = arn
        self.name: Final = name
        self.created: Final = CLOCK.now()
        self.status = status
        self.reason = ""
        self.updated: float | None = None
        self.deleted: float | None = None
        self.plan: Plan | None = None
        self.resources: dict[str, Held] = {}
        self.outputs: dict[str, str] = {}
        self.exports: dict[str, str] = {}
        """The names of exports, by output."""
        self.imports: frozenset[str] = frozenset()
        self.events: list[Event] = []
        self.change_sets: dict[str, ChangeSet] = {}
        self.change_set: str | None = None
        self.role: str | None = None
        self.is_protected = False
        self.cancelled: Final = threading.Event()
        self.undo: dict[str, Held] = {}
        """What a rollback has yet to bring back, by logical id: the resources as they were."""

    def exported(self) -> dict[str, str]:
        """Return the values that the stack exports, by name."""
        outputs = self.outputs
        return {export: outputs[key] for key, export in self.exports.items() if key in outputs}

    def tell(self, operation: Operation, status: str, reason: str = "") -> None:
        """Set the status of the stack, and note it as an event."""
        self.status, self.reason = status, reason
        if status == "DELETE_IN_PROGRESS":
            self.deleted = CLOCK.now()
        itself = Held(
            logical_id=self.name, type=STACK_TYPE, status=status, reason=reason, changed=0, physical_id=self.arn
        )
        self.tell_resource(operation, itself)

    def tell_resource(self, operation: Operation, held: Held, properties: str = "") -> Held:
        """Note what happens to a resource as an event, with the moment; return it so."""
        told = msgspec.structs.replace(held, changed=CLOCK.now())
        is_stack = held.type == STACK_TYPE
        self.events.append(
            Event(
                id=str(uuid.uuid4()) if is_stack else f"{held.logical_id}-{held.status}-{uuid.uuid4()}",
                operation=operation,
                moment=told.changed,
                logical_id=held.logical_id,
                physical_id=held.physical_id,
                type=held.type,
                status=held.status,
                reason=held.reason,
                properties=properties,
            )
        )
        return told
