from __future__ import annotations

from collections.abc import Iterator

import pytest

from ceap.local.engine import Engine


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine.start() as engine:
        yield engine
