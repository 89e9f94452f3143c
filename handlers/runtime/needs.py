"""How a handler declares what it needs: settings, tables, events, a bucket of sources, secrets, parameters, grants.

The generator derives IAM, environment variables, tables and validation from it: a new stage with new needs is one file.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

SETTINGS_VARIABLE: Final = "SETTINGS"
EVENT_BUS_VARIABLE: Final = "EVENT_BUS"
LEGACY_VARIABLE: Final = "LEGACY_FUNCTION_ARN"
"""Holds the ARN of the existing function that a stage calls (`handlers.runtime.legacy`)."""

TableAction: TypeAlias = Literal[
    "GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"
]
_READS: Final = {"GetItem", "BatchGetItem", "Query"}


def whole(pattern: str) -> str:
    """Return the pattern of a whole text, for `Meta(pattern=...)`, where a bare `$` lets a final line feed pass.

    Python and the readers of JSON Schema, which lack Python's own sign for the end, understand it alike.
    """
    return rf"^(?:{pattern})$(?!\n)"


# Source: Amazon S3 User Guide, "General purpose bucket naming rules".
BucketName: TypeAlias = Annotated[
    str,
    Meta(
        pattern=whole(r"[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]"),
        description="a bucket's name: 3 to 63 of a-z, 0-9, hyphen and single dots",
    ),
]


class Index(msgspec.Struct, frozen=True):
    """A global secondary index that projects all attributes; both keys are strings."""

    name: str
    partition_key: str
    sort_key: str


class Table(msgspec.Struct, frozen=True):
    """A DynamoDB table of the foundation stack; its keys are strings.

    `name` is written with underscores (`score_cache`); the physical name is `ceap-{name with hyphens}-{env}`, or that
    of an adopted table. `ttl` names the attribute that holds the expiry in epoch seconds.
    """

    name: str
    partition_key: str
    sort_key: str | None = None
    ttl: str | None = None
    indexes: tuple[Index, ...] = ()


class Publish(msgspec.Struct, frozen=True):
    """The events a handler puts on the event bus: nothing else may be published by its role."""

    source: str
    detail_type: str


class Grant(msgspec.Struct, frozen=True):
    """What else the role may do, for calls that the handler makes itself: IAM actions on one ARN, or on several.

    An ARN begins with `arn:${AWS::Partition}:`, and may hold the other placeholders of names.
    """

    actions: tuple[str, ...]
    resources: str | tuple[str, ...]

    @property
    def arns(self) -> tuple[str, ...]:
        return (self.resources,) if isinstance(self.resources, str) else self.resources


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """All that a handler needs besides its input and output in the workflow bucket.

    `settings` is a frozen Struct with `forbid_unknown_fields=True`; `tables` gives the API actions used on each table.
    `bucket_setting` names the setting, a `BucketName` or None, with the bucket that messages may have the stage read:
    its role may list and read that bucket if the step sets it, and none otherwise.
    `keeps_newest`: it refuses a record that is older than what it has stored, and counts it as `STALE`. The template
    then has an alarm on such records, because an item with a wrong, too new version refuses all that follow.
    `secrets` and `parameters` are names in Secrets Manager and in Parameter Store, `grants` are other permissions:
    in all three `${Environment}`, `${AWS::AccountId}` and `${AWS::Region}` are filled in at deployment.
    `packages` names the set `handlers/packages/NAME.in`: packages that its function has beside those of every function.
    """

    settings: type[msgspec.Struct]
    tables: Mapping[Table, tuple[TableAction, ...]] = msgspec.field(default_factory=dict[Table, Any])
    events: Publish | None = None
    bucket_setting: str | None = None
    keeps_newest: bool = False
    secrets: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    grants: tuple[Grant, ...] = ()
    packages: str | None = None

    def source_bucket(self, settings: msgspec.Struct) -> str | None:
        """Return the bucket that a step's settings let messages name, or None."""
        bucket: str | None = getattr(settings, self.bucket_setting) if self.bucket_setting else None
        return bucket

    @property
    def has_side_effects(self) -> bool:
        """Tell whether the handler may change anything but its own objects in the workflow bucket."""
        # What the calls under a grant do is not known.
        writes = any(set(actions) - _READS for actions in self.tables.values())
        return writes or self.events is not None or bool(self.grants)


def table_variable(table: str) -> str:
    """Return the environment variable that holds a table's physical name, e.g. `TABLE_SCORE_CACHE`."""
    return f"TABLE_{table.upper()}"


def secret_variable(name: str) -> str:
    """Return the environment variable that holds a secret's name, e.g. `SECRET_VENDOR_API_ENVIRONMENT_NAME`."""
    return f"SECRET_{_as_variable(name)}_NAME"


def parameter_variable(name: str) -> str:
    """Return the environment variable that holds a parameter's name, e.g. `PARAMETER_VENDOR_URL_NAME`."""
    return f"PARAMETER_{_as_variable(name)}_NAME"


def _as_variable(name: str) -> str:
    return re.sub("[^A-Z0-9]+", "_", name.upper()).strip("_")
