"""Handlers killed at each of their requests and run again: nothing is lost, nothing differs, no event is sent in vain.

A run makes the same requests each time, so a process killed after each of them in turn was stopped after the reject
file, after each write to a table, after each claim, after publishing and before that was recorded, and at its output.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from handlers.reactive import event_id
from handlers.runtime.contract import output_key
from handlers.runtime.document import Header, encode_document
from tests.handlers.cloud import Cloud, Kill, Request
from tests.handlers.support import candidate, message, raw, strip

KILLED = -9
STAGE = "OwnStage"
# Seconds after which a stage is tried again in its execution, and a message is delivered again in another.
RETRY_S, REDELIVERY_S = 20, 1800


class Work(NamedTuple):
    """A handler, its settings and what it is given: records for ETL, candidates for the others."""

    handler: str
    records: list[Any]
    settings: str = "{}"

    def event(self, cloud: Cloud, execution: str) -> dict[str, Any]:
        """Put the input of an execution where the stage finds it, and return the stage's event."""
        event = {"executionId": execution, "currentStage": STAGE, "previousStage": None, "initialData": None}
        if self.handler == "etl":
            return event | {"initialData": message(self.records)}
        header = Header(execution_id=execution, stage="BeforeStage", started_at="2026-01-02T03:04:05Z")
        body = b"".join(encode_document(header, self.records, lambda count: {"outputRecordCount": count}))
        cloud.s3.put_object(Bucket=cloud.bucket, Key=output_key(execution, "BeforeStage"), Body=body)
        return event | {"previousStage": "BeforeStage"}


CANDIDATES = [candidate(f"c{number}", version=number + 1, scores={"quality": 0.5}) for number in range(3)]
WORKS = [
    Work("etl", [*(raw(f"c{number}") for number in range(3)), {}], '{"max_error_rate": 0.5}'),
    Work("filter", [*CANDIDATES, candidate("c3", channelEligibility={})]),
    Work("score", CANDIDATES * 5),
    Work("store", [*CANDIDATES, CANDIDATES[0]], '{"concurrency": 1}'),
    Work("reactive", CANDIDATES),
]


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    cloud = Cloud()
    yield cloud
    cloud.close()


def state(cloud: Cloud, execution: str) -> dict[str, Any]:
    """Return all tables and what the stage wrote in an execution, but for what differs between any two runs."""
    found: dict[str, Any] = {}
    for name in cloud.dynamodb.list_tables()["TableNames"]:
        found[name] = sorted(json.dumps(strip(item)) for item in cloud.dynamodb.scan(TableName=name)["Items"])
    for key in written(cloud, execution):
        body = cloud.s3.get_object(Bucket=cloud.bucket, Key=key)["Body"].read()
        found[key.rpartition("/")[2]] = [
            strip(json.loads(part)) for part in (body.splitlines() if "rej" in key else [body])
        ]
    return found


def written(cloud: Cloud, execution: str) -> list[str]:
    listing = cloud.s3.list_objects_v2(Bucket=cloud.bucket, Prefix=f"executions/{execution}/{STAGE}/")
    return [entry["Key"] for entry in listing.get("Contents", [])]


def run(cloud: Cloud, work: Work, execution: str = "e1", *, offset: int = 0, kill: Kill | None = None) -> int:
    return cloud.run(work.handler, work.event(cloud, execution), settings=work.settings, offset=offset, kill=kill)


def events(requests: list[Request]) -> Counter[str]:
    """Count the ids of the events that were sent."""
    entries = [entry for name, body in requests if name == "PutEvents" for entry in json.loads(body)["Entries"]]
    return Counter(json.loads(entry["Detail"])["eventId"] for entry in entries)


def recorded(requests: list[Request]) -> set[str]:
    """Return the ids of the events that were recorded as published."""
    updates = [json.loads(body) for name, body in requests if name == "UpdateItem"]
    return {
        update["ExpressionAttributeValues"][":event"]["S"]
        for update in updates
        if update["UpdateExpression"].startswith("SET #state = :published")
    }


@pytest.mark.parametrize(("execution", "offset"), [("e1", RETRY_S), ("e2", REDELIVERY_S)], ids=["retry", "redelivery"])
@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.handler)
def test_a_run_after_one_that_was_killed_after_any_request_leaves_what_one_undisturbed_run_leaves(
    cloud: Cloud, work: Work, execution: str, offset: int
) -> None:
    cloud.reset()
    assert run(cloud, work) == 0
    expected, requests, sent_once = state(cloud, "e1"), cloud.requests, events(cloud.served)
    for number, request in enumerate(requests):
        cloud.reset()
        assert run(cloud, work, kill=Kill(number, "after")) == KILLED
        assert (output_key("e1", STAGE) in written(cloud, "e1")) == (number == len(requests) - 1)
        doubtful = events(cloud.served).keys() - recorded(cloud.served)
        assert run(cloud, work, execution, offset=offset) == 0
        assert expected == state(cloud, execution), request.name
        sent_again = events(cloud.served) - sent_once
        assert sent_once <= events(cloud.served), request.name
        assert sent_again.keys() <= doubtful, request.name
        assert sent_again.total() == len(sent_again), request.name


def test_events_are_sent_again_with_their_ids_by_the_run_after_one_that_died_before_it_recorded_them(
    cloud: Cloud,
) -> None:
    cloud.reset()
    work = WORKS[-1]
    assert run(cloud, work) == 0
    publishing = [request.name for request in cloud.requests].index("PutEvents")
    cloud.reset()
    assert run(cloud, work, kill=Kill(publishing, "after")) == KILLED
    assert run(cloud, work, "e2", offset=REDELIVERY_S) == 0
    assert events(cloud.served) == dict.fromkeys(map(event_id, CANDIDATES), 2)


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.handler)
def test_five_runs_leave_the_tables_that_one_leaves(cloud: Cloud, work: Work) -> None:
    cloud.reset()
    assert run(cloud, work) == 0
    expected = state(cloud, "e1")
    for number in range(2, 6):
        assert run(cloud, work, f"e{number}", offset=number * REDELIVERY_S) == 0
    assert expected == state(cloud, "e5")


def test_a_large_output_appears_whole_or_not_at_all(cloud: Cloud) -> None:
    text = "x" * 500_000
    work = Work("filter", [candidate(f"c{number}", timingWindow=text) for number in range(20)])
    cloud.reset()
    assert run(cloud, work) == 0
    assert [request.name for request in cloud.requests[2:]] == [
        "BatchGetItem",
        "POST output.json?uploads",
        *["PUT output.json?partNumber"] * 2,
        "POST output.json?uploadId",
    ]
    expected = state(cloud, "e1")
    for kill in (Kill(3, "after"), Kill(4, "after"), Kill(5, "after"), Kill(6, "before"), Kill(6, "after")):
        cloud.reset()
        assert run(cloud, work, kill=kill) == KILLED
        assert bool(written(cloud, "e1")) == (kill == Kill(6, "after"))
        left = cloud.s3.list_multipart_uploads(Bucket=cloud.bucket).get("Uploads", [])
        assert len(left) == (0 if kill == Kill(6, "after") else 1)  # for the bucket's lifecycle rule
        assert run(cloud, work, offset=RETRY_S) == 0
        assert expected == state(cloud, "e1"), kill
