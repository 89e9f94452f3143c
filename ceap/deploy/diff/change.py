"""The kinds of change between two templates of a stack, and the diff that holds them.

A value is None where there is none: CloudFormation refuses nulls, so no template holds one.
"""

from enum import StrEnum
from typing import Any, TypeAlias

import msgspec


class Fate(StrEnum):
    """What becomes of a resource that leaves its stack, or of the old one where a new one replaces it."""

    DELETED = "deleted"
    DELETED_IF_EMPTY = "deleted if empty"
    KEPT = "kept"
    SNAPSHOT = "kept as a snapshot"


class Effect(StrEnum):
    """What a changed property does to its resource."""

    IN_PLACE = "in place"
    REPLACES = "replaces"
    MAY_REPLACE = "may replace"


class Failure(StrEnum):
    """Why CloudFormation will refuse a change."""

    NAME_STAYS = "a resource with a custom name cannot be replaced"
    NAME_TAKEN = "the name is taken until the old resource is deleted"
    TYPE_CHANGED = "the type of a resource cannot change"


class Direction(StrEnum):
    """Whether more or less is allowed; unknown where the template does not say what a policy allows."""

    WIDER = "wider"
    NARROWER = "narrower"
    UNKNOWN = "unknown"


class Subject(msgspec.Struct, frozen=True, rename="camel"):
    """A resource; `name` is its physical name as its template has it, None where CloudFormation chooses one."""

    logical_id: str
    type: str
    name: str | None
    is_stateful: bool


class PropertyChange(msgspec.Struct, frozen=True, rename="camel"):
    """A changed property, `path` from the resource's Properties; `cause` is the replaced resource that it refers to."""

    path: tuple[str, ...]
    old: Any
    new: Any
    effect: Effect
    cause: str | None = None


class _Change(msgspec.Struct, frozen=True, rename="camel", tag_field="kind"):
    pass


class Added(_Change, frozen=True, tag="added"):
    """A new resource."""

    subject: Subject


class Removed(_Change, frozen=True, tag="removed"):
    """A resource that is no longer in the template, or whose condition no longer holds."""

    subject: Subject
    fate: Fate


class Updated(_Change, frozen=True, tag="updated"):
    """A resource that stays, with properties changed in place."""

    subject: Subject
    properties: tuple[PropertyChange, ...]


class Replaced(_Change, frozen=True, tag="replaced"):
    """A resource for which CloudFormation makes a new one; `fate` is that of the old one."""

    subject: Subject
    properties: tuple[PropertyChange, ...]
    fate: Fate


class MayBeReplaced(_Change, frozen=True, tag="mayBeReplaced"):
    """A resource that is replaced if a value known at deployment differs, or if the service cannot change it in place.

    With `name_stays` the update fails in that case, as its custom name is still taken.
    """

    subject: Subject
    properties: tuple[PropertyChange, ...]
    fate: Fate
    name_stays: bool


class WillFail(_Change, frozen=True, tag="willFail"):
    """A change that CloudFormation refuses, so that the whole update is rolled back; `cure` says how to do it."""

    subject: Subject
    reason: Failure
    properties: tuple[PropertyChange, ...]
    cure: str


class AttributeChanged(_Change, frozen=True, tag="attribute"):
    """Something of a resource beside its properties: DeletionPolicy, Condition, DependsOn, Metadata, ..."""

    subject: Subject
    path: tuple[str, ...]
    old: Any
    new: Any


class EntryChanged(_Change, frozen=True, tag="entry"):
    """Something of the template outside its resources; `path` begins with the section."""

    path: tuple[str, ...]
    old: Any
    new: Any


class ExportChanged(_Change, frozen=True, tag="export"):
    """An export that goes or gets another value, which CloudFormation refuses while another stack imports it."""

    name: str
    is_removed: bool
    is_certain: bool


ResourceChange: TypeAlias = Added | Removed | Updated | Replaced | MayBeReplaced | WillFail | AttributeChanged
Change: TypeAlias = ResourceChange | EntryChanged | ExportChanged


class Diff(msgspec.Struct, frozen=True, rename="camel"):
    """What changes from one template of a stack to another; `old` and `new` say which, None where there is none."""

    name: str
    old: str | None
    new: str | None
    changes: tuple[Change, ...]

    @property
    def is_empty(self) -> bool:
        return not self.changes

    @property
    def replaced(self) -> tuple[Replaced | MayBeReplaced, ...]:
        """What is, or may be, replaced."""
        return tuple(change for change in self.changes if isinstance(change, Replaced | MayBeReplaced))

    @property
    def failing(self) -> tuple[WillFail, ...]:
        """What CloudFormation will refuse."""
        return tuple(change for change in self.changes if isinstance(change, WillFail))

    @property
    def lost(self) -> tuple[Removed | Replaced | MayBeReplaced, ...]:
        """What is, or may be, deleted with the data that it holds."""
        leaving = (change for change in self.changes if isinstance(change, Removed | Replaced | MayBeReplaced))
        return tuple(change for change in leaving if change.subject.is_stateful and change.fate is Fate.DELETED)

    @property
    def wider(self) -> tuple[Change, ...]:
        """What allows more than before."""
        return ()
