from __future__ import annotations

import pytest

from ceap.testing import BUCKET
from handlers.runtime.contract import PermanentStageError, StageError, TransientStageError
from handlers.runtime.storage import PART_BYTES, Storage
from tests.handlers.support import Refusal, fault, get_object, keys, open_uploads, put_object

MISSING = "ETLStage should have written it"


@pytest.fixture
def storage(aws: None) -> Storage:
    return Storage(BUCKET)


def test_a_tail_is_the_end_of_an_object(storage: Storage) -> None:
    put_object("key", b"0123456789")
    tail = storage.read_tail("key", 4, missing=MISSING)
    assert (tail.data, tail.start) == (b"6789", 6)


def test_the_tail_of_a_small_object_is_all_of_it(storage: Storage) -> None:
    put_object("key", b"0123456789")
    tail = storage.read_tail("key", 100, missing=MISSING)
    assert (tail.data, tail.start) == (b"0123456789", 0)


def test_an_empty_object_has_an_empty_tail(storage: Storage) -> None:
    put_object("key", b"")
    # S3 refuses any range of an empty object; the emulator does not.
    with fault("s3", "GetObject", Refusal(416, "InvalidRange")):
        assert storage.read_tail("key", 100, missing=MISSING).data == b""
    assert storage.read_tail("key", 100, missing=MISSING).data == b""


def test_an_object_is_read_in_chunks(storage: Storage) -> None:
    body = bytes(200_000)
    put_object("key", body)
    chunks = list(storage.read("key", etag=storage.read_tail("key", 1, missing=MISSING).etag))
    assert b"".join(chunks) == body
    assert len(chunks) > 1


def test_an_object_that_was_replaced_after_its_tail_was_read_is_not_read(storage: Storage) -> None:
    put_object("key", b"first")
    etag = storage.read_tail("key", 1, missing=MISSING).etag
    put_object("key", b"second")
    with pytest.raises(TransientStageError, match=f"s3:GetObject on s3://{BUCKET}/key failed: 412 PreconditionFailed"):
        list(storage.read("key", etag=etag))


def test_what_fits_a_part_is_written_with_one_request(storage: Storage) -> None:
    writer = storage.open_writer("key")
    writer.write(b"first ")
    writer.write(b"second")
    assert keys() == []
    writer.close()
    writer.close()
    assert get_object("key") == b"first second"


def test_an_object_to_which_nothing_is_written_does_not_appear(storage: Storage) -> None:
    storage.open_writer("key").close()
    assert keys() == []


@pytest.mark.parametrize("rest", [0, 1])
def test_what_is_larger_than_a_part_is_written_in_parts_and_appears_at_the_end(storage: Storage, rest: int) -> None:
    body = bytes(range(256)) * (2 * PART_BYTES // 256) + bytes(rest)
    writer = storage.open_writer("key")
    for start in range(0, len(body), 100_000):
        writer.write(body[start : start + 100_000])
    assert keys() == []
    writer.close()
    writer.close()
    assert get_object("key") == body
    assert open_uploads() == []


def test_an_object_that_ends_with_a_part_has_no_part_more(storage: Storage) -> None:
    writer = storage.open_writer("key")
    writer.write(bytes(PART_BYTES))
    writer.close()
    assert len(get_object("key")) == PART_BYTES


def test_an_aborted_upload_leaves_nothing(storage: Storage) -> None:
    writer = storage.open_writer("key")
    writer.write(bytes(PART_BYTES))
    assert len(open_uploads()) == 1
    writer.abort()
    assert open_uploads() == []
    assert keys() == []


def test_an_upload_that_cannot_be_aborted_is_left_to_the_lifecycle_rule(storage: Storage) -> None:
    writer = storage.open_writer("key")
    writer.write(bytes(PART_BYTES))
    with fault("s3", "AbortMultipartUpload", Refusal(403, "AccessDenied")) as requests:
        writer.abort()
    assert len(requests) == 1


@pytest.mark.parametrize(
    ("refusal", "kind", "message"),
    [
        (
            Refusal(403, "AccessDenied"),
            PermanentStageError,
            "was denied: injected; add it to NEEDS of the handler .*, or grant it to the role of Filter-fn",
        ),
        (
            Refusal(404, "NoSuchKey"),
            PermanentStageError,
            r"found nothing \(NoSuchKey\); ETLStage should have written it",
        ),
        (Refusal(404, "NoSuchBucket"), PermanentStageError, r"found nothing \(NoSuchBucket\)"),
        (Refusal(400, "InvalidRequest"), PermanentStageError, r"400 InvalidRequest: injected"),
        (Refusal(500, "InternalError"), TransientStageError, r"500 InternalError"),
        (Refusal(503, "SlowDown"), TransientStageError, r"503 SlowDown"),
        (Refusal(400, "ExpiredToken"), TransientStageError, r"400 ExpiredToken"),
        (Refusal(400, "RequestTimeout"), TransientStageError, r"400 RequestTimeout"),
        (Refusal(0), TransientStageError, r"EndpointConnectionError"),
    ],
)
def test_each_failure_of_s3_is_permanent_or_transient(
    *,
    storage: Storage,
    no_waiting: list[float],
    monkeypatch: pytest.MonkeyPatch,
    refusal: Refusal,
    kind: type[StageError],
    message: str,
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "Filter-fn")
    put_object("key", b"body")
    with fault("s3", "GetObject", refusal), pytest.raises(kind, match=message) as failure:
        storage.read_tail("key", 10, missing=MISSING)
    assert str(failure.value).startswith(f"s3:GetObject on s3://{BUCKET}/key ")


@pytest.mark.parametrize("refusal", [Refusal(503, "SlowDown"), Refusal(500, "InternalError"), Refusal(0)])
def test_a_failure_that_goes_away_is_seen_by_the_client_alone(
    storage: Storage, no_waiting: list[float], refusal: Refusal
) -> None:
    put_object("key", b"body")
    with fault("s3", "GetObject", refusal, times=4) as requests:
        assert storage.read_tail("key", 10, missing=MISSING).data == b"body"
    assert len(requests) == 5
    assert len(no_waiting) == 4


def test_a_part_that_fails_leaves_the_upload_to_be_aborted(storage: Storage, no_waiting: list[float]) -> None:
    writer = storage.open_writer("key")
    with (
        fault("s3", "UploadPart", Refusal(503, "SlowDown")),
        pytest.raises(TransientStageError, match="s3:PutObject"),
    ):
        writer.write(bytes(PART_BYTES))
    writer.abort()
    assert open_uploads() == []
