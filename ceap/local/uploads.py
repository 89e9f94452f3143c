"""moto's uploads to S3, changed to refuse contents, parts and originals that are not what the caller says."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any, Final

from moto.s3.exceptions import InvalidPartOrder, NoSuchUpload, PreconditionFailed, S3ClientError
from moto.s3.models import FakeMultipart, S3Backend
from moto.s3.responses import S3Response

from ceap.local.hooks import replace
from ceap.local.s3_questions import read_source

_MD5: Final = "content-md5"
# Not CRC: the SDK computes that itself, from what it sends.
_CHECKSUMS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    _MD5: partial(hashlib.md5, usedforsecurity=False),
    "x-amz-checksum-sha1": partial(hashlib.sha1, usedforsecurity=False),
    "x-amz-checksum-sha256": hashlib.sha256,
}
_OTHER_CONDITIONS: Final = tuple(
    f"x-amz-copy-source-if-{condition}" for condition in ("none-match", "modified-since", "unmodified-since")
)


@lru_cache(maxsize=1)
def install() -> None:
    """Hook moto's uploads, once per process; AttributeError if moto lacks a part."""
    for name in ("put_object", "upload_part"):
        replace(S3Response, name, _checked(vars(S3Response)[name]))
    for name in ("copy_object", "upload_part_copy"):
        replace(S3Response, name, _matched(vars(S3Response)[name]))
    replace(FakeMultipart, "complete", _ordered(FakeMultipart.complete))
    replace(S3Backend, "complete_multipart_upload", _known(S3Backend.complete_multipart_upload))


def _checked(serve: Callable[..., Any]) -> Callable[..., Any]:
    def serve_checked(self: S3Response) -> Any:
        for name in _CHECKSUMS:
            if given := self.headers.get(name):
                _check(name, given, self.body or b"")
        return serve(self)

    return serve_checked


def _matched(copy: Callable[..., Any]) -> Callable[..., Any]:
    """Return a copy of moto's that refuses another version of the original than the one asked for."""

    def copy_matched(self: S3Response) -> Any:
        if other := next((name for name in _OTHER_CONDITIONS if name in self.headers), None):
            raise S3ClientError("NotImplemented", f"The local engine does not model the header {other}")
        if wanted := self.headers.get("x-amz-copy-source-if-match"):
            bucket, key, version = read_source(self.headers["x-amz-copy-source"])
            found = self.backend.get_object(bucket, key, version or None)
            if found is not None and found.etag.strip('"') != wanted.strip('"'):
                raise PreconditionFailed("x-amz-copy-source-If-Match")
        return copy(self)

    return copy_matched


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


def _known(complete: Callable[..., Any]) -> Callable[..., Any]:
    """Let the completion of an upload that is not there be refused as the caller's fault: moto fails."""

    def complete_known(self: S3Backend, bucket_name: str, multipart_id: str, *given: Any, **named: Any) -> Any:
        if multipart_id not in self.get_bucket(bucket_name).multiparts:
            raise NoSuchUpload(multipart_id)
        return complete(self, bucket_name, multipart_id, *given, **named)

    return complete_known
