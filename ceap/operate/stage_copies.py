"""What stages wrote in one execution, copied to the prefix of another.

A copy is the original but for its first line, and appears whole or not at all. Nothing is overwritten: an object that
is there is kept if it is this copy, else it is refused. Large objects are copied within S3, 5 MiB pass through here.
Sources: Amazon S3 User Guide, "Multipart upload limits" and "Add preconditions to S3 operations with conditional
requests"; API Reference, "UploadPartCopy".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

import msgspec
from botocore.exceptions import (  # type: ignore[import-untyped]  # botocore ships no types
    BotoCoreError,
    ClientError,
)

from ceap.aws.bucket import ABSENT, NOT_AS_EXPECTED
from ceap.aws.errors import code_of
from ceap.aws.session import Aws
from ceap.errors import CommandError
from handlers.runtime.contract import PermanentStageError, output_key, rejected_key
from handlers.runtime.document import EDGE_BYTES, CopiedHeader, encode_header, read_footer, read_header

WHOLE_BYTES: Final = 16 * 1024 * 1024
"""An object up to this size is copied with one request, through this machine."""
PART_BYTES: Final = 5 * 1024 * 1024
"""The least size of every part of an upload but the last."""
COPIED_PART_BYTES: Final = 256 * 1024 * 1024
"""The size of a part that S3 copies itself; 10,000 of them, the most of an upload, are 2.4 TiB."""

VERSION: Final = "ceap-copied-version"
"""The metadata of a copy that names the version (ETag) of its original."""


class Version(NamedTuple):
    """One version of an object."""

    bucket: str
    key: str
    etag: str


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """An object to copy, in the same bucket: `first` takes the place of the first `cut` bytes of the source."""

    source: Version
    key: str
    source_bytes: int
    first: bytes = b""
    cut: int = 0

    @property
    def size_bytes(self) -> int:
        return len(self.first) + self.source_bytes - self.cut


class Target(msgspec.Struct, frozen=True):
    """The replay that a copy is for, the execution that is copied from, and the stages to skip."""

    execution: str
    copied_from: str
    skip: tuple[str, ...]


def plan_copies(aws: Aws, bucket: str, stage: str, target: Target) -> list[Copy] | None:
    """Return what to copy of a stage: its rejected records if there are any, then its output; None without an output.

    Raises:
        CommandError: the output is not a stage document, or that of another execution or stage.
    """
    output = _plan_output(aws, bucket, stage, target)
    if output is None:
        return None
    source = rejected_key(target.copied_from, stage)
    found = _head(aws, bucket, source)
    if found is None:
        return [output]
    key, version = rejected_key(target.execution, stage), Version(bucket, source, found["ETag"])
    return [Copy(source=version, key=key, source_bytes=found["ContentLength"]), output]


def is_there(aws: Aws, copy: Copy) -> bool:
    """Tell whether a copy is there already; CommandError if another object is."""
    bucket = copy.source.bucket
    found = _head(aws, bucket, copy.key)
    if found is None:
        return False
    start = _read(aws, Version(bucket, copy.key, found["ETag"]), 0, len(copy.first))
    facts = found["ContentLength"], found["Metadata"].get(VERSION), start
    if facts == (copy.size_bytes, _version(copy), copy.first):
        return True
    prefix = "/".join(copy.key.split("/")[:2])
    raise CommandError(
        f"s3://{bucket}/{copy.key} is there, but it is not this copy: another replay of that name was prepared, from "
        "another stage or another version of the original; prepare that one again, or remove what it has left if "
        f"nobody does: aws s3 rm --recursive s3://{bucket}/{prefix}/"
    )


def make_copy(aws: Aws, copy: Copy) -> None:
    """Make a copy that is not there.

    Raises:
        CommandError: the original has changed since it was planned, or another object has come to be there.
    """
    try:
        if copy.size_bytes <= WHOLE_BYTES:
            body = copy.first + _read(aws, copy.source, copy.cut, copy.source_bytes)
            aws.client("s3").put_object(**_target(copy), **_kind(copy), Body=body, IfNoneMatch="*")
        else:
            _upload(aws, copy)
    except ClientError as error:
        # Another call that prepares the same replay has made the same copy meanwhile.
        if code_of(error) not in NOT_AS_EXPECTED or not is_there(aws, copy):
            raise


def _upload(aws: Aws, copy: Copy) -> None:
    s3, target, source = aws.client("s3"), _target(copy), copy.source
    target["UploadId"] = s3.create_multipart_upload(**target, **_kind(copy))["UploadId"]
    try:
        middle = copy.cut + PART_BYTES
        body = copy.first + _read(aws, source, copy.cut, middle)
        etags = [s3.upload_part(**target, PartNumber=1, Body=body)["ETag"]]
        for number, begin in enumerate(range(middle, copy.source_bytes, COPIED_PART_BYTES), 2):
            end = min(begin + COPIED_PART_BYTES, copy.source_bytes)
            with _unchanged(source):
                answer = s3.upload_part_copy(
                    **target,
                    PartNumber=number,
                    CopySource={"Bucket": source.bucket, "Key": source.key},
                    CopySourceIfMatch=source.etag,
                    CopySourceRange=f"bytes={begin}-{end - 1}",
                )
            etags.append(answer["CopyPartResult"]["ETag"])
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        s3.complete_multipart_upload(**target, MultipartUpload={"Parts": parts}, IfNoneMatch="*")
    except BaseException:
        # An upload that cannot be aborted is left to the bucket's lifecycle rule.
        with suppress(BotoCoreError, ClientError):
            s3.abort_multipart_upload(**target)
        raise


def _plan_output(aws: Aws, bucket: str, stage: str, target: Target) -> Copy | None:
    key = output_key(target.copied_from, stage)
    found = _head(aws, bucket, key)
    if found is None:
        return None
    source, size, where = Version(bucket, key, found["ETag"]), found["ContentLength"], f"s3://{bucket}/{key}"
    line = _read(aws, source, 0, min(size, EDGE_BYTES + 1)).partition(b"\n")[0]
    try:
        read_footer(_read(aws, source, max(0, size - EDGE_BYTES), size), where)
        header = read_header(line, where, (target.copied_from, stage))
    except PermanentStageError as error:
        raise CommandError(f"{error}; or replay from {stage}") from error
    # Of a copy the original: that is where the bytes come from.
    original = header.copied_from if isinstance(header, CopiedHeader) else target.copied_from
    first = encode_header(
        CopiedHeader(
            execution_id=target.execution,
            stage=stage,
            started_at=header.started_at,
            copied_from=original,
            skip=target.skip,
        )
    )
    if len(first) > EDGE_BYTES:
        raise CommandError(
            f"the first line of the copy of {where} would be longer than {EDGE_BYTES} bytes; replay the message instead"
        )
    return Copy(
        source=source,
        key=output_key(target.execution, stage),
        source_bytes=size,
        first=first + b"\n",
        cut=len(line) + 1,
    )


def _head(aws: Aws, bucket: str, key: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = aws.client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if code_of(error) not in ABSENT:
            raise
        return None
    return found


def _read(aws: Aws, source: Version, begin: int, end: int) -> bytes:
    """Return the bytes from `begin` to `end`, exclusive."""
    if begin >= end:
        return b""
    span = f"bytes={begin}-{end - 1}"
    with _unchanged(source):
        answer = aws.client("s3").get_object(Bucket=source.bucket, Key=source.key, IfMatch=source.etag, Range=span)
        return bytes(answer["Body"].read())


@contextmanager
def _unchanged(source: Version) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if code_of(error) not in (*NOT_AS_EXPECTED, *ABSENT):
            raise
        raise CommandError(
            f"s3://{source.bucket}/{source.key} was changed or removed while it was read: its execution may have been "
            "redriven; wait until it has ended, and call again"
        ) from error


def _target(copy: Copy) -> dict[str, str]:
    return {"Bucket": copy.source.bucket, "Key": copy.key}


def _kind(copy: Copy) -> dict[str, Any]:
    return {"ContentType": "application/json", "Metadata": {VERSION: _version(copy)}}


def _version(copy: Copy) -> str:
    return copy.source.etag.strip('"')
