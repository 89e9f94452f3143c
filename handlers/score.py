"""Score: adds the scores of its models to each candidate."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from handlers.needs import Needs, Table
from handlers.providers import PROVIDERS, ModelName


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The models to ask, and for how many seconds their answers are kept."""

    models: tuple[ModelName, ...] = tuple(PROVIDERS)
    cache_ttl_s: Annotated[int, Meta(ge=1)] = 3600


# Partition key CUSTOMER#{customer}#SUBJECT#{type}#{id}; sort key MODEL#{model}#{version of the model}.
SCORE_CACHE = Table(name="score_cache", partition_key="PK", sort_key="SK", ttl="ttl")
NEEDS = Needs(settings=Settings, tables={SCORE_CACHE: ("BatchGetItem", "BatchWriteItem")})
