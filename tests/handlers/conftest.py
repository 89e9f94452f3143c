from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest

from ceap.testing import Json
from handlers.runtime.logs import StageLog, logger
from handlers.runtime.needs import LEGACY_VARIABLE
from tests.handlers.cloud import Cloud
from tests.handlers.lambda_api import ARN, LambdaApi


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
    made = logger()
    assert isinstance(made, StageLog)
    made.stream = Log()
    yield made.stream
    made.stream = None


@pytest.fixture
def lambda_api(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[LambdaApi]:
    """An existing function that a stage calls; until a test says otherwise, it returns what it gets."""
    api = LambdaApi()
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", api.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv(LEGACY_VARIABLE, ARN)
    yield api
    api.close()
