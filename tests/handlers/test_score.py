from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from ceap.testing import Json, items, put_items, run
from handlers.candidates.candidate import Candidate
from handlers.candidates.providers import Prediction
from handlers.candidates.providers.trust import TrustProvider
from handlers.candidates.score_cache import SCORE_CACHE, check_rows, partition_key, sort_key
from handlers.runtime.records import BadRecordError
from handlers.runtime.tables import check_item
from handlers.score import handler
from tests.handlers.candidates.support import candidate
from tests.handlers.support import calls

pytestmark = pytest.mark.usefixtures("aws")


def score(*candidates: Candidate, execution: str = "e") -> Json:
    return run(handler, candidates, execution=execution)


def cache() -> dict[str, Json]:
    """The rows of the cache by their sort keys."""
    return {row["SK"]: row for row in items(SCORE_CACHE)}


def break_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Prediction:
        raise RuntimeError("the model is gone")

    monkeypatch.setattr(TrustProvider, "score", fail)


def test_each_model_scores_each_candidate_and_other_scores_are_kept() -> None:
    document = score(candidate("c1", orderValue=20, scores={"own": 0.3, "trust": 0.1}), candidate("c2"))
    first, second = (record["scores"] for record in document["data"])
    assert list(first) == ["own", "trust", "quality", "fraud"]
    assert first["own"]["value"] == 0.3
    assert first["trust"]["value"] > 0.1
    assert list(second) == ["trust", "quality", "fraud"]
    assert document["metadata"]["counts"] == {"scored": 6}


def test_models_are_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTINGS", '{"models": ["fraud"]}')
    assert list(score(candidate())["data"][0]["scores"]) == ["fraud"]


def test_a_model_that_is_named_twice_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTINGS", '{"models": ["fraud", "fraud"]}')
    assert score(candidate())["metadata"]["counts"] == {"scored": 1}


@pytest.mark.parametrize("character", ["a", "#", "%", "\N{GRINNING FACE}"])
@pytest.mark.parametrize("length", [247, 248, 255])
def test_a_key_is_too_long_if_dynamodb_says_so(character: str, length: int) -> None:
    one = candidate(character * length, subject=character * length)
    item = {"PK": partition_key(one), "SK": sort_key("quality")}
    try:
        check_item(SCORE_CACHE, item)
    except BadRecordError as error:
        with pytest.raises(BadRecordError, match=re.escape(str(error))):
            check_rows(one)
    else:
        check_rows(one)


def test_a_score_is_kept_under_customer_subject_model_and_version_of_the_model() -> None:
    score(candidate("c1", subject="o1", version=5))
    row = cache()["MODEL#trust#1"]
    assert row["PK"] == "CUSTOMER#c1#SUBJECT#order#o1"
    assert row["candidateVersion"] == 5
    assert 3590 <= row["ttl"] - datetime.now(UTC).timestamp() <= 3600


def test_a_kept_score_serves_the_same_version_of_a_candidate() -> None:
    first = score(candidate(orderValue=20))["data"]
    second = score(candidate(orderValue=20))
    assert second["data"] == first
    assert second["metadata"]["counts"] == {"cached": 3}


def test_a_newer_version_of_a_candidate_is_scored_anew() -> None:
    before = score(candidate(version=1, orderValue=20))["data"][0]["scores"]["quality"]["value"]
    after = score(candidate(version=2, orderValue=2000))
    assert after["data"][0]["scores"]["quality"]["value"] > before
    assert after["metadata"]["counts"] == {"scored": 3}


def test_the_cache_keeps_the_newest_version_in_any_order_of_arrival() -> None:
    score(candidate(version=2), candidate(version=3), candidate(version=1))
    assert {row["candidateVersion"] for row in cache().values()} == {3}
    assert score(candidate(version=2))["metadata"]["counts"] == {"scored": 3}
    assert {row["candidateVersion"] for row in cache().values()} == {3}


def test_a_score_that_expired_serves_no_longer_though_dynamodb_has_not_deleted_it() -> None:
    score(candidate())
    before = cache()
    put_items(SCORE_CACHE, [row | {"ttl": 1} for row in before.values()])
    assert score(candidate())["metadata"]["counts"] == {"scored": 3}
    assert all(row["ttl"] >= before[model]["ttl"] for model, row in cache().items())


def test_a_model_that_fails_does_not_lose_the_others_and_gives_a_default_that_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    break_trust(monkeypatch)
    document = score(candidate())
    trust = document["data"][0]["scores"]["trust"]
    assert (trust["value"], trust["confidence"]) == (0.5, 0.1)
    assert trust["metadata"] == {
        "fallback": True,
        "fallbackStrategy": "default",
        "originalFailure": "RuntimeError: the model is gone",
    }
    assert document["metadata"]["counts"] == {"fallback": 1, "default": 1, "scored": 2}
    assert set(cache()) == {"MODEL#quality#1", "MODEL#fraud#1"}


def test_a_model_that_fails_falls_back_to_what_it_said_before(monkeypatch: pytest.MonkeyPatch) -> None:
    before = score(candidate(version=1))["data"][0]["scores"]["trust"]
    break_trust(monkeypatch)
    after = score(candidate(version=2))["data"][0]["scores"]["trust"]
    assert after["value"] == before["value"]
    assert after["metadata"]["fallbackStrategy"] == "cached"


def test_a_models_own_fallback_comes_before_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    break_trust(monkeypatch)
    monkeypatch.setattr(TrustProvider, "fallback", lambda *_: Prediction(0.4, 0.2))
    trust = score(candidate())["data"][0]["scores"]["trust"]
    assert (trust["value"], trust["confidence"], trust["metadata"]["fallbackStrategy"]) == (0.4, 0.2, "provider")


def test_features_that_a_model_cannot_judge_make_it_fall_back() -> None:
    scores = score(candidate(orderValue=-5))["data"][0]["scores"]
    assert scores["quality"]["metadata"]["originalFailure"].startswith("ValueError: feature order is -0.2")


@pytest.mark.parametrize(
    "verdict", [Prediction(float("nan"), 0.5), Prediction(float("inf"), 0.5), Prediction(0.5, 1.5)]
)
def test_a_verdict_that_no_document_may_hold_is_a_failure_of_the_model(
    verdict: Prediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrustProvider, "score", lambda _, features: verdict)
    assert score(candidate())["data"][0]["scores"]["trust"]["metadata"]["fallback"] is True


def test_calls_to_the_cache_are_batched_and_candidates_may_repeat() -> None:
    candidates = [candidate(f"c{number % 40}") for number in range(120)]
    with calls("dynamodb") as seen:
        score(*candidates)
    # 100 candidates of 40 keys with 3 models, then 20 that are known.
    assert [operation for operation, _ in seen] == ["BatchGetItem"] * 2 + ["BatchWriteItem"] * 5 + ["BatchGetItem"]


def test_a_message_with_unknown_models_is_refused_by_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTINGS", json.dumps({"models": ["luck"]}))
    with pytest.raises(Exception, match="Invalid enum value 'luck'"):
        score(candidate())
