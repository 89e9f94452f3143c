from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from handlers import etl, reactive, score, store
from handlers.runtime.aws import client
from handlers.runtime.logs import logger
from handlers.runtime.needs import EVENT_BUS_VARIABLE, SETTINGS_VARIABLE, Table, table_variable
from tests.handlers.support import BUCKET, Json

TABLES = [table for module in (etl, score, store, reactive) for table in module.NEEDS.tables]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The bucket, the tables and the environment that a deployed function has."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "test")
    logger()  # made now: in a test that captures its output, it would keep a stream that is closed afterwards
    monkeypatch.setenv(EVENT_BUS_VARIABLE, "default")
    monkeypatch.delenv(SETTINGS_VARIABLE, raising=False)
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        for table in TABLES:
            monkeypatch.setenv(table_variable(table.name), table.name)
            create_table(table, client("dynamodb"))
        yield


def create_table(table: Table, dynamodb: Any) -> None:
    schema = _schema(table.partition_key, table.sort_key)
    indexes = [
        {
            "IndexName": index.name,
            "KeySchema": _schema(index.partition_key, index.sort_key),
            "Projection": {"ProjectionType": "ALL"},
        }
        for index in table.indexes
    ]
    names = {key["AttributeName"] for key in schema}
    names |= {name for index in table.indexes for name in (index.partition_key, index.sort_key)}
    dynamodb.create_table(
        TableName=table.name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=schema,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in sorted(names)],
        **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
    )


def _schema(partition: str, sort: str | None) -> list[dict[str, str]]:
    pairs = [(partition, "HASH")] + ([(sort, "RANGE")] if sort else [])
    return [{"AttributeName": name, "KeyType": kind} for name, kind in pairs]


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
