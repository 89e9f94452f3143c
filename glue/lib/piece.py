"""A range of bytes of one version of an object on S3."""

from typing import Any, NamedTuple


class Piece(NamedTuple):
    """The bytes `first` to `last`, exclusive, of one version of an object."""

    bucket: str
    key: str
    etag: str
    first: int
    last: int


def read_piece(s3: Any, piece: Piece) -> bytes:
    bucket, key, etag, first, last = piece
    return bytes(s3.get_object(Bucket=bucket, Key=key, IfMatch=etag, Range=f"bytes={first}-{last - 1}")["Body"].read())
