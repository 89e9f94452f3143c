"""Every failure of every call that stages make, injected below the client: its class, its message, its cure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.retries import standard  # type: ignore[import-untyped]  # botocore ships no types

from ceap.testing import BUCKET
from handlers.runtime import aws
from handlers.runtime.contract import PermanentStageError, StageError, TransientStageError
from handlers.runtime.events import publish_events
from handlers.runtime.needs import Publish
from handlers.runtime.storage import PART_BYTES, Storage
from handlers.runtime.tables import TableClient
from tests.handlers.support import Refusal, fault, get_object, open_uploads, put_object

pytestmark = pytest.mark.usefixtures("own_clients", "aws", "no_waiting")

KEY = {"PK": "p", "SK": "s"}


@pytest.fixture
def own_clients() -> Iterator[None]:
    """Clients of the test's own: one that met many failures stops retrying, until it met as many successes."""
    aws.client.cache_clear()
    yield
    aws.client.cache_clear()


def read() -> None:
    etag = Storage(BUCKET).read_tail("key", 1, missing="someone should have written it").etag
    list(Storage(BUCKET).read("key", etag=etag))


def write_parts() -> None:
    writer = Storage(BUCKET).open_writer("parts")
    try:
        writer.write(bytes(PART_BYTES))
        writer.close()
    except (PermanentStageError, TransientStageError):
        writer.abort()
        raise


def update() -> None:
    TableClient("records").update(KEY, "SET a = :a", "attribute_not_exists(a)", names={}, values={":a": 1})


def publish() -> None:
    publish_events("default", Publish(source="s", detail_type="d"), [{"a": 1}], taken=len)


CALLS: dict[str, tuple[str, Callable[[], object]]] = {
    "GetObject": ("s3", read),
    "PutObject": ("s3", lambda: Storage(BUCKET).put("other", b"body")),
    "CreateMultipartUpload": ("s3", write_parts),
    "UploadPart": ("s3", write_parts),
    "CompleteMultipartUpload": ("s3", write_parts),
    "UpdateItem": ("dynamodb", update),
    "BatchGetItem": ("dynamodb", lambda: TableClient("records").get_many([KEY])),
    "BatchWriteItem": ("dynamodb", lambda: TableClient("records").put_many([KEY])),
    "PutEvents": ("events", publish),
}
PERMANENT = {
    "s3": [
        Refusal(400, "InvalidRequest"),
        Refusal(403, "AccessDenied"),
        Refusal(403, "SignatureDoesNotMatch"),
        Refusal(404, "NoSuchBucket"),
    ],
    "dynamodb": [
        Refusal(400, "AccessDeniedException"),
        Refusal(400, "ResourceNotFoundException"),
        Refusal(400, "ValidationException"),
        Refusal(400, "ItemCollectionSizeLimitExceededException"),
    ],
    "events": [Refusal(400, "AccessDeniedException"), Refusal(400, "ValidationException")],
}
TRANSIENT = {
    "s3": [
        Refusal(500, "InternalError"),
        Refusal(503, "SlowDown"),
        Refusal(503, "ServiceUnavailable"),
        Refusal(400, "RequestTimeout"),
        Refusal(400, "BadDigest"),
        Refusal(400, "ExpiredToken"),
        Refusal(403, "RequestTimeTooSkewed"),
        Refusal(404, "NoSuchUpload"),
        Refusal(409, "OperationAborted"),
        Refusal(0),
    ],
    "dynamodb": [
        Refusal(500, "InternalServerError"),
        Refusal(503, "ServiceUnavailable"),
        Refusal(400, "ThrottlingException"),
        Refusal(400, "ProvisionedThroughputExceededException"),
        Refusal(400, "RequestLimitExceeded"),
        Refusal(400, "TransactionConflictException"),
        Refusal(400, "ReplicatedWriteConflictException"),
        Refusal(400, "ExpiredTokenException"),
        Refusal(0),
    ],
    "events": [
        Refusal(500, "InternalException"),
        Refusal(400, "ThrottlingException"),
        Refusal(400, "LimitExceededException"),
        Refusal(0),
    ],
}


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize(
    ("kind", "refusals"),
    [(PermanentStageError, PERMANENT), (TransientStageError, TRANSIENT)],
    ids=["permanent", "transient"],
)
def test_a_failure_of_any_call_is_permanent_or_transient_and_says_where_it_was_and_what_cures_it(
    operation: str, kind: type[StageError], refusals: dict[str, list[Refusal]]
) -> None:
    put_object("key", b"body")
    service, call = CALLS[operation]
    for refusal in refusals[service]:
        with fault(service, operation, refusal), pytest.raises((PermanentStageError, TransientStageError)) as failure:
            call()
        text = str(failure.value)
        assert (failure.type, refusal) == (kind, refusal), text
        assert text.startswith(f"{service}:"), text
        assert " on " in text, text
        assert "; " in text, text
        assert open_uploads() == []


@pytest.mark.parametrize("operation", CALLS)
def test_throttling_is_retried_by_the_client_before_it_is_raised(operation: str) -> None:
    put_object("key", b"body")
    service, call = CALLS[operation]
    throttled = Refusal(503, "SlowDown") if service == "s3" else Refusal(400, "ThrottlingException")
    with fault(service, operation, throttled, times=4) as requests:
        call()
    assert len(requests) >= 5
    with fault(service, operation, throttled) as requests, pytest.raises(TransientStageError):
        call()
    assert len(requests) == 5


def test_what_the_client_retries_is_transient_when_it_is_raised() -> None:
    retried = {
        *standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES,
        *standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES,
    }
    assert retried - aws._TRANSIENT_CODES == {"EC2ThrottledException"}


def test_an_answer_that_begins_well_and_ends_in_an_error_is_an_error() -> None:
    """S3 may begin to answer the completion of an upload before it knows whether it can."""
    with fault("s3", "CompleteMultipartUpload", Refusal(200, "InternalError"), times=1) as requests:
        write_parts()
    assert (len(requests), len(get_object("parts"))) == (2, PART_BYTES)
    with fault("s3", "CompleteMultipartUpload", Refusal(200, "InternalError")), pytest.raises(TransientStageError):
        write_parts()


def test_a_body_that_is_cut_short_on_its_way_is_transient() -> None:
    put_object("key", b"body")
    cut = Refusal(200, headers={"content-length": "1000000", "etag": "e"})
    with fault("s3", "GetObject", cut), pytest.raises(TransientStageError, match=r"IncompleteReadError: .*; a later"):
        read()


def test_a_function_without_credentials_is_a_permanent_failure() -> None:
    from botocore.exceptions import NoCredentialsError  # type: ignore[import-untyped]  # botocore ships no types

    def call() -> Any:
        with aws.stage_errors("s3:GetObject", "s3://bucket/key"):
            raise NoCredentialsError

    with pytest.raises(PermanentStageError, match="Unable to locate credentials; correct the function's configuration"):
        call()
