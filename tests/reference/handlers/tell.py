"""Tell: publishes an event of each record, once."""

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
    """A record that was told before is not told again."""

    def process_data(
        self, records: Iterator[dict[str, Any]], stage: StageContext[Settings]
    ) -> Iterator[dict[str, Any]]:
        table = stage.table(TOLD.name)
        for record in records:
            known = table.update(
                {"key": str(record["id"])},
                "SET #owner = :me",
                "attribute_not_exists(#owner) OR #owner = :me",
                names={"#owner": "owner"},
                values={":me": stage.execution.execution_id},
            )
            if known is None:
                stage.publish([{"eventId": str(record["id"]), "record": record}])
            yield record | {"published": known is None}


handler = TellStage(NEEDS)
