"""moto's uploads to S3, changed to refuse contents and parts that are not what the caller says."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any, Final

from moto.s3.exceptions import InvalidPartOrder, S3ClientError
from moto.s3.models import FakeMultipart
from moto.s3.responses import S3Response

from ceap.local.hooks import replace

_MD5: Final = "content-md5"
# Not CRC: the SDK computes that itself, from what it sends.
_CHECKSUMS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    _MD5: partial(hashlib.md5, usedforsecurity=False),
    "x-amz-checksum-sha1": partial(hashlib.sha1, usedforsecurity=False),
    "x-amz-checksum-sha256": hashlib.sha256,
}


@lru_cache(maxsize=1)
def install() -> None:
    """Hook moto's uploads, once per process; AttributeError if moto lacks a part."""
    for name in ("put_object", "upload_part"):
        replace(S3Response, name, _checked(vars(S3Response)[name]))
    replace(FakeMultipart, "complete", _ordered(FakeMultipart.complete))


def _checked(serve: Callable[..., Any]) -> Callable[..., Any]:
    def serve_checked(self: S3Response) -> Any:
        for name in _CHECKSUMS:
            if given := self.headers.get(name):
                _check(name, given, self.body or b"")
        return serve(self)

    return serve_checked


def _check(name: str, given: str, body: bytes) -> None:
    expected = _CHECKSUMS[name](body).digest()
    try:
        digest = base64.b64decode(given, validate=True)
    except binascii.Error:
        digest = b""
    if name == _MD5 and len(digest) != len(expected):
        raise S3ClientError("InvalidDigest", "The Content-MD5 you specified was invalid.")
    if digest != expected:
        algorithm = name.rpartition("-")[2].upper()
        raise S3ClientError(
            "BadDigest",
            "The Content-MD5 you specified did not match what we received."
            if name == _MD5
            else f"The {algorithm} you specified did not match the calculated checksum.",
        )


def _ordered(complete: Callable[..., Any]) -> Callable[..., Any]:
    def complete_ordered(self: FakeMultipart, body: Iterable[tuple[int, str]]) -> Any:
        parts = list(body)
        if any(first >= second for (first, _), (second, _) in pairwise(parts)):
            raise InvalidPartOrder
        return complete(self, parts)

    return complete_ordered
