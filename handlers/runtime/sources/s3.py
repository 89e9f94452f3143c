"""Records in objects of S3: JSON Lines or CSV, plain or gzip."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from msgspec import Meta

from handlers.runtime.contract import PermanentStageError
from handlers.runtime.logs import logger
from handlers.runtime.sources.base import BaseSource
from handlers.runtime.storage import Storage


class S3(BaseSource, frozen=True, tag="s3"):
    """`{"kind": "s3", "bucket": ..., "key": ...}`, or `prefix` for all objects whose keys begin with it, in order.

    Only the bucket that the step declares is read: a message comes from outside and must not widen access.
    """

    bucket: str
    key: Annotated[str, Meta(min_length=1)] | None = None
    prefix: Annotated[str, Meta(min_length=1)] | None = None

    def read(self, source_bucket: str | None, skipped: Counter[str], record_type: Any) -> Iterator[Any]:
        self.check(source_bucket)
        return self._read_all(Storage(self.bucket), skipped, record_type)

    def check(self, source_bucket: str | None) -> None:
        """Check that the step may read what this names; PermanentStageError if not, or if it names no object."""
        if self.bucket != source_bucket:
            cure = "name that bucket in the message, or change" if source_bucket else "name the bucket in"
            raise PermanentStageError(
                f"the message's source is bucket {self.bucket}, but the step declares {source_bucket or 'none'}; "
                f"{cure} the setting of the step that NEEDS gives as bucket_setting, and deploy again"
            )
        if (self.key is None) == (self.prefix is None):
            raise PermanentStageError("the message's source must have a key or a prefix, and not both")

    def _read_all(self, storage: Storage, skipped: Counter[str], record_type: Any) -> Iterator[Any]:
        # Loaded here: stages that are not first, or take records from the message, need none of it.
        from handlers.runtime.sources.lines import EmptyFileError
        from handlers.runtime.sources.rows import read_rows

        place = storage.locate(self.key or self.prefix or "")
        logger().info("stage source", sourcePath=place)
        missing = "check the key in the message, and whether its export has run"
        objects = empty = 0
        for key in self._list_keys(storage):
            objects += 1
            try:
                chunks = storage.read(key, missing=missing)
                yield from read_rows(chunks, storage.locate(key), skipped, record_type)
            except EmptyFileError:
                empty += 1
        if not objects:
            raise PermanentStageError(
                f"there is no object under {place}; check the prefix in the message, and whether its export has run"
            )
        if empty == objects:
            what = f"{place} is empty" if self.key else f"all {objects} objects under {place} are empty"
            raise PermanentStageError(
                f"{what}; check whether the export has run; for a day without data, export a CSV file with the header "
                "alone, or send inline records: []"
            )
        skipped["emptyObjects"] += empty

    def _list_keys(self, storage: Storage) -> Iterable[str]:
        return storage.list(self.prefix or "") if self.key is None else [self.key]
