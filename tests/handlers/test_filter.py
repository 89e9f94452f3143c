from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import msgspec
import pytest

from ceap.testing import rejected, run
from handlers.candidates.candidate import Candidate, Context
from handlers.candidates.filters import Eligibility, Rejection
from handlers.filter import handler
from handlers.runtime.contract import PermanentStageError
from handlers.runtime.tables import TableClient
from tests.handlers.candidates.support import candidate
from tests.handlers.support import calls

pytestmark = pytest.mark.usefixtures("aws")

CLOSED = {"email": False}


def test_candidates_pass_in_order_and_the_others_are_rejected_with_filter_code_and_reason() -> None:
    document = run(handler, [candidate("c1"), candidate("c2", channelEligibility=CLOSED), candidate("c3")])
    assert [record["customerId"] for record in document["data"]] == ["c1", "c3"]
    assert document["metadata"]["rejections"] == {"CHANNEL_INELIGIBLE": 1}
    [line] = rejected()
    assert line["record"]["customerId"] == "c2"
    assert {name: line[name] for name in ("filter", "code", "reason")} == {
        "filter": "eligibility",
        "code": "CHANNEL_INELIGIBLE",
        "reason": "not eligible for any channel",
    }


def test_the_chain_stops_at_the_first_filter_that_rejects(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [{"filter": "business_rule", "min_order_value": 10}, {"filter": "eligibility"}]
    monkeypatch.setenv("SETTINGS", json.dumps({"filters": chain}))
    run(handler, [candidate(channelEligibility=CLOSED, orderValue=1)])
    assert [line["filter"] for line in rejected()] == ["business_rule"]


def test_an_empty_chain_lets_all_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTINGS", '{"filters": []}')
    assert len(run(handler, [candidate(channelEligibility=CLOSED)])["data"]) == 1


def test_a_filter_that_raises_rejects(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(_: Eligibility, judged: Candidate, now: datetime) -> Rejection | None:
        if judged.customer_id == "c2":
            raise ZeroDivisionError("a fault")
        return None

    monkeypatch.setattr(Eligibility, "check", check)
    document = run(handler, [candidate("c1"), candidate("c2")])
    assert [record["customerId"] for record in document["data"]] == ["c1"]
    [line] = rejected()
    assert (line["code"], line["reason"]) == ("FILTER_ERROR", "ZeroDivisionError: a fault")


def put_program(sort_key: str, **attributes: Any) -> None:
    TableClient("program_config").put_many([{"PK": "PROGRAM#p", "SK": sort_key, **attributes}])


def passed(*order_values: float) -> list[float]:
    document = run(handler, [candidate(f"c{value}", orderValue=value) for value in order_values])
    return [record["attributes"]["orderValue"] for record in document["data"]]


def test_a_program_sets_parameters_of_the_filters_of_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [{"filter": "business_rule", "min_order_value": 5, "max_days_since_event": 36500}]
    monkeypatch.setenv("SETTINGS", json.dumps({"filters": chain}))
    assert passed(1, 5, 10) == [5, 10]
    put_program("CONFIG", filterSettings={"business_rule": {"min_order_value": 10}})
    assert passed(1, 5, 10) == [10]


def test_the_settings_of_a_marketplace_replace_those_of_its_program() -> None:
    put_program("CONFIG", filterSettings={"business_rule": {"min_order_value": 10}})
    put_program("MARKETPLACE#m", filterSettings={"business_rule": {"require_delivery_date": False}})
    assert passed(1, 10) == [1, 10]


def test_settings_of_filters_that_the_step_does_not_have_are_for_another_step() -> None:
    put_program("CONFIG", filterSettings={"trust": {"min_trust_score": 0.9}, "business_rule": {"min_order_value": 2}})
    assert passed(1, 2) == [2]


def of(program: str, order_value: float) -> Candidate:
    context = [Context(type="program", id=program), Context(type="marketplace", id="m")]
    return msgspec.structs.replace(candidate(program, orderValue=order_value), context=context)


def test_each_candidate_is_judged_as_its_own_program_says_and_each_program_is_read_once() -> None:
    put_program("CONFIG", filterSettings={"business_rule": {"min_order_value": 10}})
    with calls("dynamodb") as seen:
        document = run(handler, [of("p", 5), of("q", 5), of("p", 10), of("q", 1)])
    assert [record["customerId"] for record in document["data"]] == ["q", "p", "q"]
    assert [operation for operation, _ in seen] == ["BatchGetItem"] * 2


def test_a_candidate_without_a_program_is_judged_as_the_step_says() -> None:
    alone = msgspec.structs.replace(candidate(), context=[Context(type="campaign", id="x")])
    with calls("dynamodb") as seen:
        assert len(run(handler, [alone])["data"]) == 1
    assert seen == []


@pytest.mark.parametrize(
    ("parameters", "fault"),
    [
        ({"luck": {}}, "'luck' is not a filter; allowed: eligibility, business_rule, trust, quality"),
        ({"business_rule": {"min_order": 1}}, "unknown field `min_order`"),
        ({"quality": {"min_confidence": 2}}, "Expected `float` <= 1.0"),
        ({"trust": {"filter": "quality"}}, "Invalid value 'quality'"),
        ("strict", "Expected `object`, got `str`"),
    ],
)
def test_filter_settings_that_are_wrong_are_permanent_and_name_the_row(parameters: object, fault: str) -> None:
    put_program("CONFIG", filterSettings=parameters)
    with pytest.raises(PermanentStageError, match=r"table program_config, PROGRAM#p, CONFIG or .*" + re.escape(fault)):
        passed(1)
