from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ceap.testing import Json, error, run
from handlers.candidates.candidate import Candidate
from handlers.candidates.candidate_event import deduplication_key, event_id
from handlers.reactive import handler
from handlers.runtime.contract import PermanentStageError, TransientStageError
from handlers.runtime.tables import TableClient
from tests.handlers.candidates.support import candidate
from tests.handlers.support import Refusal, calls, fault, refuse_entries

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let time pass for claims: `clock(300)`."""
    passed = [0.0]
    real = time.time
    monkeypatch.setattr("handlers.reactive.time.time", lambda: real() + passed[0])
    return lambda seconds: passed.append(passed.pop() + seconds)


@contextmanager
def events() -> Iterator[list[Json]]:
    """The details of the events that are sent."""
    details: list[Json] = []
    with calls("events") as seen:
        yield details
    details += [json.loads(entry["Detail"]) for _, params in seen for entry in params["Entries"]]


def react(*candidates: Candidate, execution: str = "e1") -> list[tuple[bool, str]]:
    """Run the stage; return what its output says of each candidate."""
    document = run(handler, candidates, execution=execution)
    assert [record["customerId"] for record in document["data"]] == [given.customer_id for given in candidates]
    return [(record["published"], record["reason"]) for record in document["data"]]


def claim_of(given: Candidate) -> Json:
    [item] = TableClient("event_deduplication").get_many([{"deduplicationKey": deduplication_key(given)}])
    return item


def test_each_candidate_is_published_once_with_its_id() -> None:
    candidates = [candidate(f"c{number}") for number in range(12)]
    with events() as sent:
        assert react(*candidates) == [(True, "PUBLISHED")] * 12
    assert [detail["eventId"] for detail in sent] == [event_id(given) for given in candidates]
    assert sent[0]["candidate"]["customerId"] == "c0"
    assert (sent[0]["programId"], sent[0]["marketplace"]) == ("p", "m")


def test_a_claim_is_recorded_as_published_under_the_candidates_key() -> None:
    react(candidate())
    claim = claim_of(candidate())
    now = time.time()
    assert claim["deduplicationKey"] == "c1:order:o1:p:m"
    assert (claim["owner"], claim["state"], claim["eventId"]) == ("e1", "published", event_id(candidate()))
    assert 290 <= claim["windowUntil"] - now <= 300
    assert 5390 <= claim["keepUntil"] - now <= 5400
    assert claim["ttl"] == claim["keepUntil"]
    assert "leaseUntil" not in claim


def test_the_id_of_an_event_is_that_of_the_candidate_and_its_version() -> None:
    assert event_id(candidate()) == event_id(candidate(orderValue=5))
    ids = {event_id(given) for given in (candidate(), candidate("c2"), candidate(subject="o2"), candidate(version=2))}
    assert len(ids) == 4


def test_parts_of_a_key_cannot_be_taken_for_others() -> None:
    assert deduplication_key(candidate("c:order")) != deduplication_key(candidate("c", subject="order:o1"))


def test_a_redelivered_message_publishes_nothing_twice(clock: Any) -> None:
    react(candidate(), execution="e1")
    for minutes in (1, 30, 30):
        clock(minutes * 60)
        with events() as sent:
            assert react(candidate(), execution=f"after-{minutes}") in (
                [(False, "ALREADY_PUBLISHED")],
                [(False, "IN_WINDOW")],
            )
        assert sent == []


def test_a_newer_version_is_published_once_the_window_is_over(clock: Any) -> None:
    react(candidate(version=1), execution="e1")
    clock(290)
    assert react(candidate(version=2), execution="e2") == [(False, "IN_WINDOW")]
    clock(11)
    with events() as sent:
        assert react(candidate(version=2), execution="e3") == [(True, "PUBLISHED")]
    assert [detail["eventId"] for detail in sent] == [event_id(candidate(version=2))]


def test_the_same_version_may_be_published_again_past_the_longest_redelivery(clock: Any) -> None:
    react(candidate(), execution="e1")
    clock(5401)
    with events() as sent:
        assert react(candidate(), execution="e2") == [(True, "PUBLISHED")]
    assert len(sent) == 1


def test_a_second_attempt_of_the_same_execution_says_what_the_first_did() -> None:
    react(candidate())
    with events() as sent:
        assert react(candidate()) == [(True, "PUBLISHED")]
    assert sent == []


def test_a_candidate_that_comes_twice_in_one_run_is_published_once() -> None:
    with events() as sent:
        assert react(candidate(), candidate(), candidate(version=2)) == [
            (True, "PUBLISHED"),
            (True, "PUBLISHED"),
            (False, "IN_WINDOW"),
        ]
    assert len(sent) == 1


def die(operation: str, service: str = "dynamodb", after: int = 0) -> Any:
    return fault(service, operation, Refusal(400, "ThrottlingException"), after=after)


def test_what_was_claimed_but_not_published_is_published_by_the_next_attempt(no_waiting: list[float]) -> None:
    with die("PutEvents", "events"), pytest.raises(TransientStageError):
        react(candidate("c1"), candidate("c2"))
    with events() as sent:
        assert react(candidate("c1"), candidate("c2")) == [(True, "PUBLISHED")] * 2
    assert len(sent) == 2


def test_what_the_bus_took_beside_what_it_refused_is_not_published_again(no_waiting: list[float]) -> None:
    candidates = [candidate(f"c{number}") for number in range(3)]
    with refuse_entries(0, times=100) as first, pytest.raises(TransientStageError, match="refused 1 events 5 times"):
        react(*candidates)
    assert [len(request) for request in first] == [3, 1, 1, 1, 1]
    with events() as second:
        assert react(*candidates) == [(True, "PUBLISHED")] * 3
    assert [detail["eventId"] for detail in second] == [event_id(candidates[0])]


def test_what_was_published_but_not_recorded_is_published_again_with_the_same_id(no_waiting: list[float]) -> None:
    with events() as first, die("UpdateItem", after=1), pytest.raises(TransientStageError):
        react(candidate())
    with events() as second:
        react(candidate())
    assert [detail["eventId"] for detail in first + second] == [event_id(candidate())] * 2


def test_what_another_execution_may_still_publish_is_neither_published_nor_called_so(
    clock: Any, no_waiting: list[float]
) -> None:
    with die("PutEvents", "events"), pytest.raises(TransientStageError):
        react(candidate("c1"), execution="died")
    clock(50)
    with (
        events() as sent,
        pytest.raises(TransientStageError, match="1 of 2 candidates of a batch are claimed by other"),
    ):
        react(candidate("c1"), candidate("c2"), execution="e2")
    assert [detail["candidate"]["customerId"] for detail in sent] == ["c2"]
    assert [claim["owner"] for claim in error()["details"]["claims"]] == ["died"]
    clock(20)
    with events() as sent:
        assert react(candidate("c1"), candidate("c2"), execution="e2") == [(True, "PUBLISHED")] * 2
    assert [detail["candidate"]["customerId"] for detail in sent] == ["c1"]


def test_a_claim_is_leased_until_its_invocation_must_have_ended(no_waiting: list[float]) -> None:
    with die("PutEvents", "events"), pytest.raises(TransientStageError):
        react(candidate())
    assert 60 <= claim_of(candidate())["leaseUntil"] - time.time() <= 66


def test_a_claim_that_was_taken_over_is_recorded_by_its_new_owner_only(clock: Any, no_waiting: list[float]) -> None:
    with die("PutEvents", "events"), pytest.raises(TransientStageError):
        react(candidate(), execution="slow")
    clock(70)
    react(candidate(), execution="taker")
    assert react(candidate(), execution="slow") == [(False, "ALREADY_PUBLISHED")]
    assert claim_of(candidate())["owner"] == "taker"


def test_an_item_of_an_adopted_table_that_has_no_state_is_no_claim() -> None:
    TableClient("event_deduplication").put_many([{"deduplicationKey": deduplication_key(candidate())}])
    assert react(candidate()) == [(True, "PUBLISHED")]


def test_a_bus_that_may_not_be_used_is_a_permanent_failure() -> None:
    with (
        fault("events", "PutEvents", Refusal(400, "AccessDeniedException")),
        pytest.raises(PermanentStageError, match="events:PutEvents on default was denied"),
    ):
        react(candidate())


def test_a_run_uses_the_one_action_that_is_declared() -> None:
    with calls("dynamodb") as seen:
        react(*(candidate(f"c{number}") for number in range(20)))
    assert [operation for operation, _ in seen] == ["UpdateItem"] * 40
