from __future__ import annotations

import json
from datetime import datetime

import pytest

from handlers.candidate import Candidate
from handlers.filter import handler
from handlers.filters import Eligibility, Rejection
from tests.handlers.support import candidate, rejected, run_on

pytestmark = pytest.mark.usefixtures("aws")

CLOSED = {"email": False}


def test_candidates_pass_in_order_and_the_others_are_rejected_with_filter_code_and_reason() -> None:
    document = run_on(handler, [candidate("c1"), candidate("c2", channelEligibility=CLOSED), candidate("c3")])
    assert [record["customerId"] for record in document["data"]] == ["c1", "c3"]
    assert document["metadata"]["rejections"] == {"CHANNEL_INELIGIBLE": 1}
    [line] = rejected("OwnStage")
    assert line["record"]["customerId"] == "c2"
    assert {name: line[name] for name in ("filter", "code", "reason")} == {
        "filter": "eligibility",
        "code": "CHANNEL_INELIGIBLE",
        "reason": "not eligible for any channel",
    }


def test_the_chain_stops_at_the_first_filter_that_rejects(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [{"filter": "business_rule", "min_order_value": 10}, {"filter": "eligibility"}]
    monkeypatch.setenv("SETTINGS", json.dumps({"filters": chain}))
    run_on(handler, [candidate(channelEligibility=CLOSED, orderValue=1)])
    assert [line["filter"] for line in rejected("OwnStage")] == ["business_rule"]


def test_an_empty_chain_lets_all_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTINGS", '{"filters": []}')
    assert len(run_on(handler, [candidate(channelEligibility=CLOSED)])["data"]) == 1


def test_a_filter_that_raises_rejects(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(_: Eligibility, judged: Candidate, now: datetime) -> Rejection | None:
        if judged.customer_id == "c2":
            raise ZeroDivisionError("a fault")
        return None

    monkeypatch.setattr(Eligibility, "check", check)
    document = run_on(handler, [candidate("c1"), candidate("c2")])
    assert [record["customerId"] for record in document["data"]] == ["c1"]
    [line] = rejected("OwnStage")
    assert (line["code"], line["reason"]) == ("FILTER_ERROR", "ZeroDivisionError: a fault")
