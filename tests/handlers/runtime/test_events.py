from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from ceap.testing import Json
from handlers.runtime.contract import PermanentStageError, TransientStageError
from handlers.runtime.events import check_event
from handlers.runtime.events import publish_events as publish_on
from handlers.runtime.needs import Publish
from handlers.runtime.records import BadRecordError
from tests.handlers.support import Refusal, calls, fault, refuse_entries

pytestmark = pytest.mark.usefixtures("aws")

PUBLISH = Publish(source="ceap.workflow", detail_type="CandidateReady")


def nested(levels: int) -> list[Any]:
    """Return lists in one another."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def publish_events(details: Iterable[Json]) -> list[list[int]]:
    """Publish events; return the places that were reported as taken, answer by answer."""
    reports: list[list[int]] = []
    publish_on("default", PUBLISH, details, taken=reports.append)
    return reports


def test_events_go_out_in_order_ten_at_a_time_with_the_declared_source_and_type() -> None:
    with calls("events") as seen:
        publish_events({"text": str(number)} for number in range(12))
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
        publish_events([{"text": "ü" * 200_000}] * 5)
    assert [len(params["Entries"]) for _, params in seen] == [2, 2, 1]


@pytest.mark.parametrize(
    "detail",
    [
        {"text": "x" * 989_989},
        {"number": 2**63 - 1, "other": -(2**63), "text": str(10**40)},
        {"numbers": [1.5e300, 12345678901234567890.0]},
    ],
)
def test_an_event_that_keeps_the_limits_is_taken(detail: Json) -> None:
    check_event(detail)


@pytest.mark.parametrize(
    ("detail", "code", "fault"),
    [
        ({"text": "x" * 989_990}, "EVENT_TOO_LARGE", "its event would have 990001 bytes, EventBridge allows 990000"),
        ({"a": [{"b": 2**63}]}, "EVENT_NUMBER_TOO_LARGE", "an integer of more than 64 bits, which EventBridge refuses"),
        ({"a": -(2**63) - 1}, "EVENT_NUMBER_TOO_LARGE", "an integer of more than 64 bits"),
        ({"a": nested(501)}, "NESTING_TOO_DEEP", "it nests objects and lists deeper than 500 levels; flatten it"),
        ({"a": nested(20_000)}, "NESTING_TOO_DEEP", "it nests objects and lists deeper than 500 levels"),
    ],
)
def test_an_event_that_is_beyond_a_limit_is_refused(detail: Json, code: str, fault: str) -> None:
    with pytest.raises(BadRecordError, match=fault) as bad:
        check_event(detail)
    assert bad.value.code == code


def test_no_events_are_no_request() -> None:
    with calls("events") as seen:
        publish_events([])
    assert seen == []


def test_only_the_entries_that_failed_are_sent_again(no_waiting: list[float]) -> None:
    with refuse_entries(1, 3, times=1) as requests:
        assert publish_events({"text": text} for text in "abcd") == [[0, 2], [1, 3]]
    assert [[detail["text"] for detail in request] for request in requests] == [["a", "b", "c", "d"], ["b", "d"]]
    assert len(no_waiting) == 1


def test_entries_that_fail_each_time_are_transient(no_waiting: list[float]) -> None:
    with (
        refuse_entries(0, times=100),
        pytest.raises(TransientStageError, match="on default refused 1 events 5 times: ThrottlingException"),
    ):
        publish_events([{"text": "a"}, {"text": "b"}])


def test_a_bus_that_may_not_be_used_is_permanent() -> None:
    with (
        fault("events", "PutEvents", Refusal(400, "AccessDeniedException")),
        pytest.raises(PermanentStageError, match="events:PutEvents on default was denied"),
    ):
        publish_events([{"text": "a"}])


@pytest.mark.parametrize("code", ["AccessDeniedException", "MalformedDetail", "NotAuthorizedForSourceException"])
def test_an_entry_that_the_bus_can_never_take_is_permanent_and_the_others_are_reported(code: str) -> None:
    reports: list[list[int]] = []
    with (
        refuse_entries(1, times=100, code=code) as requests,
        pytest.raises(PermanentStageError, match=f"refused 1 events: {code}; correct the bus"),
    ):
        publish_on("default", PUBLISH, [{"text": "a"}, {"text": "b"}], taken=reports.append)
    assert (len(requests), reports) == (1, [[0]])


@pytest.mark.parametrize("code", ["InternalFailure", "InternalException", "ThrottlingException", "of another day"])
def test_an_entry_that_the_bus_may_take_later_is_sent_again(code: str, no_waiting: list[float]) -> None:
    with refuse_entries(0, times=1, code=code):
        assert publish_events([{"text": "a"}]) == [[], [0]]
