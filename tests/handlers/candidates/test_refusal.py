"""What a stage of the sample cannot take is refused before it has any side effect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from handlers import reactive, score, store
from handlers.candidates.candidate import Candidate
from handlers.runtime.contract import PermanentStageError
from handlers.runtime.stage import WorkflowLambdaHandler
from tests.handlers.candidates.support import candidate, message
from tests.handlers.support import no_side_effect, refused, run, run_on, write_output

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
def test_a_message_that_is_wrong_at_its_end_is_refused_before_any_side_effect(
    handler: WorkflowLambdaHandler[Any, Any],
) -> None:
    with no_side_effect(), pytest.raises(PermanentStageError, match="cannot take record 301 of the message"):
        run(handler, "OwnStage", initial_data=message([*GOOD, {"customerId": "c1"}]))


def without_context(kind: str) -> Candidate:
    given = candidate()
    return msgspec.structs.replace(given, context=[context for context in given.context if context.type != kind])


LONG = "\U0001f600" * 255
UNFIT = [
    pytest.param(("store", "reactive"), without_context("program"), "no context of type program", id="no program"),
    pytest.param(("store", "reactive"), without_context("marketplace"), "of type marketplace", id="no marketplace"),
    pytest.param(("store",), candidate(timingWindow="x" * 10_000_000), "content of its item", id="an item of 10 MB"),
    pytest.param(
        ("reactive",), candidate(timingWindow="x" * 10_000_000), "its event would have", id="an event of 10 MB"
    ),
    pytest.param(
        ("store",), candidate(subject=LONG), "the sort key of its item would have 1034 bytes", id="a long key"
    ),
    pytest.param(
        ("score", "reactive"),
        msgspec.structs.replace(
            candidate(LONG, subject=LONG), subject=msgspec.structs.replace(candidate().subject, type=LONG, id=LONG)
        ),
        "the partition key of its item would have",
        id="a long partition key",
    ),
]


@pytest.mark.parametrize(("names", "unfit", "fault"), UNFIT)
def test_a_record_that_its_table_or_bus_can_never_take_is_refused_before_any_side_effect(
    names: Iterable[str], unfit: Candidate, fault: str
) -> None:
    for name in names:
        write_output("BeforeStage", [*GOOD, unfit])
        refused(STAGES[name], f"record 301 of the input: .*{fault}")


def test_a_record_of_10_mb_goes_through_stages_whose_tables_need_not_hold_it() -> None:
    text = "x\u2028" * 2_500_000
    assert run_on(score.handler, [candidate(timingWindow=text)])["data"][0]["attributes"]["timingWindow"] == text
