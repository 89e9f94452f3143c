"""Take: lets the records of a message pass that have an id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

from handlers.runtime.context import StageContext
from handlers.runtime.needs import BucketName, Needs, Table
from handlers.runtime.stage import WorkflowLambdaHandler


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`max_rejected` is how many records may lack an id; `source_bucket` is the bucket that a message may name."""

    max_rejected: Annotated[int, msgspec.Meta(ge=0)] = 100
    source_bucket: BucketName | None = None


CONFIG = Table(name="config", partition_key="PK", sort_key="SK")
NEEDS = Needs(settings=Settings, tables={CONFIG: ("BatchGetItem",)}, bucket_setting="source_bucket")


class TakeStage(WorkflowLambdaHandler[dict[str, Any], Settings]):
    """A record without an id is rejected."""

    def process_data(
        self, records: Iterator[dict[str, Any]], stage: StageContext[Settings]
    ) -> Iterator[dict[str, Any]]:
        stage.table(CONFIG.name).get_many([{"PK": "TAKE", "SK": "CONFIG"}])
        for record in records:
            if "id" in record:
                yield record
            else:
                stage.reject(record, "ID_MISSING", "id is missing")


handler = TakeStage(NEEDS)
