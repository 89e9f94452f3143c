from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from handlers.aws import client
from handlers.contract import PermanentStageError, TransientStageError
from handlers.events import publish_events
from handlers.needs import Publish
from tests.handlers.support import Json, Refusal, calls, fault

pytestmark = pytest.mark.usefixtures("aws")

PUBLISH = Publish(source="ceap.workflow", detail_type="CandidateReady")


@contextmanager
def refuse_entries(*numbers: int, times: int) -> Iterator[list[list[str]]]:
    """Let the bus refuse the entries at these places, a number of times; gives the texts of each request."""
    requests: list[list[str]] = []

    def refuse(params: Json, **_: object) -> None:
        requests.append([json.loads(entry["Detail"])["text"] for entry in params["Entries"]])

    def answer(parsed: Json, **_: object) -> None:
        if len(requests) <= times:
            for number in numbers:
                parsed["Entries"][number : number + 1] = [{"ErrorCode": "ThrottlingException"}]

    emitter = client("events").meta.events
    emitter.register("provide-client-params.events.PutEvents", refuse, unique_id="refuse")
    emitter.register("after-call.events.PutEvents", answer, unique_id="answer")
    try:
        yield requests
    finally:
        emitter.unregister("provide-client-params.events.PutEvents", refuse, unique_id="refuse")
        emitter.unregister("after-call.events.PutEvents", answer, unique_id="answer")


def test_events_go_out_in_order_ten_at_a_time_with_the_declared_source_and_type() -> None:
    with calls("events") as seen:
        publish_events("default", PUBLISH, ({"text": str(number)} for number in range(12)))
    requests = [params["Entries"] for _, params in seen]
    assert [len(entries) for entries in requests] == [10, 2]
    assert requests[1][1] == {
        "EventBusName": "default",
        "Source": "ceap.workflow",
        "DetailType": "CandidateReady",
        "Detail": '{"text":"11"}',
    }


def test_large_events_share_a_request_only_as_far_as_it_takes_them() -> None:
    with calls("events") as seen:
        publish_events("default", PUBLISH, [{"text": "ü" * 50_000}] * 5)
    assert [len(params["Entries"]) for _, params in seen] == [2, 2, 1]


def test_no_events_are_no_request() -> None:
    with calls("events") as seen:
        publish_events("default", PUBLISH, [])
    assert seen == []


def test_only_the_entries_that_failed_are_sent_again(no_waiting: list[float]) -> None:
    with refuse_entries(1, 3, times=1) as requests:
        publish_events("default", PUBLISH, ({"text": text} for text in "abcd"))
    assert requests == [["a", "b", "c", "d"], ["b", "d"]]
    assert len(no_waiting) == 1


def test_entries_that_fail_each_time_are_transient(no_waiting: list[float]) -> None:
    with (
        refuse_entries(0, times=100),
        pytest.raises(TransientStageError, match="on default refused 1 events 5 times: ThrottlingException"),
    ):
        publish_events("default", PUBLISH, [{"text": "a"}, {"text": "b"}])


def test_a_bus_that_may_not_be_used_is_permanent() -> None:
    with (
        fault("events", "PutEvents", Refusal(400, "AccessDeniedException")),
        pytest.raises(PermanentStageError, match="events:PutEvents on default was denied"),
    ):
        publish_events("default", PUBLISH, [{"text": "a"}])
