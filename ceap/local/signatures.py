"""Who makes a request: AWS Signature Version 4, with the keys that the engine has given.

Any date is accepted: functions sign with the virtual clock, which may be days ahead of the machine's.
Of S3 the hash that a request states is part of what is signed, and the body is not read to compare it: it may be large,
and no one can change what passes over the loopback.
Source: IAM User Guide, "Create a signed AWS API request"; the codes of errors: "Common Errors" of each API, and S3 API
Reference, "Error responses".
"""

import hashlib
import hmac
import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote

from botocore.utils import normalize_url_path  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.calls import Request
from ceap.local.http_server import Message
from ceap.local.sessions import Session, Sessions

_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[^/\s]+)/(?P<date>\d{8})/(?P<region>[^/\s,]+)/(?P<service>[^/\s,]+)"
    r"/aws4_request, *SignedHeaders=(?P<headers>[^,\s]+), *Signature=(?P<digest>[0-9a-f]{64})"
)
_PRESIGNED: Final = re.compile(r"(?:^|&)(?:X-Amz-)?Signature=")
_HASH: Final = "x-amz-content-sha256"
_QUERY_SERVICES: Final = frozenset({"cloudformation", "iam", "monitoring", "sns", "sqs", "sts"})
"""Services with the codes of the query protocol, whatever protocol they speak today."""

_MISSING: Final = "Missing Authentication Token"
_UNKNOWN: Final = "The security token included in the request is invalid."
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your {secret} and signing "
    "method.{more}"
)


class Signature(NamedTuple):
    """What a request says of its signature; `headers` are the lower-case names of those that are signed."""

    key: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    digest: str


class SignatureError(Exception):
    """A request that no one has signed whom the engine knows; status, code and message are those of its service."""

    def __init__(self, service: str, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.service: Final = service
        self.status: Final = status
        self.code: Final = code


def read_signature(message: Message) -> Signature:
    """Return the signature of a request; SignatureError if it has none, or one of another kind."""
    given = message.headers.get("authorization", "")
    if found := _AUTHORIZATION.fullmatch(given):
        return Signature(**found.groupdict() | {"headers": tuple(found["headers"].split(";"))})
    service = _service_of_unsigned(message)
    if _PRESIGNED.search(message.target.partition("?")[2]):
        text = "The local engine takes no presigned URLs: sign the request in its Authorization header"
        raise SignatureError(service, 501, "NotImplemented", text)
    if given:
        code = "AuthorizationHeaderMalformed" if service == "s3" else _code(service, "IncompleteSignature")
        text = "The local engine takes AWS4-HMAC-SHA256 with Credential, SignedHeaders and Signature only"
        raise SignatureError(service, 400, code, text)
    if service == "s3":
        raise SignatureError(service, 403, "AccessDenied", "Access Denied")
    raise SignatureError(service, _status(service), _code(service, "MissingAuthenticationToken"), _MISSING)


def find_session(signature: Signature, sessions: Sessions) -> Session:
    """Return the session whose access key a signature names; SignatureError if the engine has not given it."""
    if session := sessions.find(signature.key):
        return session
    if signature.service == "s3":
        message = "The AWS Access Key Id you provided does not exist in our records."
        raise SignatureError("s3", 403, "InvalidAccessKeyId", message)
    raise _invalid_token(signature.service)


def verify(signature: Signature, session: Session, request: Request, target: str) -> None:
    """Raise SignatureError unless the session has signed this request; `target` is its path and query as sent."""
    service = request.service
    if not hmac.compare_digest(request.headers.get("x-amz-security-token", "").encode(), session.token.encode()):
        if service == "s3":
            raise SignatureError("s3", 400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
        raise _invalid_token(service)
    stated = request.headers.get(_HASH)
    is_whole = service == "s3" or stated is None or stated == hashlib.sha256(request.body).hexdigest()
    signed_hash = stated if _HASH in signature.headers else None
    if not (
        is_whole
        and "host" in signature.headers
        and hmac.compare_digest(expected(signature, session.secret_key, request, target, signed_hash), signature.digest)
    ):
        is_s3 = service == "s3"
        message = _MISMATCH.format(
            secret="key" if is_s3 else "AWS Secret Access Key",
            more="" if is_s3 else " Consult the service documentation for details.",
        )
        raise SignatureError(service, _status(service), _code(service, "SignatureDoesNotMatch"), message)


def expected(signature: Signature, secret_key: str, request: Request, target: str, body_hash: str | None) -> str:
    """Return the digest that the holder of a secret key gets for a request; `body_hash` None: that of its body."""
    headers = request.headers
    path, _, query = target.partition("?")
    if request.service != "s3":
        path = quote(normalize_url_path(path), safe="/~")
    if query:
        query = "&".join(f"{name}={value}" for name, value in sorted(_pair(part) for part in query.split("&")))
    names = sorted(signature.headers)
    # An underscore, which names of metadata may have, is a hyphen in the names of a request.
    lines = [f"{name}:{' '.join(headers.get(name.replace('_', '-'), '').split())}" for name in names]
    hashed = body_hash or hashlib.sha256(request.body).hexdigest()
    canonical = "\n".join([request.method, path, query, *lines, "", ";".join(names), hashed])
    # The date of the credential is that of the key; another day in the header fails.
    moment = headers.get("x-amz-date", "")
    date, region, service = signature.date, signature.region, signature.service
    stamp = moment if moment.startswith(date) else date
    text = (
        f"AWS4-HMAC-SHA256\n{stamp}\n{date}/{region}/{service}/aws4_request\n"
        f"{hashlib.sha256(canonical.encode()).hexdigest()}"
    )
    return hmac.digest(_signing_key(secret_key, date, region, service), text.encode(), "sha256").hex()


@lru_cache(maxsize=1024)
def _signing_key(secret_key: str, *scope: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in (*scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name, value


def _service_of_unsigned(message: Message) -> str:
    """Return the service of a request whose signature does not name it, as far as the answer depends on it."""
    headers = message.headers
    if named := re.search(r"Credential=[^/]+/\d+/[^/]+/([^/,]+)/", headers.get("authorization", "")):
        return named[1]
    if target := headers.get("x-amz-target"):
        return "sqs" if target.startswith("AmazonSQS.") else "states"
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return "sns"
    return "lambda" if message.target.startswith("/2015-03-31/") else "s3"


def _invalid_token(service: str) -> SignatureError:
    return SignatureError(service, _status(service), _code(service, "InvalidClientTokenId"), _UNKNOWN)


def _status(service: str) -> int:
    return 403 if service in {*_QUERY_SERVICES, "lambda", "s3"} else 400


def _code(service: str, code: str) -> str:
    """Return a code of the query protocol as a service has it."""
    if service == "s3" or service in _QUERY_SERVICES:
        return code
    return {
        "IncompleteSignature": "IncompleteSignatureException",
        "InvalidClientTokenId": "UnrecognizedClientException",
        "MissingAuthenticationToken": "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch": "InvalidSignatureException",
    }[code]
