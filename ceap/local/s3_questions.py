"""What a request of S3 asks of IAM; UnknownCallError for what is not listed here.

Source: S3 User Guide, "Required permissions for Amazon S3 API operations"; Service Authorization Reference.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qs, unquote, urlparse
from xml.etree import ElementTree

from moto.s3.models import s3_backends

from ceap.local.calls import Question, Request, UnknownCallError

# Parameters and headers of which no other permission depends.
_PLAIN_PARAMETERS: Final = re.compile(
    "continuation-token|delimiter|encoding-type|fetch-owner|key-marker|list-type|marker|max-buckets|max-keys|max-parts|"
    "max-uploads|partNumber|part-number-marker|prefix|response-.*|start-after|upload-id-marker|version-id-marker|x-id"
)
_PLAIN_HEADERS: Final = re.compile(
    "x-amz-(checksum-.*|content-sha256|copy-source.*|date|decoded-content-length|expected-bucket-owner|max-parts|"
    "meta-.*|metadata-directive|mp-object-size|object-attributes|optional-object-attributes|part-number-marker|"
    "request-payer|sdk-checksum-algorithm|security-token|server-side-encryption.*|source-expected-bucket-owner|"
    "storage-class|tagging-directive|trailer|user-agent|website-redirect-location)"
)
_WRITE_HEADERS: Final[Mapping[str, str]] = {
    "x-amz-tagging": "s3:PutObjectTagging",
    "x-amz-acl": "s3:PutObjectAcl",
    **dict.fromkeys(
        (f"x-amz-grant-{right}" for right in ("full-control", "read", "read-acp", "write-acp")), "s3:PutObjectAcl"
    ),
}
"""The headers of a write that need a permission of their own."""

_BUCKET_READS: Final[Mapping[str, str]] = {
    "accelerate": "s3:GetAccelerateConfiguration",
    "acl": "s3:GetBucketAcl",
    "cors": "s3:GetBucketCORS",
    "encryption": "s3:GetEncryptionConfiguration",
    "lifecycle": "s3:GetLifecycleConfiguration",
    "location": "s3:GetBucketLocation",
    "logging": "s3:GetBucketLogging",
    "notification": "s3:GetBucketNotification",
    "object-lock": "s3:GetBucketObjectLockConfiguration",
    "ownershipControls": "s3:GetBucketOwnershipControls",
    "policy": "s3:GetBucketPolicy",
    "policyStatus": "s3:GetBucketPolicyStatus",
    "publicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "replication": "s3:GetReplicationConfiguration",
    "requestPayment": "s3:GetBucketRequestPayment",
    "tagging": "s3:GetBucketTagging",
    "uploads": "s3:ListBucketMultipartUploads",
    "versioning": "s3:GetBucketVersioning",
    "website": "s3:GetBucketWebsite",
}

# By method and subresource; {} stands for `Version` where the request names a version of the object.
_OBJECT_ACTIONS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("GET", ""): ("s3:GetObject{}",),
    ("GET", "acl"): ("s3:GetObject{}Acl",),
    ("GET", "attributes"): ("s3:GetObject{}", "s3:GetObject{}Attributes"),
    ("GET", "legal-hold"): ("s3:GetObjectLegalHold",),
    ("GET", "retention"): ("s3:GetObjectRetention",),
    ("GET", "tagging"): ("s3:GetObject{}Tagging",),
    ("GET", "uploadId"): ("s3:ListMultipartUploadParts",),
    ("PUT", ""): ("s3:PutObject",),
    ("PUT", "acl"): ("s3:PutObject{}Acl",),
    ("PUT", "tagging"): ("s3:PutObject{}Tagging",),
    ("PUT", "uploadId"): ("s3:PutObject",),
    ("POST", "uploadId"): ("s3:PutObject",),
    ("POST", "uploads"): ("s3:PutObject",),
    ("DELETE", ""): ("s3:DeleteObject{}",),
    ("DELETE", "tagging"): ("s3:DeleteObject{}Tagging",),
    ("DELETE", "uploadId"): ("s3:AbortMultipartUpload",),
}


def ask_s3(request: Request) -> list[Question]:
    """Return all that must be allowed for a request of S3 to be served."""
    _check_headers(request)
    if request.path.startswith("//"):  # moto would take the bucket for the beginning of the key
        raise UnknownCallError(request, "the path begins with two slashes, where a bucket is named")
    bucket, _, key = request.path.lstrip("/").partition("/")
    subresources = [name for name in request.query if not _PLAIN_PARAMETERS.fullmatch(name) and name != "versionId"]
    if len(subresources) > 1:
        raise UnknownCallError(request, f"the parameters {', '.join(subresources)} do not go together")
    subresource = subresources[0] if subresources else ""
    if key:
        return _ask_object(request, subresource, f"arn:aws:s3:::{bucket}/{key}")
    if not bucket and not subresource and request.method == "GET":
        return [Question("s3:ListAllMyBuckets", "arn:aws:s3:::*")]
    return _ask_bucket(request, subresource, f"arn:aws:s3:::{bucket}")


def not_found_question(request: Request) -> Question | None:
    """Return the permission without which S3 answers 403, not 404, for a missing object; None for other requests.

    The listing is judged as if it asked for this very key.
    Source: S3 API Reference, "GetObject", "Permissions".
    """
    bucket, _, key = request.path.lstrip("/").partition("/")
    if request.service != "s3" or request.method not in {"GET", "HEAD"} or not key:
        return None
    return Question("s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3:prefix": key})


def _check_headers(request: Request) -> None:
    for name in request.headers:
        if name.startswith("x-amz-") and not _is_known_header(name):
            raise UnknownCallError(request, f"the header {name} is not modelled")


@lru_cache(maxsize=256)
def _is_known_header(name: str) -> bool:
    return name in _WRITE_HEADERS or _PLAIN_HEADERS.fullmatch(name) is not None


def _ask_bucket(request: Request, subresource: str, arn: str) -> list[Question]:
    if request.method in {"GET", "HEAD"}:
        if subresource in {"", "versions"}:
            action = "s3:ListBucketVersions" if subresource else "s3:ListBucket"
            return [
                Question(action, arn, {f"s3:{key}": value for key, value in request.query.items() if key == "prefix"})
            ]
        if subresource in _BUCKET_READS:
            return [Question(_BUCKET_READS[subresource], arn)]
    if request.method == "POST" and subresource == "delete":
        return [
            Question("s3:DeleteObjectVersion" if version else "s3:DeleteObject", f"{arn}/{key}")
            for key, version in deleted_objects(request.body)
        ]
    raise UnknownCallError(request, f"{_named(subresource)} of a bucket is not modelled")


def _ask_object(request: Request, subresource: str, arn: str) -> list[Question]:
    method = request.method.replace("HEAD", "GET")
    actions = _OBJECT_ACTIONS.get((method, subresource))
    if actions is None:
        raise UnknownCallError(request, f"{_named(subresource)} of an object is not modelled")
    version = "Version" if "versionId" in request.query else ""
    further = [_WRITE_HEADERS[name] for name in request.headers if name in _WRITE_HEADERS]
    asked = dict.fromkeys([*(action.format(version) for action in actions), *further])
    return [*(Question(action, arn) for action in asked), *_ask_source(request, arn)]


def _ask_source(request: Request, arn: str) -> list[Question]:
    """Return what a copy asks for its source, and for the tags that come with it."""
    given = request.headers.get("x-amz-copy-source")
    if given is None:
        return []
    bucket, key, version = read_source(given)
    source = f"{bucket}/{key}"
    if (named := unquote(given).lstrip("/")).startswith("arn:"):
        raise UnknownCallError(request, f"the source {named} is not modelled; name bucket and key")
    suffix = "Version" if version else ""
    asked = [Question(f"s3:GetObject{suffix}", f"arn:aws:s3:::{source}")]
    is_part = "uploadId" in request.query
    if (
        not is_part
        and request.headers.get("x-amz-tagging-directive") != "REPLACE"
        and _is_tagged(request.account, bucket, key, version)
    ):
        asked.append(Question(f"s3:GetObject{suffix}Tagging", f"arn:aws:s3:::{source}"))
        asked.append(Question("s3:PutObjectTagging", arn))
    return asked


def read_source(given: str) -> tuple[str, str, str]:
    """Return bucket, key and version, or an empty text, of an original to copy, as moto reads them: as a URL."""
    parsed = urlparse(given)
    bucket, _, key = unquote(parsed.path).lstrip("/").partition("/")
    return bucket, key, parse_qs(parsed.query).get("versionId", [""])[0]


def _is_tagged(account: str, bucket: str, key: str, version: str) -> bool:
    backend = s3_backends[account]["aws"]
    found = backend.get_object(bucket, key, version or None) if bucket in backend.buckets else None
    return found is not None and bool(backend.tagger.get_tag_dict_for_resource(found.arn))


def deleted_objects(body: bytes) -> list[tuple[str, bool]]:
    """Return the key of each object that a DeleteObjects names, and whether it names a version."""
    objects = [node for node in ElementTree.fromstring(body).iter() if node.tag.endswith("Object")]  # noqa: S314 (the body is our own handler's)
    fields = [{child.tag.rpartition("}")[2]: child.text or "" for child in node} for node in objects]
    return [(each["Key"], "VersionId" in each) for each in fields]


def _named(subresource: str) -> str:
    return f"the parameter {subresource}" if subresource else "this method"
