"""One object composed of pieces and bytes by a multipart upload; large pieces are copied within S3."""

import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # botocore ships no types

from lib.piece import Piece, read_piece

PART_BYTES = 5 * 1024 * 1024  # the least of every part but the last
Block: TypeAlias = bytes | Piece


def compose(s3: Any, bucket: str, key: str, blocks: Iterable[Block]) -> None:
    """Make one object of the blocks; it appears whole, or not at all."""
    target = {"Bucket": bucket, "Key": key}
    with ThreadPoolExecutor(max_workers=8) as pool:
        target["UploadId"] = s3.create_multipart_upload(**target, ContentType="application/json")["UploadId"]
        try:
            etags = list(pool.map(partial(upload_part, s3, target), itertools.count(1), plan_upload(blocks)))
            parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
            s3.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})
        except BaseException:
            # An upload that cannot be aborted is left to the bucket's lifecycle rule.
            with suppress(BotoCoreError, ClientError):
                pool.shutdown()  # no part must come after the abort; map has cancelled those that wait
                s3.abort_multipart_upload(**target)
            raise


def upload_part(s3: Any, target: dict[str, str], number: int, group: list[Block]) -> Any:
    match group:
        case [Piece(bucket, key, etag, first, last)]:
            source = {"CopySource": {"Bucket": bucket, "Key": key}, "CopySourceIfMatch": etag}
            span = f"bytes={first}-{last - 1}"
            answer = s3.upload_part_copy(**target, **source, PartNumber=number, CopySourceRange=span)["CopyPartResult"]
        case _:
            data = b"".join(read_piece(s3, block) if isinstance(block, Piece) else block for block in group)
            answer = s3.upload_part(**target, PartNumber=number, Body=data)
    return answer["ETag"]


def plan_upload(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """Yield the blocks of each part of an upload: one piece alone is copied, others are joined, below 15 MiB."""
    group: list[Block] = []
    size = 0
    for block in blocks:
        if group and isinstance(block, Piece) and block.last - (split := block.first + PART_BYTES - size) >= PART_BYTES:
            yield [*group, block._replace(last=split)]
            group, size = [block._replace(first=split)], block.last - split
        else:
            group, size = [*group, block], size + length(block)
        if size >= PART_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def length(block: Block) -> int:
    return block.last - block.first if isinstance(block, Piece) else len(block)
