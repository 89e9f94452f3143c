"""The bucket that a step declares."""

import json

import pytest

from handlers.runtime.aws import client
from tests.handlers.runtime.sources.support import EXPORTS


@pytest.fixture
def exports(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bucket that the step declares."""
    monkeypatch.setenv("SETTINGS", json.dumps({"source_bucket": EXPORTS}))
    client("s3").create_bucket(
        Bucket=EXPORTS, CreateBucketConfiguration={"LocationConstraint": client("s3").meta.region_name}
    )
