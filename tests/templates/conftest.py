"""Folders of handlers and jobs beside the project's own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from templates import discovery


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A handlers folder with one more handler in it."""
    import handlers

    monkeypatch.setattr(handlers, "__path__", [str(tmp_path)])
    cached = (discovery.handler_names, discovery.tables)
    for function in cached:
        function.cache_clear()
    before = set(sys.modules)
    yield tmp_path
    for function in cached:
        function.cache_clear()
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def glue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of Glue jobs."""
    monkeypatch.setattr(discovery, "JOB_FOLDERS", [tmp_path])
    discovery.job_names.cache_clear()
    yield tmp_path
    discovery.job_names.cache_clear()
