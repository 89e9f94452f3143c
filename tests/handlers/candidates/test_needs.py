from __future__ import annotations

from types import ModuleType

import msgspec
import pytest

from ceap.testing import invoke
from handlers import etl, filter, reactive, score, store  # noqa: A004 - the stage is called so
from tests.handlers.candidates.support import message, raw
from tests.handlers.support import declared, uses

MODULES: dict[str, ModuleType] = {"ETL": etl, "Filter": filter, "Score": score, "Store": store, "Reactive": reactive}


def test_each_stage_uses_what_it_declares_and_declares_what_it_uses(aws: None) -> None:
    previous = None
    for stage, module in MODULES.items():
        body = message(map(raw, ["c1", "c2"])) if previous is None else None
        with uses() as used:
            invoke(module.handler, stage, previous=previous, initial_data=body)
        assert used == declared(module.NEEDS), stage
        previous = stage


@pytest.mark.parametrize("stage", MODULES)
def test_settings_have_defaults_and_a_schema_and_refuse_unknown_keys(stage: str) -> None:
    settings = MODULES[stage].NEEDS.settings
    assert msgspec.convert({}, settings) == settings()
    assert msgspec.json.decode(msgspec.json.encode(settings()), type=settings) == settings()
    assert msgspec.json.schema(settings)["$ref"] == "#/$defs/Settings"
    with pytest.raises(msgspec.ValidationError, match="unknown field `no_such`"):
        msgspec.convert({"no_such": 1}, settings)
