"""Uploads: what is not as the caller says is refused, and no object appears."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.engine import Engine

BODY = b"content"
MD5_TEXT = "The Content-MD5 you specified did not match what we received."
CHECKS = {
    "ContentMD5": ("md5", MD5_TEXT),
    "ChecksumSHA1": ("sha1", "The SHA1 you specified did not match the calculated checksum."),
    "ChecksumSHA256": ("sha256", "The SHA256 you specified did not match the calculated checksum."),
}


@pytest.fixture
def s3(engine: Engine) -> Any:
    s3 = engine.client("s3")
    s3.create_bucket(Bucket="bucket")
    return s3


def digest(algorithm: str, content: bytes) -> str:
    return b64encode(hashlib.new(algorithm, content).digest()).decode()


@pytest.mark.parametrize("field", CHECKS)
def test_a_checksum_that_does_not_match_the_body_is_refused(s3: Any, field: str) -> None:
    algorithm, message = CHECKS[field]
    wrong, right = {field: digest(algorithm, b"other")}, {field: digest(algorithm, BODY)}
    with pytest.raises(ClientError, match=rf"\(BadDigest\).*{message}"):
        s3.put_object(Bucket="bucket", Key="k", Body=BODY, **wrong)
    assert s3.list_objects_v2(Bucket="bucket")["KeyCount"] == 0
    s3.put_object(Bucket="bucket", Key="k", Body=BODY, **right)
    upload = {"Bucket": "bucket", "Key": "parts"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    with pytest.raises(ClientError, match=rf"\(BadDigest\).*{message}"):
        s3.upload_part(**upload, PartNumber=1, Body=BODY, **wrong)
    s3.upload_part(**upload, PartNumber=1, Body=BODY, **right)


def test_a_digest_that_is_none_is_refused(s3: Any) -> None:
    with pytest.raises(ClientError, match=r"\(InvalidDigest\).*The Content-MD5 you specified was invalid") as caught:
        s3.put_object(Bucket="bucket", Key="k", Body=BODY, ContentMD5="no digest")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_the_parts_of_an_object_are_named_in_their_order(s3: Any) -> None:
    upload = {"Bucket": "bucket", "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]}
        for number, body in ((1, b"x" * 5 * 1024 * 1024), (2, BODY))
    ]
    for wrong in ([parts[1], parts[0]], [parts[0], parts[0]]):
        with pytest.raises(ClientError, match="InvalidPartOrder"):
            s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": wrong})
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert s3.head_object(Bucket="bucket", Key="k")["ContentLength"] == 5 * 1024 * 1024 + len(BODY)


def test_a_copy_of_a_version_that_is_no_longer_there_is_refused(s3: Any) -> None:
    old = s3.put_object(Bucket="bucket", Key="original", Body=b"old")["ETag"]
    new = s3.put_object(Bucket="bucket", Key="original", Body=b"new")["ETag"]
    upload = {"Bucket": "bucket", "Key": "k"}
    part = upload | {"UploadId": s3.create_multipart_upload(**upload)["UploadId"], "PartNumber": 1}
    source = {"CopySource": {"Bucket": "bucket", "Key": "original"}}
    for copy, arguments in ((s3.upload_part_copy, part), (s3.copy_object, upload)):
        with pytest.raises(ClientError, match=r"\(PreconditionFailed\)") as caught:
            copy(**arguments, **source, CopySourceIfMatch=old)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
        copy(**arguments, **source, CopySourceIfMatch=new)
    assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"new"


def test_other_conditions_of_a_copy_are_not_modelled(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="original", Body=b"old")
    with pytest.raises(ClientError, match=r"\(NotImplemented\).*x-amz-copy-source-if-none-match"):
        s3.copy_object(
            Bucket="bucket", Key="k", CopySource={"Bucket": "bucket", "Key": "original"}, CopySourceIfNoneMatch="x"
        )
