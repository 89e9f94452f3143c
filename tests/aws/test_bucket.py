"""Objects of a bucket change on conditions alone."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws import bucket
from ceap.aws.session import Aws
from ceap.errors import SetupError

NAME = "bucket-of-objects"


@pytest.fixture(scope="module", autouse=True)
def made(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket=NAME)


def content(aws: Aws, key: str) -> bytes | None:
    there = bucket.read(aws, NAME, key)
    return there.content if there else None


def test_a_new_object_is_written_once(aws: Aws) -> None:
    assert bucket.put_new(aws, NAME, "new", b"1")
    assert not bucket.put_new(aws, NAME, "new", b"2")
    assert content(aws, "new") == b"1"


def test_an_object_is_replaced_only_in_the_version_that_was_read(aws: Aws) -> None:
    bucket.put_new(aws, NAME, "changed", b"1")
    there = bucket.read(aws, NAME, "changed")
    assert there
    assert bucket.replace(aws, NAME, "changed", b"2", there.tag)
    assert not bucket.replace(aws, NAME, "changed", b"3", there.tag)
    assert content(aws, "changed") == b"2"


def test_an_object_that_is_gone_is_not_replaced(aws: Aws) -> None:
    assert not bucket.replace(aws, NAME, "gone", b"1", '"tag"')
    assert content(aws, "gone") is None


def test_what_is_not_there_has_no_content_and_no_hash(aws: Aws) -> None:
    assert bucket.read(aws, NAME, "nothing") is None
    assert bucket.read(aws, "bucket-that-is-not", "nothing") is None
    assert bucket.read_sha256(aws, NAME, "nothing") is None
    assert list(bucket.keys(aws, "bucket-that-is-not", "")) == []


def test_a_hash_of_parts_is_not_taken_for_that_of_the_object(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put_new(aws, NAME, "parts", b"both parts")
    # As S3 answers for an object of two parts; the engine writes the number of parts nowhere.
    monkeypatch.setattr(aws.client("s3"), "head_object", lambda **_: {"ChecksumSHA256": "8GlrkRsfXmaMacBExJyvQQ==-2"})
    assert bucket.read_sha256(aws, NAME, "parts") == bucket.sha256_of(b"both parts")


def test_a_refused_call_names_the_bucket_and_what_to_do(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "PutObject")

    monkeypatch.setattr(aws.client("s3"), "put_object", refuse)
    with pytest.raises(SetupError) as caught:
        bucket.put_new(aws, NAME, "denied", b"1")
    assert str(caught.value) == (
        f"s3://{NAME}: AWS refused PutObject; grant it to this identity on the bucket, unless the bucket belongs to "
        "another account, which has taken the name"
    )
