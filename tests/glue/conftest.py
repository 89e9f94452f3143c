from __future__ import annotations

import importlib
import uuid
from collections.abc import Iterator
from typing import Any

import boto3  # type: ignore[import-untyped]  # boto3 ships no types
import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from tests.glue.support import GLUE, REGION, Bucket


@pytest.fixture(scope="session")
def lib() -> Any:
    """The library without what needs Spark; its modules are its attributes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(GLUE)
        modules = "document errors log members message output piece replay settings upload"
        for module in modules.split():
            importlib.import_module(f"lib.{module}")
        return importlib.import_module("lib")


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


def open_bucket(endpoint: str) -> Bucket:
    s3: Any = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    name = f"bucket-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    return Bucket(s3, name)


@pytest.fixture
def bucket(endpoint: str) -> Bucket:
    return open_bucket(endpoint)
