from __future__ import annotations

import pytest

from handlers import reactive, store
from handlers.contract import PermanentStageError
from handlers.needs import EVENT_BUS_VARIABLE, table_variable
from tests.handlers.support import candidate, run_on

pytestmark = pytest.mark.usefixtures("aws")


def test_a_table_without_its_variable_is_a_permanent_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(table_variable("candidates"))
    with pytest.raises(PermanentStageError, match="environment variable TABLE_CANDIDATES is not set"):
        run_on(store.handler, [candidate()])


def test_a_bus_without_its_variable_is_a_permanent_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(EVENT_BUS_VARIABLE)
    with pytest.raises(PermanentStageError, match="environment variable EVENT_BUS is not set"):
        run_on(reactive.handler, [candidate()])
