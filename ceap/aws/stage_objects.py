"""The objects of an execution in the workflow bucket.

Source: S3 API Reference, "ListObjectsV2" and "GetObject".
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import code_of
from ceap.aws.session import Aws
from handlers.runtime.contract import EXECUTIONS_PREFIX


class StoredObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object as a list of a bucket has it; `written` is in seconds since the epoch."""

    key: str
    size_bytes: int
    written: float


def objects_of(aws: Aws, bucket: str, execution: str) -> Iterator[StoredObject]:
    """Yield what is below the prefix of an execution."""
    pages = aws.client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket, Prefix=f"{EXECUTIONS_PREFIX}{execution}/"):
        for entry in page.get("Contents", ()):
            yield StoredObject(key=entry["Key"], size_bytes=entry["Size"], written=entry["LastModified"].timestamp())


def executions_like(aws: Aws, bucket: str, prefix: str, most: int) -> list[str]:
    """Return the names of at most so many executions that have objects and whose names begin with a text."""
    found = aws.client("s3").list_objects_v2(
        Bucket=bucket, Prefix=f"{EXECUTIONS_PREFIX}{prefix}", Delimiter="/", MaxKeys=most
    )
    folders = (entry["Prefix"] for entry in found.get("CommonPrefixes", ()))
    return [folder.removeprefix(EXECUTIONS_PREFIX).rstrip("/") for folder in folders]


def read_object(aws: Aws, bucket: str, key: str, part: str | None = None) -> bytes | None:
    """Return an object, or a part of it, e.g. `bytes=-100`; None if there is no such object."""
    wanted = {"Range": part} if part else {}
    try:
        body: bytes = aws.client("s3").get_object(Bucket=bucket, Key=key, **wanted)["Body"].read()
    except ClientError as error:
        if code_of(error) == "InvalidRange":  # S3's answer for a part of an empty object
            return b""
        if code_of(error) != "NoSuchKey":
            raise
        return None
    return body
