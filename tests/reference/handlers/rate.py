"""Rate: gives each record a rate, from the cache where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from handlers.runtime.batch import batched
from handlers.runtime.context import StageContext
from handlers.runtime.needs import Needs, Table
from handlers.runtime.stage import WorkflowLambdaHandler


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rate of a record that the cache does not know."""

    rate: float = 0.5


RATINGS = Table(name="ratings", partition_key="PK", sort_key="SK", ttl="ttl")
NEEDS = Needs(settings=Settings, tables={RATINGS: ("BatchGetItem", "BatchWriteItem")}, packages="sorting")


class RateStage(WorkflowLambdaHandler[dict[str, Any], Settings]):
    """Reads and writes its cache in batches, each in the order of its keys."""

    def process_data(
        self, records: Iterator[dict[str, Any]], stage: StageContext[Settings]
    ) -> Iterator[dict[str, Any]]:
        from sortedcontainers import SortedSet  # type: ignore[import-untyped]  # it ships no types

        table = stage.table(RATINGS.name)
        for batch in batched(records, 100):
            keys = SortedSet(str(record["id"]) for record in batch)
            known = {row["PK"]: row["rate"] for row in table.get_many({"PK": key, "SK": "RATE"} for key in keys)}
            fresh = [key for key in keys if key not in known]
            table.put_many({"PK": key, "SK": "RATE", "rate": stage.settings.rate, "ttl": 4102444800} for key in fresh)
            for record in batch:
                yield record | {"rate": known.get(str(record["id"]), stage.settings.rate)}


handler = RateStage(NEEDS)
