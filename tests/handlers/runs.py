"""Handlers killed at each of their requests and run again: nothing is lost, nothing differs, no event is sent in vain.

A run makes the same requests each time, so a process killed after each of them in turn was stopped after the reject
file, after each write to a table, after each claim, after publishing and before that was recorded, and at its output.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest

from ceap.testing import Json, message
from handlers.runtime.contract import output_key
from handlers.runtime.document import Header, encode_document
from tests.handlers.cloud import Cloud, Kill, Request
from tests.handlers.support import AUDIT, strip

KILLED = -9
STAGE = "OwnStage"
# Seconds after which a stage is tried again in its execution, and a message is delivered again in another.
RETRY_S, REDELIVERY_S = 20, 1800

again_later = pytest.mark.parametrize(
    ("execution", "offset"), [("e1", RETRY_S), ("e2", REDELIVERY_S)], ids=["retry", "redelivery"]
)


def no_event(update: Json) -> str | None:
    return None


class Work(NamedTuple):
    """A handler, its settings and what it is given.

    `first` is whether the records come in the message. `told` returns the id of the event that an update of a table
    records as published. `audit` are the fields that differ between any two runs.
    """

    handler: str
    records: list[Any]
    settings: str = "{}"
    first: bool = False
    told: Callable[[Json], str | None] = no_event
    audit: set[str] = AUDIT

    def event(self, cloud: Cloud, execution: str) -> Json:
        """Put the input of an execution where the stage finds it, and return the stage's event."""
        event = {"executionId": execution, "currentStage": STAGE, "previousStage": None, "initialData": None}
        if self.first:
            return event | {"initialData": message(self.records)}
        header = Header(execution_id=execution, stage="BeforeStage", started_at="2026-01-02T03:04:05Z")
        body = b"".join(encode_document(header, self.records, lambda count: {"outputRecordCount": count}))
        cloud.s3.put_object(Bucket=cloud.bucket, Key=output_key(execution, "BeforeStage"), Body=body)
        return event | {"previousStage": "BeforeStage"}

    def run(self, cloud: Cloud, execution: str = "e1", *, offset: int = 0, kill: Kill | None = None) -> int:
        return cloud.run(self.handler, self.event(cloud, execution), settings=self.settings, offset=offset, kill=kill)

    def state(self, cloud: Cloud, execution: str) -> Json:
        """Return all tables and what the stage wrote in an execution, without what differs between any two runs."""
        found: Json = {}
        for name in cloud.dynamodb.list_tables()["TableNames"]:
            items = cloud.dynamodb.scan(TableName=name)["Items"]
            found[name] = sorted(json.dumps(strip(item, self.audit)) for item in items)
        for key in written(cloud, execution):
            body = cloud.s3.get_object(Bucket=cloud.bucket, Key=key)["Body"].read()
            parts = body.splitlines() if "rej" in key else [body]
            found[key.rpartition("/")[2]] = [strip(json.loads(part), self.audit) for part in parts]
        return found

    def recorded(self, requests: Iterable[Request]) -> set[str | None]:
        """Return the ids of the events that were recorded as published."""
        return {self.told(json.loads(body)) for name, body in requests if name == "UpdateItem"}


def written(cloud: Cloud, execution: str) -> list[str]:
    listing = cloud.s3.list_objects_v2(Bucket=cloud.bucket, Prefix=f"executions/{execution}/{STAGE}/")
    return [entry["Key"] for entry in listing.get("Contents", [])]


def events(requests: Iterable[Request]) -> Counter[str]:
    """Count the ids of the events that were sent."""
    entries = [entry for name, body in requests if name == "PutEvents" for entry in json.loads(body)["Entries"]]
    return Counter(json.loads(entry["Detail"])["eventId"] for entry in entries)


def assert_killed_runs_do_no_harm(cloud: Cloud, work: Work, execution: str, offset: int) -> None:
    """Kill a run after each of its requests; the run that follows must leave what one undisturbed run leaves."""
    cloud.reset()
    assert work.run(cloud) == 0
    expected, requests, sent_once = work.state(cloud, "e1"), cloud.requests, events(cloud.served)
    assert work.recorded(cloud.served) - {None} == sent_once.keys()
    for number, request in enumerate(requests):
        cloud.reset()
        assert work.run(cloud, kill=Kill(number, "after")) == KILLED
        assert (output_key("e1", STAGE) in written(cloud, "e1")) == (number == len(requests) - 1)
        doubtful = events(cloud.served).keys() - work.recorded(cloud.served)
        assert work.run(cloud, execution, offset=offset) == 0
        assert expected == work.state(cloud, execution), request.name
        sent_again = events(cloud.served) - sent_once
        assert sent_once <= events(cloud.served), request.name
        assert sent_again.keys() <= doubtful, request.name
        assert sent_again.total() == len(sent_again), request.name


def assert_five_runs_leave_what_one_leaves(cloud: Cloud, work: Work) -> None:
    cloud.reset()
    assert work.run(cloud) == 0
    expected = work.state(cloud, "e1")
    for number in range(2, 6):
        assert work.run(cloud, f"e{number}", offset=number * REDELIVERY_S) == 0
    assert expected == work.state(cloud, "e5")


def assert_a_large_output_appears_whole_or_not_at_all(cloud: Cloud, work: Work) -> None:
    """The output of `work` needs two parts."""
    cloud.reset()
    assert work.run(cloud) == 0
    first = len(cloud.requests) - 4
    assert [request.name for request in cloud.requests[first:]] == [
        "POST output.json?uploads",
        *["PUT output.json?partNumber"] * 2,
        "POST output.json?uploadId",
    ]
    expected, last = work.state(cloud, "e1"), Kill(first + 3, "after")
    for kill in (*(Kill(first + number, "after") for number in range(3)), Kill(first + 3, "before"), last):
        cloud.reset()
        assert work.run(cloud, kill=kill) == KILLED
        assert bool(written(cloud, "e1")) == (kill == last)
        left = cloud.s3.list_multipart_uploads(Bucket=cloud.bucket).get("Uploads", [])
        assert len(left) == (0 if kill == last else 1)  # for the bucket's lifecycle rule
        assert work.run(cloud, offset=RETRY_S) == 0
        assert expected == work.state(cloud, "e1"), kill
