from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from ceap.testing import Json, message, run_first
from handlers.runtime.contract import PermanentStageError
from handlers.runtime.needs import Needs, Table
from handlers.runtime.stage import WorkflowLambdaHandler
from tests import reference
from tests.handlers.conftest import Log
from tests.handlers.runtime.sources.support import EXPORTS, put
from tests.handlers.support import keys

pytestmark = pytest.mark.usefixtures("aws", "exports")

TAKE = reference.load_stage("take")
STAGE = "OwnStage"
CURE = (
    "check whether the export has run; for a day without data, export a CSV file with the header alone, or send "
    "inline records: []"
)
NOTHING = [b"", gzip.compress(b""), b"\n\r\n \n", b"\xef\xbb\xbf"]


def take(handler: WorkflowLambdaHandler[Any, Any] = TAKE.handler, **source: Any) -> Json:
    body = json.dumps({"source": {"kind": "s3", "bucket": EXPORTS, **source}})
    metadata: Json = run_first(handler, body)["metadata"]
    return {"records": metadata["inputRecordCount"], **metadata["counts"]}


@pytest.mark.parametrize("body", NOTHING, ids=["nothing", "gzip", "blank lines", "mark"])
def test_an_empty_object_is_refused_by_its_key(body: bytes) -> None:
    put("day.jsonl", body)
    with pytest.raises(PermanentStageError) as refused:
        take(key="day.jsonl")
    assert str(refused.value).startswith(f"s3://{EXPORTS}/day.jsonl is empty; {CURE} (OwnStage of execution ")
    assert keys(f"executions/execution-1/{STAGE}/") == [f"executions/execution-1/{STAGE}/error.json"]


def test_a_prefix_of_empty_objects_is_refused() -> None:
    for number, body in enumerate(NOTHING):
        put(f"day/{number}", body)
    with pytest.raises(PermanentStageError) as refused:
        take(prefix="day/")
    assert str(refused.value).startswith(f"all 4 objects under s3://{EXPORTS}/day/ are empty; {CURE} (OwnStage")


def test_empty_objects_beside_others_are_counted(log: Log) -> None:
    put("day/_SUCCESS", b"")
    put("day/part-0", b'{"id": "c1"}\n\n')
    put("day/part-1", b"")
    put("day/part-2.csv", b"id\n")
    assert take(prefix="day/") == {"records": 1, "emptyObjects": 3, "blankLines": 1}
    assert log.lines()[-1]["records"]["counts"] == {"emptyObjects": 3, "blankLines": 1}


def test_a_header_alone_is_a_day_without_data_and_counted() -> None:
    put("day.csv", b"id,total\n")
    assert take(key="day.csv") == {"records": 0, "emptyObjects": 1}


def test_no_inline_records_are_a_day_without_data() -> None:
    assert run_first(TAKE.handler, message([]))["metadata"]["inputRecordCount"] == 0


class Stored(WorkflowLambdaHandler[Json, Any]):
    """A stage with side effects, which reads its input twice."""

    def process_data(self, records: Iterator[Json], stage: Any) -> Iterator[Json]:
        yield from records


def test_what_is_read_twice_is_counted_once() -> None:
    put("day.jsonl", b'{"id": "c1"}\n\n')
    needs = Needs(settings=TAKE.Settings, tables={Table("orders", "PK"): ("PutItem",)}, bucket_setting="source_bucket")
    assert take(Stored(needs), key="day.jsonl") == {"records": 1, "blankLines": 1}
