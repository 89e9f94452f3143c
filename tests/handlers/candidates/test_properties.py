"""The laws of the sample's stages in a row."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ceap.testing import invoke
from handlers import candidates as sample
from handlers import etl, filter, reactive, score, store  # noqa: A004 - the stage is called so
from handlers.runtime.stage import WorkflowLambdaHandler
from tests.handlers.candidates.support import candidate, message, raw
from tests.handlers.conftest import Log
from tests.handlers.support import names_of_others, output, run_in_order

pytestmark = pytest.mark.usefixtures("aws")

HANDLERS: dict[str, WorkflowLambdaHandler[Any, Any]] = {
    "ETLStage": etl.handler,
    "FilterStage": filter.handler,
    "ScoreStage": score.handler,
    "StoreStage": store.handler,
    "ReactiveStage": reactive.handler,
}
SOURCES = [
    *(Path(str(module.__file__)) for module in (etl, filter, score, store, reactive)),
    *sorted(Path(sample.__file__).parent.rglob("*.py")),
]
# One emulated AWS serves all examples of a test: each has an execution of its own.
shared_aws = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

candidates = st.lists(
    st.builds(
        candidate,
        st.sampled_from(["c1", "c2", "c3"]),
        version=st.integers(1, 5),
        orderValue=st.floats(-10, 1000),
        channelEligibility=st.dictionaries(st.sampled_from(["email", "sms"]), st.booleans()),
    ),
    max_size=4,
)


_numbers = itertools.count()


def unused(name: str) -> str:
    """Make a name that no other example has."""
    return f"{name}-{next(_numbers)}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.name))
def test_no_stage_names_a_function_a_bucket_a_path_or_another_stage(source: Path) -> None:
    assert names_of_others(source, HANDLERS) == []


@shared_aws
@given(
    order=st.permutations(list(HANDLERS)).flatmap(lambda names: st.integers(1, 5).map(lambda size: names[:size])),
    records=candidates,
)
def test_stages_run_in_any_order_and_number(order: list[str], records: list[Any]) -> None:
    run_in_order(HANDLERS, order, records, message(records), unused("execution"))


def test_after_etl_stages_run_in_every_order_on_raw_records() -> None:
    for order in itertools.permutations(["FilterStage", "ScoreStage", "StoreStage", "ReactiveStage"]):
        execution = unused("-".join(order))
        customers = [f"{execution}-{number}" for number in range(3)]
        invoke(HANDLERS["ETLStage"], "ETLStage", initial_data=message(map(raw, customers)), execution=execution)
        for previous, stage in itertools.pairwise(["ETLStage", *order]):
            invoke(HANDLERS[stage], stage, previous=previous, execution=execution)
        records = output(order[-1], execution)["data"]
        assert [record["customerId"] for record in records] == customers
        assert all(record["scores"].keys() == {"trust", "quality", "fraud"} for record in records)


def test_no_stage_logs_a_customer(log: Log) -> None:
    body = message([raw("secret-customer"), raw("secret-customer"), raw("secret-customer", eventDate="never")] * 20)
    previous = None
    for stage, handler in HANDLERS.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SETTINGS", '{"max_error_rate": 0.5}' if stage == "ETLStage" else "{}")
            invoke(handler, stage, previous=previous, initial_data=body if previous is None else None)
        previous = stage
    assert len(log.lines()) == 3 * len(HANDLERS)
    assert "secret-customer" not in log.getvalue()
