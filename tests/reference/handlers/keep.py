"""Keep: stores each record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from handlers.runtime.context import StageContext
from handlers.runtime.needs import Index, Needs, Table
from handlers.runtime.stage import WorkflowLambdaHandler
from handlers.runtime.tables import check_item
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

    def check_record(self, record: dict[str, Any]) -> None:
        check_item(str(record["id"]), "RECORD", msgspec.json.encode(record))

    def process_data(
        self, records: Iterator[dict[str, Any]], stage: StageContext[Settings]
    ) -> Iterator[dict[str, Any]]:
        table = stage.table(RECORDS.name)
        for record in records:
            refused_by = table.update(
                {"PK": str(record["id"]), "SK": "RECORD"},
                "SET #data = :data, #version = :version, GSI1PK = :group, GSI1SK = :id",
                "attribute_not_exists(#version) OR #version <= :version",
                names={"#data": "data", "#version": "version"},
                values={
                    ":data": msgspec.json.encode(record).decode(),
                    ":version": record.get("version", 1),
                    ":group": stage.settings.group,
                    ":id": str(record["id"]),
                },
            )
            if refused_by is None:
                yield record
            else:
                stage.count(STALE, record=record)


handler = KeepStage(NEEDS)
