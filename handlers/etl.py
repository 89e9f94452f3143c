"""ETL: makes candidates of the records that a message holds or names."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from handlers.mapping import FieldMapping, check_targets
from handlers.needs import Needs, Table


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How records become candidates; a program's own row in the program_config table overrides it.

    `mappings` replaces the source of the fields that it names (`handlers/mapping.py` lists them with their defaults).
    `max_error_rate` is the fraction of records that may be bad before the stage fails.
    """

    mappings: dict[str, FieldMapping] = {}
    max_error_rate: Annotated[float, Meta(ge=0, le=1)] = 0.1
    ttl_days: Annotated[int, Meta(ge=1)] = 30
    source_connector_id: str = "message"

    def __post_init__(self) -> None:
        check_targets(self.mappings)


# Partition key PROGRAM#{program}; sort key CONFIG, or MARKETPLACE#{marketplace} whose attributes override CONFIG's.
PROGRAM_CONFIG = Table(name="program_config", partition_key="PK", sort_key="SK")
NEEDS = Needs(settings=Settings, tables={PROGRAM_CONFIG: ("BatchGetItem",)})
