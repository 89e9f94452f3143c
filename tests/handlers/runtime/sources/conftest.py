"""The bucket that a step declares."""

import json

import pytest

from ceap.testing import make_bucket
from tests.handlers.runtime.sources.support import EXPORTS


@pytest.fixture
def exports(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bucket that the step declares."""
    monkeypatch.setenv("SETTINGS", json.dumps({"source_bucket": EXPORTS}))
    make_bucket(EXPORTS)
