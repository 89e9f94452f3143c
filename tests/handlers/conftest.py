from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from moto import mock_aws

from handlers.runtime.aws import client
from handlers.runtime.logs import logger
from handlers.runtime.needs import EVENT_BUS_VARIABLE, SETTINGS_VARIABLE, table_variable
from templates import discovery
from tests.handlers.cloud import Cloud
from tests.handlers.support import BUCKET, Json, create_table


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The bucket, the tables of all stages and the environment that a deployed function has."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "own-function")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "test")
    logger()  # made now: in a test that captures its output, it would keep a stream that is closed afterwards
    monkeypatch.setenv(EVENT_BUS_VARIABLE, "default")
    monkeypatch.delenv(SETTINGS_VARIABLE, raising=False)
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        for table in discovery.tables().values():
            monkeypatch.setenv(table_variable(table.name), table.name)
            create_table(table, client("dynamodb"))
        yield


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
