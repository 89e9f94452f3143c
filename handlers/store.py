"""Store: writes candidates to the candidates table, the newest version of each."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from handlers.needs import Index, Needs, Table


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ProgramChannelIndex ranks by, and how many writes are under way at once.

    `primary_channel` defaults to each candidate's first eligible one in alphabetical order.
    """

    primary_channel: str | None = None
    rank_by: str = "quality"
    concurrency: Annotated[int, Meta(ge=1, le=64)] = 16


# Partition key CUSTOMER#{c}#PROGRAM#{p}#MARKETPLACE#{m}; sort key SUBJECT#{type}#{id}.
CANDIDATES = Table(
    name="candidates",
    partition_key="PK",
    sort_key="SK",
    ttl="ttl",
    indexes=(
        Index("ProgramChannelIndex", partition_key="GSI1PK", sort_key="GSI1SK"),
        Index("ProgramDateIndex", partition_key="GSI2PK", sort_key="GSI2SK"),
    ),
)
NEEDS = Needs(settings=Settings, tables={CANDIDATES: ("UpdateItem",)})
