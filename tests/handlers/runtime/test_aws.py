from __future__ import annotations

import gc
from pathlib import Path

import pytest
from botocore.exceptions import UnknownServiceError  # type: ignore[import-untyped]  # botocore ships no types
from botocore.loaders import JSONFileLoader, Loader  # type: ignore[import-untyped]  # botocore ships no types

from handlers.runtime.aws import _session, client


@pytest.mark.parametrize("service", ["s3", "dynamodb", "events"])
def test_models_are_those_that_botocore_reads(service: str) -> None:
    data = Path(Loader.BUILTIN_DATA_PATH)
    paths = [str(path).partition(".json")[0] for path in (data / "endpoints.json", *(data / service).glob("*/*.json*"))]
    ours = _session().get_component("data_loader").file_loader
    for path in paths:
        assert ours.exists(path)
        assert ours.load_file(path) == JSONFileLoader().load_file(path)
    assert not ours.exists(f"{data}/absent")
    assert ours.load_file(f"{data}/absent") is None


def test_a_service_that_botocore_does_not_know_is_refused() -> None:
    with pytest.raises(UnknownServiceError, match="s33"):
        client("s33")
    assert gc.isenabled()
