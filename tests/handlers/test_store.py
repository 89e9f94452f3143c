from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ceap.testing import Json, error, items, run
from handlers import store as store_module
from handlers.candidates.candidate import Candidate
from handlers.candidates.candidate_item import CANDIDATES
from handlers.runtime.contract import PermanentStageError, StageError, TransientStageError
from handlers.runtime.tables import TableClient
from handlers.store import handler
from tests.handlers.candidates.support import candidate
from tests.handlers.support import Refusal, calls, fault

pytestmark = pytest.mark.usefixtures("aws")


_numbers = itertools.count()


def store(*candidates: Candidate, execution: str = "e") -> Json:
    return run(handler, candidates, execution=execution)


def stored(customer: str = "c1", subject: str = "o1") -> Json:
    key = {"PK": f"CUSTOMER#{customer}#PROGRAM#p#MARKETPLACE#m", "SK": f"SUBJECT#order#{subject}"}
    [item] = TableClient("candidates").get_many([key])
    return item


def test_a_candidate_is_stored_under_its_key_with_its_indexes() -> None:
    given_candidate = candidate(
        version=3, channelEligibility={"sms": True, "email": False, "push": True}, scores={"quality": 0.25}
    )
    document = store(given_candidate)
    assert msgspec.convert(document["data"], list[Candidate]) == [given_candidate]
    item = stored()
    assert msgspec.json.decode(item.pop("data"), type=Candidate) == given_candidate
    assert item.pop("updatedAt")
    assert item == {
        "PK": "CUSTOMER#c1#PROGRAM#p#MARKETPLACE#m",
        "SK": "SUBJECT#order#o1",
        "customerId": "c1",
        "version": 3,
        "ttl": 2082758400,
        "createdAt": "2026-01-02T03:04:05+00:00",
        "GSI1PK": "PROGRAM#p#CHANNEL#push",
        "GSI1SK": "SCORE#0.250000#CUSTOMER#c1",
        "GSI2PK": "PROGRAM#p#DATE#2026-01-02",
        "GSI2SK": "CREATED#1767323045#CUSTOMER#c1",
    }


def test_channel_and_model_of_the_ranking_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTINGS", '{"primary_channel": "sms", "rank_by": "trust"}')
    store(candidate(channelEligibility={"email": True, "sms": True}, scores={"quality": 0.1, "trust": 0.9}))
    assert (stored()["GSI1PK"], stored()["GSI1SK"]) == ("PROGRAM#p#CHANNEL#sms", "SCORE#0.900000#CUSTOMER#c1")


@pytest.mark.parametrize(
    "attributes", [{}, {"channelEligibility": {"email": False}, "scores": {"quality": 1}}, {"scores": {"trust": 1}}]
)
def test_a_candidate_without_channel_or_score_leaves_the_ranking(attributes: Json) -> None:
    store(candidate(scores={"quality": 1}))
    assert "GSI1PK" in stored()
    store(candidate(version=2, **attributes))
    assert {"GSI1PK", "GSI1SK"} & stored().keys() == set()


def test_an_older_version_is_stale_and_does_not_overwrite_a_newer_one() -> None:
    store(candidate(version=5, orderValue=5))
    document = store(candidate(version=4, orderValue=4))
    assert document["data"] == []
    assert document["metadata"]["staleRecordCount"] == 1
    assert stored()["version"] == 5


def test_an_equal_version_is_stored_again_and_its_creation_kept() -> None:
    store(candidate(version=5))
    first = stored()
    later = {"createdAt": "2026-02-02T00:00:00Z", "workflowExecutionId": "e2"}
    assert len(store(candidate(version=5, metadata=later))["data"]) == 1
    second = stored()
    assert msgspec.json.decode(second["data"])["metadata"]["workflowExecutionId"] == "e2"
    kept = ("createdAt", "GSI2PK", "GSI2SK", "version")
    assert [second[name] for name in kept] == [first[name] for name in kept]


def test_an_item_of_an_adopted_table_that_has_no_version_yields_to_any() -> None:
    TableClient("candidates").put_many([{"PK": "CUSTOMER#c1#PROGRAM#p#MARKETPLACE#m", "SK": "SUBJECT#order#o1"}])
    assert len(store(candidate())["data"]) == 1
    assert stored()["version"] == 1


def test_candidates_of_one_key_are_merged_and_the_newest_wins() -> None:
    document = store(
        candidate("c1", version=2), candidate("c2"), candidate("c1", version=3), candidate("c1", version=1)
    )
    assert [(record["customerId"], record["metadata"]["version"]) for record in document["data"]] == [
        ("c1", 3),
        ("c2", 1),
    ]
    assert document["metadata"]["mergedRecordCount"] == 2
    assert stored()["version"] == 3


def test_of_candidates_of_one_key_and_version_the_last_wins() -> None:
    document = store(candidate(version=2, orderValue=1), candidate(version=2, orderValue=2))
    assert [record["attributes"]["orderValue"] for record in document["data"]] == [2]
    assert document["metadata"]["mergedRecordCount"] == 1
    assert msgspec.json.decode(stored()["data"])["attributes"]["orderValue"] == 2


def test_candidates_of_one_key_in_several_batches_are_stored_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "BATCH", 1)
    document = store(candidate(version=2), candidate(version=3), candidate(version=1))
    assert [record["metadata"]["version"] for record in document["data"]] == [2, 3]
    assert document["metadata"]["staleRecordCount"] == 1
    assert stored()["version"] == 3


def test_parts_of_a_key_cannot_be_taken_for_others() -> None:
    store(candidate("c1#PROGRAM#p", subject="o#1"), candidate("c1", subject="o%231"))
    assert len(items(CANDIDATES)) == 2
    assert stored("c1%23PROGRAM%23p", "o%231")["customerId"] == "c1#PROGRAM#p"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    arrivals=st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 5)), min_size=1, max_size=10),
    batch=st.integers(1, 10),
)
def test_the_newest_version_stays_in_whatever_order_and_however_often_versions_arrive(
    arrivals: list[tuple[str, int]], batch: int
) -> None:
    example = f"{next(_numbers)}-"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_module, "BATCH", batch)
        store(*(candidate(example + name, version=version, orderValue=version) for name, version in arrivals))
    for name in {name for name, _ in arrivals}:
        newest = max(version for other, version in arrivals if other == name)
        item = stored(example + name)
        kept = msgspec.json.decode(item["data"], type=Candidate)
        assert (item["version"], kept.metadata.version, kept.attributes.order_value) == (newest, newest, newest)


def test_items_that_cannot_be_stored_fail_the_stage_and_are_named_in_its_record_only(no_waiting: list[float]) -> None:
    candidates = [candidate(f"c{number}") for number in range(3)]
    with (
        fault("dynamodb", "UpdateItem", Refusal(400, "ThrottlingException"), after=1),
        pytest.raises(
            TransientStageError, match="2 of 3 items of a batch could not be stored: dynamodb:UpdateItem"
        ) as failure,
    ):
        store(*candidates)
    assert "CUSTOMER" not in str(failure.value)
    named = {key["PK"] for key in error()["details"]["keys"]}
    kept = {item["PK"] for item in items(CANDIDATES)}
    assert (len(named), len(kept)) == (2, 1)
    assert named | kept == {f"CUSTOMER#c{number}#PROGRAM#p#MARKETPLACE#m" for number in range(3)}
    assert len(store(*candidates)["data"]) == 3
    assert len(items(CANDIDATES)) == 3


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Refusal(400, "AccessDeniedException"), PermanentStageError),
        (Refusal(400, "ResourceNotFoundException"), PermanentStageError),
        (Refusal(500, "InternalServerError"), TransientStageError),
    ],
)
def test_a_write_that_fails_is_permanent_or_transient(
    refusal: Refusal, kind: type[StageError], no_waiting: list[float]
) -> None:
    with fault("dynamodb", "UpdateItem", refusal), pytest.raises(kind, match="1 of 1 items of a batch"):
        store(candidate())


LATER, NEVER = TransientStageError("later"), PermanentStageError("never")


@pytest.mark.parametrize(
    ("failures", "kind", "said"),
    [
        ([LATER, NEVER], PermanentStageError, "2 of 2 items of a batch could not be stored: never"),
        ([NEVER, LATER], PermanentStageError, "2 of 2 items of a batch could not be stored: never"),
        ([LATER, ZeroDivisionError("a fault")], TransientStageError, "unexpected ZeroDivisionError"),
    ],
)
def test_of_several_failures_one_that_a_later_attempt_would_meet_again_decides(
    failures: list[Exception], kind: type[StageError], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_customer = dict(zip(("c0", "c1"), failures, strict=True))

    def fail(_: object, of: Candidate, __: object) -> bool:
        raise by_customer[of.customer_id]

    monkeypatch.setattr(store_module, "_write", fail)
    with pytest.raises(kind, match=said):
        store(candidate("c0"), candidate("c1"))


def test_a_fault_of_the_code_in_a_write_is_reported_as_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(store_module, "_rank", fail)
    with pytest.raises(TransientStageError, match="unexpected ZeroDivisionError"):
        store(candidate())


def test_a_run_uses_the_one_action_that_is_declared() -> None:
    with calls("dynamodb") as seen:
        store(*(candidate(f"c{number}") for number in range(20)))
    assert {operation for operation, _ in seen} == {"UpdateItem"}
