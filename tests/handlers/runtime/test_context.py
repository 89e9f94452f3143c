from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from ceap.testing import Json, run
from handlers.runtime.context import StageContext
from handlers.runtime.contract import PermanentStageError
from handlers.runtime.needs import EVENT_BUS_VARIABLE, Needs, Publish, Table, table_variable
from handlers.runtime.stage import WorkflowLambdaHandler
from handlers.runtime.tally import STALE

pytestmark = pytest.mark.usefixtures("aws")


class Settings(msgspec.Struct, frozen=True): ...


class Greedy(WorkflowLambdaHandler[Json, Settings]):
    """Uses what it does not declare."""

    def process_data(self, records: Iterator[Json], stage: StageContext[Settings]) -> Iterator[Json]:
        for record in records:
            if "table" in record:
                stage.table(record["table"])
            elif "stale" in record:
                stage.count(STALE)
            else:
                stage.publish([record])
            yield record


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        (
            {"table": "no_such"},
            r"table no_such is not among the handler's NEEDS \(none\); correct the name, or declare it there",
        ),
        ({"stale": True}, "counts stale records, but its NEEDS do not say so; declare keeps_newest=True there"),
        ({}, "NEEDS declare no events"),
    ],
)
def test_a_stage_can_use_only_what_it_declares(record: Json, fault: str) -> None:
    with pytest.raises(PermanentStageError, match=fault):
        run(Greedy(Needs(settings=Settings)), [record])


RECORDS = Table("records", "PK")


def test_a_table_that_is_not_declared_is_told_beside_those_that_are() -> None:
    needs = Needs(settings=Settings, tables={RECORDS: ("GetItem",), Table("told", "key"): ("GetItem",)})
    with pytest.raises(PermanentStageError, match=r"table record is not .* NEEDS \(records, told\); correct the name"):
        run(Greedy(needs), [{"table": "record"}])


@pytest.mark.parametrize(
    ("variable", "record"), [(table_variable(RECORDS.name), {"table": RECORDS.name}), (EVENT_BUS_VARIABLE, {})]
)
def test_what_it_declares_but_has_no_variable_is_a_permanent_failure(
    variable: str, record: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable)
    needs = Needs(settings=Settings, tables={RECORDS: ("PutItem",)}, events=Publish("source", "type"))
    with pytest.raises(PermanentStageError, match=f"environment variable {variable} is not set"):
        run(Greedy(needs), [record])
