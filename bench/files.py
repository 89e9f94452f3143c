"""The AWS clients of a measured stage: S3 is a folder; DynamoDB holds nothing and takes everything."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from handlers.runtime.aws import client as aws_client

FOLDER_VARIABLE: Final = "BENCH_FOLDER"
ENDPOINT_VARIABLE: Final = "AWS_ENDPOINT_URL"


def client(service: str) -> Any:
    """Stand in for `handlers.runtime.aws.client`: a real one for what is not S3 if there is an endpoint."""
    if service == "s3":
        return FolderClient()
    return aws_client(service) if ENDPOINT_VARIABLE in os.environ else EmptyTables()


class FolderClient:
    """As much of the S3 client as `handlers.runtime.storage` uses: an object is a file, and so is an uploaded part."""

    def __init__(self) -> None:
        self._folder = Path(os.environ[FOLDER_VARIABLE])

    def get_object(self, *, Bucket: str, Key: str, Range: str = "", IfMatch: str = "") -> dict[str, Any]:  # noqa: N803, ARG002 - S3's own
        file = (self._folder / Key).open("rb")
        size = os.fstat(file.fileno()).st_size
        start = max(0, size + int(Range.removeprefix("bytes="))) if Range else 0
        file.seek(start)
        return {"Body": _Body(file), "ETag": "etag", "ContentRange": f"bytes {start}-{size - 1}/{size}"}

    def put_object(self, *, Key: str, Body: bytes, **_: object) -> None:  # noqa: N803 - S3's own
        path = self._folder / Key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(Body)

    def create_multipart_upload(self, *, Key: str, **_: object) -> dict[str, str]:  # noqa: N803 - S3's own
        self.put_object(Key=f"{Key}.parts", Body=b"")
        return {"UploadId": "upload"}

    def upload_part(self, *, Key: str, Body: bytes, **_: object) -> dict[str, str]:  # noqa: N803 - S3's own
        with (self._folder / f"{Key}.parts").open("ab") as file:
            file.write(Body)
        return {"ETag": "etag"}

    def complete_multipart_upload(self, *, Key: str, **_: object) -> None:  # noqa: N803 - S3's own
        (self._folder / f"{Key}.parts").rename(self._folder / Key)


class _Body:
    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self.read, self.close = file.read, file.close

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        while chunk := self._file.read(size):
            yield chunk


class EmptyTables:
    """As much of the clients of DynamoDB and EventBridge as handlers use."""

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - DynamoDB's own
        return {"Responses": dict.fromkeys(RequestItems, ()), "UnprocessedKeys": {}}

    def batch_write_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803, ARG002 - DynamoDB's own
        return {"UnprocessedItems": {}}

    def update_item(self, **_: object) -> None:
        """Store nothing, as if the condition held."""

    def put_events(self, *, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803 - EventBridge's own
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "event"}] * len(Entries)}
