"""Tell: publishes an event of each record; it is told again only if a run died before that was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from handlers.runtime.context import StageContext
from handlers.runtime.needs import Needs, Publish, Table
from handlers.runtime.stage import WorkflowLambdaHandler


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to set."""


TOLD = Table(name="told", partition_key="key", ttl="ttl")
NEEDS = Needs(
    settings=Settings,
    tables={TOLD: ("UpdateItem",)},
    events=Publish(source="reference.workflow", detail_type="RecordReady"),
)


class TellStage(WorkflowLambdaHandler[dict[str, Any], Settings]):
    """Marks a record as its own, publishes, and records that it did."""

    def process_data(
        self, records: Iterator[dict[str, Any]], stage: StageContext[Settings]
    ) -> Iterator[dict[str, Any]]:
        table = stage.table(TOLD.name)
        for record in records:
            key, names, me = {"key": str(record["id"])}, {"#owner": "owner"}, {":me": stage.execution.execution_id}
            known = table.update(key, "SET #owner = :me", "attribute_not_exists(told)", names=names, values=me)
            if known is None:
                stage.publish([{"eventId": str(record["id"]), "record": record}])
                table.update(key, "SET told = :me", "#owner = :me", names=names, values=me)
            yield record | {"published": known is None}


handler = TellStage(NEEDS)
