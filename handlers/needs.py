"""How a handler declares what it needs: its settings, DynamoDB tables and events.

The generator derives IAM, environment variables, tables and validation from it: a new stage with new needs is one file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

SETTINGS_VARIABLE: Final = "SETTINGS"
EVENT_BUS_VARIABLE: Final = "EVENT_BUS"

TableAction: TypeAlias = Literal[
    "GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"
]
_READS: Final = {"GetItem", "BatchGetItem", "Query"}


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


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """All that a handler needs besides its input and output in the workflow bucket.

    `settings` is a frozen Struct with `forbid_unknown_fields=True`; `tables` gives the API actions used on each table.
    """

    settings: type[msgspec.Struct]
    tables: Mapping[Table, tuple[TableAction, ...]] = msgspec.field(default_factory=dict[Table, Any])
    events: Publish | None = None

    @property
    def has_side_effects(self) -> bool:
        """Tell whether the handler changes anything but its own objects in the workflow bucket."""
        return self.events is not None or any(set(actions) - _READS for actions in self.tables.values())


def table_variable(table: str) -> str:
    """Return the environment variable that holds a table's physical name, e.g. `TABLE_SCORE_CACHE`."""
    return f"TABLE_{table.upper()}"
