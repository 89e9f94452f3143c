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


class Consequence(StrEnum):
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
    consequence: Consequence
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


class Access(StrEnum):
    """What a changed permission is about."""

    PERMISSION = "permission"
    TRUST = "trust"
    BOUNDARY = "boundary"
    MANAGED_POLICY = "managed policy"


class AccessChanged(_Change, frozen=True, tag="access"):
    """What a role, or the policy of a resource, allows more or less than before.

    `effect` is Allow or Deny, `principal` empty for the role itself, `tests` what a condition demands, `dropped` what
    one demanded before; `on` is what the
    actions are on: ARNs, or the ARN of a boundary or managed policy.
    """

    subject: Subject
    direction: Direction
    access: Access
    on: str
    effect: str = "Allow"
    actions: tuple[str, ...] = ()
    principal: str = ""
    tests: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    is_new_role: bool = False


class StageAdded(_Change, frozen=True, tag="stageAdded"):
    """A new stage; `runs` is its handler or job, `after` the stage before it, None for the first."""

    stage: str
    runs: str
    after: str | None


class StageRemoved(_Change, frozen=True, tag="stageRemoved"):
    """A stage that is no longer there."""

    stage: str
    runs: str


class StageRenamed(_Change, frozen=True, tag="stageRenamed"):
    """A stage that does the same at the same place under another name."""

    stage: str
    was: str
    runs: str


class StageRuns(_Change, frozen=True, tag="stageRuns"):
    """A stage that runs another handler or job."""

    stage: str
    runs: str
    was: str


class StagesReordered(_Change, frozen=True, tag="stagesReordered"):
    """The stages of both sides, in another order."""

    order: tuple[str, ...]
    was: tuple[str, ...]


class RunningAffected(_Change, frozen=True, tag="runningAffected"):
    """The stages at which executions fail that run during the deployment: they keep their definition, roles do not."""

    stages: tuple[str, ...]
    is_express: bool


class Topic(StrEnum):
    """What a changed value is about."""

    RETENTION = "retention"
    TIME = "time"
    COST = "cost"


class ValueChanged(_Change, frozen=True, tag="value"):
    """A value of which more is known than that it changes; `subject` is None for what concerns the workflow."""

    topic: Topic
    subject: Subject | None
    what: str
    old: str
    new: str
    means: str


class ContractChanged(_Change, frozen=True, tag="contract"):
    """What a stage takes from the one before, or from the message; `is_broken` is None where it is unknown."""

    stage: str
    is_broken: bool | None
    said: str


StageChange: TypeAlias = StageAdded | StageRemoved | StageRenamed | StageRuns | StagesReordered | RunningAffected
ResourceChange: TypeAlias = Added | Removed | Updated | Replaced | MayBeReplaced | WillFail | AttributeChanged
Change: TypeAlias = (
    StageChange | ResourceChange | EntryChanged | ExportChanged | AccessChanged | ValueChanged | ContractChanged
)


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
    def wider(self) -> tuple[AccessChanged, ...]:
        """What allows more than before, or perhaps more."""
        access = (change for change in self.changes if isinstance(change, AccessChanged))
        return tuple(change for change in access if change.direction is not Direction.NARROWER)
