"""Records in objects of S3: JSON Lines or CSV, plain or gzip."""

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta

from handlers.runtime.contract import PermanentStageError
from handlers.runtime.logs import logger
from handlers.runtime.sources.base import BadRow, BaseSource
from handlers.runtime.storage import Storage


class S3(BaseSource, frozen=True, tag="s3"):
    """`{"kind": "s3", "bucket": ..., "key": ...}`, or `prefix` for all objects whose keys begin with it, in order.

    Only the bucket that the step declares is read: a message comes from outside and must not widen access.
    """

    bucket: str
    key: Annotated[str, Meta(min_length=1)] | None = None
    prefix: Annotated[str, Meta(min_length=1)] | None = None

    def __post_init__(self) -> None:
        if (self.key is None) == (self.prefix is None):
            raise ValueError("a source of kind s3 has either a key or a prefix")

    def read(self, source_bucket: str | None) -> Iterator[dict[str, Any] | BadRow]:
        if self.bucket != source_bucket:
            raise PermanentStageError(
                f"the message's source is bucket {self.bucket}, but the step declares {source_bucket or 'none'}; name "
                "that bucket in the message, or set source_bucket in the step's settings and deploy again"
            )
        return self._read_all(Storage(self.bucket))

    def _read_all(self, storage: Storage) -> Iterator[dict[str, Any] | BadRow]:
        # Loaded here: stages that are not first, or take records from the message, need none of it.
        from handlers.runtime.sources.rows import read_rows

        logger().info("stage source", sourcePath=storage.locate(self.key or self.prefix or ""))
        for key in self._list_keys(storage):
            missing = "check the key in the message, and whether its export has run"
            yield from read_rows(storage.read(key, missing=missing), storage.locate(key))

    def _list_keys(self, storage: Storage) -> Iterator[str]:
        if self.key is not None:
            yield self.key
            return
        key = None
        for key in storage.list(self.prefix or ""):
            yield key
        if key is None:
            raise PermanentStageError(
                f"there is no object under {storage.locate(self.prefix or '')}; check the prefix in the message, and "
                "whether its export has run"
            )
