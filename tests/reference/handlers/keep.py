"""Keep: stores each record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from handlers.runtime.context import StageContext
from handlers.runtime.needs import Index, Needs, Table
from handlers.runtime.records import encode_record
from handlers.runtime.stage import WorkflowLambdaHandler
from handlers.runtime.tables import Item, check_item
from handlers.runtime.tally import STALE


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The group of all records."""

    group: str = "all"


RECORDS = Table(
    name="records",
    partition_key="PK",
    sort_key="SK",
    ttl="ttl",
    indexes=(
        Index("GroupIndex", partition_key="GSI1PK", sort_key="GSI1SK"),
        Index("RateIndex", partition_key="GSI2PK", sort_key="GSI2SK"),
    ),
)
NEEDS = Needs(settings=Settings, tables={RECORDS: ("UpdateItem",)}, keeps_newest=True)


class KeepStage(WorkflowLambdaHandler[dict[str, Any], Settings]):
    """A record whose stored version is newer counts as stale."""

    def check_record(self, record: dict[str, Any], stage: StageContext[Settings]) -> None:
        check_item(RECORDS, build_item(record, stage.settings.group))

    def process_data(
        self, records: Iterator[dict[str, Any]], stage: StageContext[Settings]
    ) -> Iterator[dict[str, Any]]:
        table = stage.table(RECORDS.name)
        for record in records:
            item = build_item(record, stage.settings.group)
            refused_by = table.update(
                {"PK": item.pop("PK"), "SK": item.pop("SK")},
                "SET #data = :data, #version = :version, GSI1PK = :GSI1PK, GSI1SK = :GSI1SK",
                "attribute_not_exists(#version) OR #version <= :version",
                names={"#data": "data", "#version": "version"},
                values={f":{name}": value for name, value in item.items()},
            )
            if refused_by is None:
                yield record
            else:
                stage.count(STALE, record=record)


def build_item(record: dict[str, Any], group: str) -> Item:
    """Return the item of a record."""
    return {
        "PK": str(record["id"]),
        "SK": "RECORD",
        "data": encode_record(record).decode(),
        "version": record.get("version", 1),
        "GSI1PK": group,
        "GSI1SK": str(record["id"]),
    }


handler = KeepStage(NEEDS)
