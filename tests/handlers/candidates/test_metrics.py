from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ceap.testing import Json, invoke, run, run_first
from handlers import etl, filter, reactive, score, store  # noqa: A004 - the stage is called so
from handlers.candidates.candidate_stage import CandidateStage
from handlers.candidates.providers import Prediction
from handlers.candidates.providers.trust import TrustProvider
from handlers.runtime.contract import PermanentStageError, TransientStageError
from handlers.runtime.needs import Needs
from handlers.runtime.stage import WorkflowLambdaHandler
from handlers.runtime.tables import TableClient
from tests.handlers.candidates.support import candidate, message, raw
from tests.handlers.metric_lines import FUNCTION, measured, measured_all
from tests.handlers.support import Refusal, fault

pytestmark = pytest.mark.usefixtures("aws")

HOME = (("ProgramId", "p"), ("Marketplace", "m"), ("Stage", "OwnStage"))


CLOSED: Json = {"channelEligibility": {"email": False}}


def test_etl_counts_records_candidates_and_errors(capsys: pytest.CaptureFixture[str]) -> None:
    run_first(etl.handler, message([raw()] * 9 + [raw("")]))
    assert measured(capsys) == {HOME: {"ProcessedCount": 10, "TransformedCount": 9, "ErrorCount": 1}}


def test_records_of_a_disabled_program_are_no_errors(capsys: pytest.CaptureFixture[str]) -> None:
    TableClient("program_config").put_many([{"PK": "PROGRAM#p", "SK": "CONFIG", "enabled": False}])
    run_first(etl.handler, message([raw()]))
    assert measured(capsys) == {HOME: {"ProcessedCount": 1, "TransformedCount": 0, "ErrorCount": 0}}


def test_filter_counts_rejections_by_reason(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = [{"filter": "eligibility"}, {"filter": "business_rule", "min_order_value": 10}]
    monkeypatch.setenv("SETTINGS", json.dumps({"filters": chain}))
    run(filter.handler, [candidate(), candidate(**CLOSED), candidate(**CLOSED), candidate(orderValue=10)])
    assert measured(capsys) == {
        HOME: {"InputCount": 4, "PassedCount": 1, "RejectedCount": 3},
        (*HOME, ("ReasonCode", "CHANNEL_INELIGIBLE")): {"RejectionsByReason": 2},
        (*HOME, ("ReasonCode", "ORDER_VALUE_MISSING")): {"RejectionsByReason": 1},
    }


def test_score_counts_scores_fallbacks_and_those_that_nothing_is_known_of(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(score.handler, [candidate("c1")], execution="e1")
    assert measured(capsys) == {
        HOME: {"InputCount": 1, "ScoredCount": 3, "FallbackCount": 0, "ErrorCount": 0, "RejectedCount": 0}
    }

    def fail(*_: object) -> Prediction:
        raise RuntimeError("the model is gone")

    monkeypatch.setattr(TrustProvider, "score", fail)
    run(score.handler, [candidate("c1", version=2), candidate("c2")], execution="e2")
    assert measured(capsys) == {
        HOME: {"InputCount": 2, "ScoredCount": 4, "FallbackCount": 2, "ErrorCount": 1, "RejectedCount": 0}
    }


def test_store_counts_what_it_stores(capsys: pytest.CaptureFixture[str]) -> None:
    candidates = [candidate("c1", version=2), candidate("c1", version=1), candidate("c2")]
    run(store.handler, candidates, execution="e1")
    counts = {"InputCount": 3, "StoredCount": 2, "StaleCount": 0, "FailedCount": 0, "RejectedCount": 0}
    function = {"InputCount": 3, "OutputCount": 2, "RejectedCount": 0, "StaleCount": 0}
    assert measured_all(capsys) == {HOME: counts, FUNCTION: function}
    run(store.handler, [candidate("c1", version=1)], execution="e2")
    counts = {"InputCount": 1, "StoredCount": 0, "StaleCount": 1, "FailedCount": 0, "RejectedCount": 0}
    function = {"InputCount": 1, "OutputCount": 0, "RejectedCount": 0, "StaleCount": 1}
    assert measured_all(capsys) == {HOME: counts, FUNCTION: function}


def test_store_counts_what_it_could_not_store_though_it_fails(
    capsys: pytest.CaptureFixture[str], no_waiting: list[float]
) -> None:
    refusal = Refusal(400, "ProvisionedThroughputExceededException")
    with fault("dynamodb", "UpdateItem", refusal), pytest.raises(TransientStageError):
        run(store.handler, [candidate("c1"), candidate("c2")])
    counts = {"InputCount": 2, "StoredCount": 0, "StaleCount": 0, "FailedCount": 2, "RejectedCount": 0}
    assert measured(capsys) == {HOME: counts}


def test_reactive_counts_what_it_publishes_and_what_it_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    run(reactive.handler, [candidate("c1"), candidate("c2")], execution="e1")
    assert measured(capsys) == {HOME: {"PublishedCount": 2, "DuplicateCount": 0, "RejectedCount": 0}}
    run(reactive.handler, [candidate("c1", version=2)], execution="e2")
    assert measured(capsys) == {HOME: {"PublishedCount": 0, "DuplicateCount": 1, "RejectedCount": 0}}


@pytest.mark.parametrize("handler", [score.handler, store.handler, reactive.handler])
def test_a_stage_counts_what_it_rejects(
    handler: WorkflowLambdaHandler[Any, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    wide = msgspec.structs.replace(candidate().subject, type="\U0001f600" * 255, id="\U0001f600" * 255)
    run(handler, [candidate(), msgspec.structs.replace(candidate("\U0001f600" * 255), subject=wide)])
    assert measured(capsys)[HOME]["RejectedCount"] == 1


def of(program: str, customer: str = "c1", **attributes: Any) -> Json:
    fields: Json = json.loads(message([candidate(customer, **attributes)]))["source"]["records"][0]
    return fields | {"context": [{"type": "program", "id": program}, {"type": "marketplace", "id": "m"}]}


def test_programs_of_one_document_are_counted_apart(capsys: pytest.CaptureFixture[str]) -> None:
    run(filter.handler, [of("p1"), of("p2"), of("p1", **CLOSED), of("p1"), of("p2", **CLOSED)])
    first, second = ((("ProgramId", program), *HOME[1:]) for program in ("p1", "p2"))
    assert measured(capsys) == {
        first: {"InputCount": 3, "PassedCount": 2, "RejectedCount": 1},
        (*first, ("ReasonCode", "CHANNEL_INELIGIBLE")): {"RejectionsByReason": 1},
        second: {"InputCount": 2, "PassedCount": 1, "RejectedCount": 1},
        (*second, ("ReasonCode", "CHANNEL_INELIGIBLE")): {"RejectionsByReason": 1},
    }


class Plain(CandidateStage[Json, Any]):
    """A handler of someone's own: of any records, without metrics of its own."""

    def process_data(self, records: Iterator[Json], stage: Any) -> Iterator[Json]:
        yield from records


PLAIN = Plain(Needs(settings=filter.Settings))


def test_what_is_no_candidate_is_counted_under_the_message_or_as_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    counts = {"InputCount": 2, "OutputCount": 2, "RejectedCount": 0}
    run_first(PLAIN, message([{"a": 1}, {"b": 1}]))
    assert measured(capsys) == {HOME: counts}
    run(PLAIN, [{"a": 1}, {"b": 1}])
    assert measured(capsys) == {(("ProgramId", "unknown"), ("Marketplace", "unknown"), HOME[2]): counts}


def test_etl_is_measured_as_far_as_it_came_when_it_fails(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PermanentStageError, match="records are bad"):
        run_first(etl.handler, message([raw(), raw("")]))
    assert measured(capsys) == {HOME: {"ProcessedCount": 2, "TransformedCount": 1, "ErrorCount": 1}}


def test_a_metric_names_no_customer(capsys: pytest.CaptureFixture[str]) -> None:
    invoke(
        etl.handler,
        "OwnStage",
        initial_data=message([raw("secret-customer")] * 10 + [raw("secret-customer", eventDate="x")]),
    )
    assert "secret-customer" not in capsys.readouterr().out
