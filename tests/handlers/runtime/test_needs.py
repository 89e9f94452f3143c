from __future__ import annotations

import pytest

from ceap.testing import invoke, message
from handlers.runtime.needs import table_variable
from tests import reference
from tests.handlers.support import declared, uses

MODULES = {name: reference.load_stage(name) for name in ("take", "sift", "rate", "keep", "tell")}


@pytest.mark.property(42)
def test_each_stage_uses_what_it_declares_and_declares_what_it_uses(aws: None) -> None:
    previous = None
    for stage, module in MODULES.items():
        body = message([{"id": "r1"}, {"id": "r2"}]) if previous is None else None
        with uses() as used:
            invoke(module.handler, stage, previous=previous, initial_data=body)
        assert used == declared(module.NEEDS), stage
        previous = stage


def test_the_variable_of_a_table_is_its_name_in_capitals() -> None:
    assert table_variable("score_cache") == "TABLE_SCORE_CACHE"
