from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from ceap.testing import Json
from handlers.runtime.logs import logger
from tests.handlers.cloud import Cloud


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    cloud = Cloud()
    yield cloud
    cloud.close()


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let retries follow each other at once; return the waits that they asked for."""
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    return waits


class Log(io.StringIO):
    """What handlers wrote to the log."""

    def lines(self) -> list[Json]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    handler = logger().registered_handler
    assert isinstance(handler, logging.StreamHandler)
    log = Log()
    before = handler.setStream(log)
    yield log
    handler.setStream(before)
