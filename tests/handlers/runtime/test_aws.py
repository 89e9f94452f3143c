from __future__ import annotations

import gc
from pathlib import Path

import pytest
from botocore.exceptions import (  # type: ignore[import-untyped]  # botocore ships no types
    ClientError,
    UnknownServiceError,
)
from botocore.loaders import JSONFileLoader, Loader  # type: ignore[import-untyped]  # botocore ships no types

from handlers.runtime.aws import _session, client, stage_errors
from handlers.runtime.contract import PermanentStageError, StageError, TransientStageError


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


@pytest.mark.parametrize(
    ("status", "code", "retries", "error", "message"),
    [
        (
            400,
            "ValidationException",
            0,
            PermanentStageError,
            "failed: 400 ValidationException: no; correct the request",
        ),
        (503, "SlowDown", 4, TransientStageError, "failed 5 times: 503 SlowDown: no; a later attempt may succeed"),
    ],
)
def test_a_message_tells_of_retries_only_if_there_were_some(
    status: int, code: str, retries: int, error: type[StageError], message: str
) -> None:
    metadata = {"HTTPStatusCode": status, "RetryAttempts": retries}
    answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": metadata}
    with pytest.raises(error, match=f"^s3:GetObject on s3://b/k {message}"), stage_errors("s3:GetObject", "s3://b/k"):
        raise ClientError(answer, "GetObject")
