from __future__ import annotations

from collections.abc import Iterator

import pytest

from ceap.local.engine import Engine
from tests.local.support import Deployed, deploy_express
from tests.reference import MESSAGE


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine.start() as engine:
        yield engine


@pytest.fixture(scope="module")
def happy() -> Iterator[Deployed]:
    """The EXPRESS workflow of the reference project and one message that succeeded; its tests only look."""
    with Engine.start() as engine:
        deployed = deploy_express(engine)
        engine.send(deployed.queue, MESSAGE)
        engine.drain()
        yield deployed
