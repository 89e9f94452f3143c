from __future__ import annotations

import importlib.util
import uuid
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3  # type: ignore[import-untyped]  # boto3 ships no types
import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from tests.glue.support import Bucket, install_job, job_environment


@pytest.fixture(scope="session")
def job(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The script as a module."""
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install -e '.[glue]'")
    script = install_job(tmp_path_factory.mktemp("job"))
    spec = importlib.util.spec_from_file_location("heavy_etl", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(script.parent)
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


def open_bucket(endpoint: str) -> Bucket:
    environment = job_environment(endpoint)
    s3: Any = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    name = f"bucket-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    return Bucket(s3, name)


@pytest.fixture
def bucket(endpoint: str) -> Bucket:
    return open_bucket(endpoint)
