"""Sift: rejects the records that say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from handlers.runtime.context import StageContext
from handlers.runtime.needs import Needs, Table
from handlers.runtime.stage import WorkflowLambdaHandler


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The field whose truth rejects a record, and those whose truth keeps it all the same."""

    field: str = "drop"
    unless: tuple[Literal["new", "paid", "urgent"], ...] = ()


CONFIG = Table(name="config", partition_key="PK", sort_key="SK")  # the same as that of take
NEEDS = Needs(settings=Settings, tables={CONFIG: ("BatchGetItem",)})


class SiftStage(WorkflowLambdaHandler[dict[str, Any], Settings]):
    """Rejects what its field says."""

    def process_data(
        self, records: Iterator[dict[str, Any]], stage: StageContext[Settings]
    ) -> Iterator[dict[str, Any]]:
        stage.table(CONFIG.name).get_many([{"PK": "SIFT", "SK": "CONFIG"}])
        for record in records:
            if record.get(stage.settings.field) and not any(map(record.get, stage.settings.unless)):
                stage.reject(record, "DROPPED", "the record says so")
            else:
                yield record


handler = SiftStage(NEEDS)
