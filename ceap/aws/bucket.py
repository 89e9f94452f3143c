"""The objects of the artifact bucket, each with the SHA-256 that S3 keeps of it; nothing is ever overwritten unseen.

Every call names the account that the bucket must belong to: somebody else may have taken the name.
Sources: Amazon S3 User Guide, "Add preconditions to S3 operations with conditional requests", "Checking object
integrity" and "Verifying bucket ownership with bucket owner condition".
"""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import DENIED, code_of
from ceap.aws.session import Aws
from ceap.errors import SetupError

ABSENT: Final = ("404", "NoSuchKey")
_NO_BUCKET: Final = "NoSuchBucket"
NOT_AS_EXPECTED: Final = ("PreconditionFailed", "412", "ConditionalRequestConflict")
"""The codes of a failed condition; the last: another request for the key ended meanwhile."""


class Object(NamedTuple):
    """The content of an object and the tag of its version, which `replace` expects."""

    content: bytes
    tag: str


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of a content in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def put_new(aws: Aws, bucket: str, key: str, content: bytes) -> bool:
    """Write an object, unless there is one of that key: tell whether it was written; SetupError without the bucket."""
    return _put(aws, bucket, key, content, IfNoneMatch="*")


def replace(aws: Aws, bucket: str, key: str, content: bytes, tag: str) -> bool:
    """Write an object over the version with a tag; tell whether it was that version that was there."""
    return _put(aws, bucket, key, content, IfMatch=tag)


def read(aws: Aws, bucket: str, key: str) -> Object | None:
    """Return an object; None if there is none, or no bucket."""
    try:
        found = aws.client("s3").get_object(Bucket=bucket, Key=key, ExpectedBucketOwner=aws.account)
    except ClientError as error:
        if code_of(error) in (*ABSENT, _NO_BUCKET):
            return None
        raise _of(bucket, error) from error
    return Object(found["Body"].read(), found["ETag"])


def read_sha256(aws: Aws, bucket: str, key: str) -> str | None:
    """Return the SHA-256 of an object, read from S3 where S3 keeps it; None if there is no object, or no bucket."""
    try:
        found = aws.client("s3").head_object(
            Bucket=bucket, Key=key, ChecksumMode="ENABLED", ExpectedBucketOwner=aws.account
        )
    except ClientError as error:
        if code_of(error) in ABSENT:
            return None
        raise _of(bucket, error) from error
    if (kept := found.get("ChecksumSHA256")) and "-" not in kept:  # one with a hyphen is a hash of the parts' hashes
        return base64.b64decode(kept).hex()
    there = read(aws, bucket, key)  # `aws s3 cp` has S3 keep another checksum
    return sha256_of(there.content) if there else None


def keys(aws: Aws, bucket: str, prefix: str) -> Iterator[str]:
    """Yield the keys that begin with a prefix, sorted; none without the bucket."""
    pages = aws.client("s3").get_paginator("list_objects_v2")
    try:
        for page in pages.paginate(Bucket=bucket, Prefix=prefix, ExpectedBucketOwner=aws.account):
            yield from (found["Key"] for found in page.get("Contents", ()))
    except ClientError as error:
        if code_of(error) != _NO_BUCKET:
            raise _of(bucket, error) from error


def _put(aws: Aws, bucket: str, key: str, content: bytes, **condition: str) -> bool:
    try:
        aws.client("s3").put_object(
            Bucket=bucket,
            Key=key,
            Body=content,
            ChecksumAlgorithm="SHA256",
            ExpectedBucketOwner=aws.account,
            **condition,
        )
    except ClientError as error:
        if code_of(error) in NOT_AS_EXPECTED or (code_of(error) in ABSENT and "IfMatch" in condition):
            return False
        raise _of(bucket, error) from error
    return True


def _of(bucket: str, error: Any) -> Exception:
    """Return an error of S3, in words where the bucket explains it."""
    if code_of(error) == _NO_BUCKET:
        return SetupError(
            f"s3://{bucket}: there is no such bucket; deploy the foundation of the environment, which makes it"
        )
    if code_of(error) in (*DENIED, "403"):
        return SetupError(
            f"s3://{bucket}: AWS refused {error.operation_name}; grant it to this identity on the bucket, unless the "
            "bucket belongs to another account, which has taken the name"
        )
    failed: Exception = error
    return failed
