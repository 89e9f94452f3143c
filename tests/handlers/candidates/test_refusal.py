"""A malformed input of a stage of the sample is refused whole; a record that it cannot take is rejected alone."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ceap.testing import rejected, run, run_first, write_output
from handlers import reactive, score, store
from handlers.candidates.candidate import Candidate
from handlers.candidates.candidate_item import CANDIDATES, build_item
from handlers.runtime import tables
from handlers.runtime.contract import PermanentStageError
from handlers.runtime.records import BadRecordError
from handlers.runtime.stage import WorkflowLambdaHandler
from handlers.runtime.tables import check_item
from tests.handlers.candidates.support import NOW, candidate, message
from tests.handlers.support import no_side_effect, refused

pytestmark = pytest.mark.usefixtures("aws")

STAGES: dict[str, WorkflowLambdaHandler[Any, Any]] = {
    "score": score.handler,
    "store": store.handler,
    "reactive": reactive.handler,
}
GOOD = [candidate(f"c{number}") for number in range(300)]


@pytest.mark.parametrize("handler", STAGES.values(), ids=STAGES)
def test_a_document_that_is_wrong_at_its_end_is_refused_before_any_side_effect(
    handler: WorkflowLambdaHandler[Any, Any],
) -> None:
    write_output("BeforeStage", [*GOOD, {"customerId": "c1"}])
    refused(handler, "record 301 ")


@pytest.mark.parametrize("handler", STAGES.values(), ids=STAGES)
def test_a_message_without_a_candidate_is_refused_before_any_side_effect(
    handler: WorkflowLambdaHandler[Any, Any],
) -> None:
    with no_side_effect(), pytest.raises(PermanentStageError, match="none of the 2 records of the source can be taken"):
        run_first(handler, message([{"customerId": "c1"}] * 2))


def without_context(kind: str) -> Candidate:
    given = candidate()
    return msgspec.structs.replace(given, context=[context for context in given.context if context.type != kind])


def with_subject(kind: str, name: str, customer: str = "c1") -> Candidate:
    given = candidate(customer)
    return msgspec.structs.replace(given, subject=msgspec.structs.replace(given.subject, type=kind, id=name))


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def with_metadata(metadata: dict[str, Any]) -> Candidate:
    given = candidate()
    return msgspec.structs.replace(given, subject=msgspec.structs.replace(given.subject, metadata=metadata))


LONG = "\U0001f600" * 255  # 1,020 bytes in 255 characters
CHANNEL: dict[str, Any] = {"channelEligibility": {"s" * 2100: True}, "scores": {"quality": 0.5}}
UNFIT = [
    pytest.param(
        "store reactive", without_context("program"), "CONTEXT_MISSING", "it has no context of type program, which keys"
    ),
    pytest.param(
        "store reactive", without_context("marketplace"), "CONTEXT_MISSING", "it has no context of type marketplace"
    ),
    pytest.param(
        "store", candidate(timingWindow="x" * 420_000), "ITEM_TOO_LARGE", "its item in table candidates would have 4"
    ),
    pytest.param("reactive", candidate(timingWindow="x" * 990_000), "EVENT_TOO_LARGE", "its event would have 990"),
    pytest.param("store", candidate(subject=LONG), "KEY_TOO_LONG", "SK of its item would have 1034 bytes"),
    pytest.param(
        "store", candidate(LONG), "KEY_TOO_LONG", "GSI2SK of its item would have 1048 bytes, DynamoDB allows 1024"
    ),
    pytest.param(
        "store", candidate(**CHANNEL), "KEY_TOO_LONG", "GSI1PK of its item would have 2118 bytes, DynamoDB allows 2048"
    ),
    pytest.param(
        "score reactive",
        with_subject(LONG, LONG, LONG),
        "KEY_TOO_LONG",
        " of its item would have 30",
        id="a long partition key",
    ),
    pytest.param(
        "store", with_metadata(nested(63)), "NESTING_TOO_DEEP", "it nests objects and lists deeper than 64 levels"
    ),
    pytest.param(
        "reactive",
        with_metadata({"a": 2**63}),
        "EVENT_NUMBER_TOO_LARGE",
        "its event would hold an integer of more than",
    ),
]


@pytest.mark.parametrize(("names", "unfit", "code", "fault"), UNFIT)
def test_a_record_that_its_table_or_bus_can_never_take_is_rejected_and_the_others_go_on(
    names: str, unfit: Candidate, code: str, fault: str
) -> None:
    for name in names.split():
        document = run(STAGES[name], [GOOD[0], unfit, GOOD[1]], execution=name)
        assert [record["customerId"] for record in document["data"]] == ["c0", "c1"]
        assert document["metadata"]["rejections"] == {code: 1}
        [line] = rejected()
        assert (line["code"], fault in line["reason"]) == (code, True), line["reason"]
        assert line["record"]["subject"] == msgspec.to_builtins(unfit.subject)


def test_an_item_is_measured_whole_and_to_the_byte() -> None:
    fixed = tables._map_bytes(build_item(candidate(timingWindow=""), None, NOW))
    fits, exceeds = (candidate(timingWindow="x" * (400 * 1024 - fixed + more)) for more in (0, 1))
    check_item(CANDIDATES, build_item(fits, None, NOW))
    with pytest.raises(BadRecordError, match="would have 409601 bytes, DynamoDB allows 409600"):
        check_item(CANDIDATES, build_item(exceeds, None, NOW))


def test_a_record_of_10_mb_goes_through_stages_whose_tables_need_not_hold_it() -> None:
    text = "x\u2028" * 2_500_000
    assert run(score.handler, [candidate(timingWindow=text)])["data"][0]["attributes"]["timingWindow"] == text
