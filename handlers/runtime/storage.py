"""S3: read an object's tail or stream it, put one object, write one of any size in constant memory.

All methods raise PermanentStageError or TransientStageError, as `handlers.runtime.aws.stage_errors` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import msgspec

from handlers.runtime.aws import client, stage_errors
from handlers.runtime.contract import StageError

CHUNK_BYTES: Final = 64 * 1024
# The smallest that S3 allows, because a part is held in memory; 10,000 parts are 52 GB.
PART_BYTES: Final = 5 * 1024 * 1024


class Tail(msgspec.Struct, frozen=True):
    """The end of an object: its bytes, where in the object they start, and which version of it was read."""

    data: bytes
    start: int
    etag: str


class Storage:
    """The objects of one bucket."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._client = client("s3")

    def locate(self, key: str) -> str:
        """Return the URI of an object."""
        return f"s3://{self._bucket}/{key}"

    def read_tail(self, key: str, size_bytes: int, *, missing: str) -> Tail:
        """Return the last bytes of an object, or all of a smaller one; `missing` says who should have written it."""
        return self._read_range(key, f"bytes=-{size_bytes}", missing)

    def read_head(self, key: str, size_bytes: int, *, missing: str) -> bytes:
        """Return the first bytes of an object, or all of a smaller one; `missing` says who should have written it."""
        return self._read_range(key, f"bytes=0-{size_bytes - 1}", missing).data

    def _read_range(self, key: str, span: str, missing: str) -> Tail:
        with stage_errors("s3:GetObject", self.locate(key), missing=missing):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=key, Range=span)
            except self._client.exceptions.ClientError as error:
                # S3 refuses a range of an empty object.
                if error.response["Error"]["Code"] == "InvalidRange":
                    return Tail(b"", 0, "")
                raise
            with closing(answer["Body"]) as body:
                # "bytes 100-199/200"; the header is left out where the range is the whole object.
                start = int(answer.get("ContentRange", "bytes 0-").removeprefix("bytes ").split("-")[0])
                return Tail(body.read(), start, answer["ETag"])

    def read(
        self, key: str, *, etag: str | None = None, missing: str = "it was deleted while it was read"
    ) -> Iterator[bytes]:
        """Yield an object in chunks; if an etag is given, it must still be that version."""
        condition = {} if etag is None else {"IfMatch": etag}
        with stage_errors("s3:GetObject", self.locate(key), missing=missing):
            answer = self._client.get_object(Bucket=self._bucket, Key=key, **condition)
            with closing(answer["Body"]) as body:
                yield from body.iter_chunks(CHUNK_BYTES)

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys that begin with a prefix, in the order of S3."""
        with stage_errors("s3:ListBucket", self.locate(prefix), missing="the bucket must exist"):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                yield from (entry["Key"] for entry in page.get("Contents", []))

    def put(self, key: str, body: bytes | bytearray) -> None:
        """Write an object with one request."""
        with stage_errors("s3:PutObject", self.locate(key), missing="the bucket must exist"):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/json")

    def open_writer(self, key: str) -> ObjectWriter:
        """Return a writer of an object that appears whole at `close`, or never."""
        return ObjectWriter(self, self._client, {"Bucket": self._bucket, "Key": key})


class ObjectWriter:
    """Writes one object with one request, or in parts as soon as it is larger than a part."""

    def __init__(self, storage: Storage, s3: Any, target: dict[str, str]) -> None:
        self._storage = storage
        self._client = s3
        self._target = target
        # Grows to a part, then stays: a new buffer for each part would fragment the memory, and one of full size from
        # the start is first filled with zeros, which a small stage need not wait for.
        self._buffer = bytearray()
        self._size_bytes = 0
        self._upload: dict[str, str] = {}
        self._parts: list[dict[str, Any]] = []

    def write(self, data: bytes) -> None:
        end = self._size_bytes + len(data)
        if end < PART_BYTES:
            self._buffer[self._size_bytes : end] = data
            self._size_bytes = end
            return
        rest = memoryview(data)
        while rest:
            part, rest = rest[: PART_BYTES - self._size_bytes], rest[PART_BYTES - self._size_bytes :]
            self._buffer[self._size_bytes : self._size_bytes + len(part)] = part
            self._size_bytes += len(part)
            if self._size_bytes == PART_BYTES:
                self._send_part()

    def close(self) -> None:
        """Make the object appear, if anything was written; a second call does nothing."""
        if not self._upload:
            if self._size_bytes:
                self._storage.put(self._target["Key"], self._buffer[: self._size_bytes])
                self._size_bytes = 0
            return
        if self._size_bytes:
            self._send_part()
        with self._errors():
            self._client.complete_multipart_upload(
                **self._target, **self._upload, MultipartUpload={"Parts": self._parts}
            )
        self._upload = {}

    def abort(self) -> None:
        """Discard the object; parts that cannot be deleted now are left to the bucket's lifecycle rule."""
        if not self._upload:
            return
        try:
            with stage_errors("s3:AbortMultipartUpload", self._storage.locate(self._target["Key"])):
                self._client.abort_multipart_upload(**self._target, **self._upload)
        except StageError:
            # The failure that led here is the one to report.
            pass

    def _send_part(self) -> None:
        with self._errors():
            if not self._upload:
                answer = self._client.create_multipart_upload(**self._target, ContentType="application/json")
                self._upload = {"UploadId": answer["UploadId"]}
            number = len(self._parts) + 1
            body = self._buffer if self._size_bytes == PART_BYTES else self._buffer[: self._size_bytes]
            answer = self._client.upload_part(**self._target, **self._upload, PartNumber=number, Body=body)
            self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        self._size_bytes = 0

    def _errors(self) -> Any:
        return stage_errors("s3:PutObject", self._storage.locate(self._target["Key"]), missing="the bucket must exist")
