from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from handlers import etl, filter, reactive, score, store  # noqa: A004 - the stage is called so
from handlers.runtime.needs import Needs, Publish, table_variable
from tests.handlers.support import Json, calls, message, raw, run

MODULES = {"ETL": etl, "Filter": filter, "Score": score, "Store": store, "Reactive": reactive}
NEEDS: dict[str, Needs] = {stage: module.NEEDS for stage, module in MODULES.items()}


def tables_of(operation: str, params: Json) -> Iterable[str]:
    return params["RequestItems"] if operation.startswith("Batch") else [params["TableName"]]


@pytest.mark.property(42)
def test_each_stage_uses_what_it_declares_and_declares_what_it_uses(aws: None) -> None:
    used: dict[str, Any] = {}
    previous = None
    for stage, module in MODULES.items():
        body = message(map(raw, ["c1", "c2"])) if previous is None else None
        with calls("dynamodb") as table_calls, calls("events") as event_calls:
            run(module.handler, stage, previous=previous, initial_data=body)
        actions = {(table, operation) for operation, params in table_calls for table in tables_of(operation, params)}
        entries = [entry for _, params in event_calls for entry in params["Entries"]]
        used[stage] = actions, {Publish(entry["Source"], entry["DetailType"]) for entry in entries}
        previous = stage
    assert used == {
        stage: (
            {(table.name, action) for table, actions in needs.tables.items() for action in actions},
            {needs.events} - {None},
        )
        for stage, needs in NEEDS.items()
    }


@pytest.mark.parametrize("stage", NEEDS)
def test_settings_have_defaults_and_a_schema_and_refuse_unknown_keys(stage: str) -> None:
    settings = NEEDS[stage].settings
    assert msgspec.convert({}, settings) == settings()
    assert msgspec.json.decode(msgspec.json.encode(settings()), type=settings) == settings()
    assert msgspec.json.schema(settings)["$ref"] == "#/$defs/Settings"
    with pytest.raises(msgspec.ValidationError, match="unknown field `no_such`"):
        msgspec.convert({"no_such": 1}, settings)


def test_the_variable_of_a_table_is_its_name_in_capitals() -> None:
    assert table_variable("score_cache") == "TABLE_SCORE_CACHE"
