from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from moto.core.base_backend import BaseBackend

from ceap.testing import Json
from handlers.runtime.logs import StageLog, logger
from handlers.runtime.needs import LEGACY_VARIABLE
from tests.handlers.cloud import Cloud
from tests.handlers.lambda_api import ARN, LambdaApi


@pytest.fixture(scope="session", autouse=True)
def _urls_made_once() -> Iterator[None]:
    """Make the URLs of a service once: moto does so for each call, and loads the module of those of S3 anew twice."""
    with mock.patch.object(BaseBackend, "urls", property(_urls)):
        yield


_made: dict[type[BaseBackend], dict[str, Any]] = {}
_make_urls = vars(BaseBackend)["urls"].fget


def _urls(self: BaseBackend) -> dict[str, Any]:
    if type(self) not in _made:
        _made[type(self)] = _make_urls(self)
    return _made[type(self)]


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
