"""The sample message of the realtime workflow goes through the stages that its declaration names."""

from __future__ import annotations

from pathlib import Path

import handlers
from handlers import etl, filter, reactive, score, store  # noqa: A004 - the stage is called so
from tests.handlers.support import items, run

SAMPLE = Path(handlers.__file__).parent.parent / "workflows" / "messages" / "realtime.json"


def test_most_records_of_the_sample_are_published_and_each_way_out_is_shown(aws: None) -> None:
    previous, ways = None, {}
    for stage, module in {"ETL": etl, "Filter": filter, "Score": score, "Store": store, "Reactive": reactive}.items():
        body = SAMPLE.read_text(encoding="utf-8") if previous is None else None
        metadata = run(module.handler, stage, previous=previous, initial_data=body)["metadata"]
        ways[stage] = [metadata[f"{way}RecordCount"] for way in ("input", "output", "rejected", "merged", "stale")]
        previous = stage
    assert ways == {
        "ETL": [12, 11, 1, 0, 0],
        "Filter": [11, 9, 2, 0, 0],
        "Score": [9, 9, 0, 0, 0],
        "Store": [9, 8, 0, 1, 0],
        "Reactive": [8, 8, 0, 0, 0],
    }
    assert metadata["counts"] == {"published": 8}
    assert len(items("candidates")) == len(items("event_deduplication")) == 8
