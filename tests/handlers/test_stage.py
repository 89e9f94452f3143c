from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from handlers import reactive, store
from handlers.runtime.context import StageContext
from handlers.runtime.contract import PermanentStageError
from handlers.runtime.needs import EVENT_BUS_VARIABLE, Needs, table_variable
from handlers.runtime.stage import WorkflowLambdaHandler
from tests.handlers.support import Json, candidate, run_on

pytestmark = pytest.mark.usefixtures("aws")


def test_a_table_without_its_variable_is_a_permanent_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(table_variable("candidates"))
    with pytest.raises(PermanentStageError, match="environment variable TABLE_CANDIDATES is not set"):
        run_on(store.handler, [candidate()])


def test_a_bus_without_its_variable_is_a_permanent_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(EVENT_BUS_VARIABLE)
    with pytest.raises(PermanentStageError, match="environment variable EVENT_BUS is not set"):
        run_on(reactive.handler, [candidate()])


class Settings(msgspec.Struct, frozen=True): ...


class Greedy(WorkflowLambdaHandler[Json, Settings]):
    """Uses what it does not declare."""

    def process_data(self, records: Iterator[Json], stage: StageContext[Settings]) -> Iterator[Json]:
        for record in records:
            if "table" in record:
                stage.table(record["table"])
            else:
                stage.publish([record])
            yield record


@pytest.mark.parametrize(
    ("record", "fault"),
    [({"table": "candidates"}, "table candidates is not among the handler's NEEDS"), ({}, "NEEDS declare no events")],
)
def test_a_stage_can_use_only_what_it_declares(record: Json, fault: str) -> None:
    with pytest.raises(PermanentStageError, match=fault):
        run_on(Greedy(Needs(settings=Settings)), [record])
