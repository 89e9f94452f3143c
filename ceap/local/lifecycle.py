"""Lifecycle rules of buckets: objects expire as the virtual clock moves on.

moto applies no rules.
Source: S3 User Guide, "Lifecycle configuration elements".
"""

import datetime
import threading
from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final
from urllib.parse import quote

import moto.s3.models
from moto.s3.models import FakeDeleteMarker, FakeKey, FakeMultipart, s3_backends

from ceap.local.calls import Request
from ceap.local.clock import CLOCK, Clock
from ceap.local.hooks import replace
from ceap.local.stack_models import ResourceError

_DAY_S: Final = 86_400
_INITIATED: Final = "ceap_initiated"
_RULE_FIELDS: Final = {
    "AbortIncompleteMultipartUpload",
    "ExpirationInDays",
    "Id",
    "NoncurrentVersionExpirationInDays",
    "Prefix",
    "Status",
}


@lru_cache(maxsize=1)
def install() -> None:
    """Hook moto's clock of buckets, once per process; AttributeError if moto lacks a part."""
    replace(moto.s3.models, "utcnow", _utcnow)
    replace(FakeMultipart, "__init__", _dated(FakeMultipart.__init__))
    replace(FakeKey, "response_dict", property(_with_expiry(vars(FakeKey)["response_dict"].fget)))


class Lifecycle:
    """The rules of an account's buckets; they take effect at midnight UTC, and the clock never jumps for them."""

    def __init__(self, account: str, clock: Clock) -> None:
        self._account: Final = account
        self._clock: Final = clock
        self._lock: Final = threading.Lock()
        self._day = _day(clock.now())

    def serve(self, request: Request) -> None:
        """Serve no request, but delete what has expired before S3 answers."""
        if request.service == "s3":
            self.apply()

    def apply(self) -> None:
        """Delete what has expired, if midnight has passed since the last call."""
        today = _day(self._clock.now())
        if today == self._day:
            return
        with self._lock:
            backend = s3_backends[self._account]["aws"]
            for bucket in list(backend.buckets.values()):
                for rule in bucket.rules:
                    if rule.status == "Enabled":
                        _apply(backend, bucket, rule, today)
            self._day = today


def _apply(backend: Any, bucket: Any, rule: Any, today: int) -> None:
    prefix = rule.prefix or ""
    for name, versions in [(name, versions) for name, versions in bucket.keys._iterlists() if name.startswith(prefix)]:
        for old, successor in list(pairwise(versions)):
            if _is_due(successor.last_modified, rule.nve_noncurrent_days, today):
                backend.delete_object(bucket.name, name, version_id=old.version_id)
        current = versions[-1]
        if not isinstance(current, FakeDeleteMarker) and _is_due(current.last_modified, rule.expiration_days, today):
            backend.delete_object(bucket.name, name)
    for upload in list(bucket.multiparts.values()):
        if upload.key_name.startswith(prefix) and _is_due(vars(upload)[_INITIATED], rule.aimu_days, today):
            backend.abort_multipart_upload(bucket.name, upload.id)


def _with_expiry(headers: Callable[[FakeKey], dict[str, Any]]) -> Callable[[FakeKey], dict[str, Any]]:
    def headers_with_expiry(self: FakeKey) -> dict[str, Any]:
        """Add when the object expires, and by which rule. Source: S3 API Reference, "HeadObject", x-amz-expiration."""
        bucket = s3_backends[self.account_id][self.partition].buckets.get(self.bucket_name or "")
        rules = [
            (_expiry_day(self.last_modified, rule.expiration_days), rule.id or "")
            for rule in (bucket.rules if bucket else ())
            if rule.status == "Enabled" and rule.expiration_days and self.name.startswith(rule.prefix or "")
        ]
        if not rules:
            return headers(self)
        day, rule_id = min(rules)
        date = formatdate(day * _DAY_S, usegmt=True)
        return {**headers(self), "x-amz-expiration": f'expiry-date="{date}", rule-id="{quote(rule_id)}"'}

    return headers_with_expiry


def _is_due(since: datetime.datetime, days: str | None, today: int) -> bool:
    return days is not None and today >= _expiry_day(since, days)


def _expiry_day(since: datetime.datetime, days: str) -> int:
    """Return the day, since the epoch, on whose midnight UTC so many days have passed, rounded up."""
    return _day(since.replace(tzinfo=datetime.UTC).timestamp()) + int(days) + 1


def _day(moment: float) -> int:
    return int(moment // _DAY_S)


def _utcnow() -> datetime.datetime:
    # moto keeps moments without a time zone.
    return datetime.datetime.fromtimestamp(CLOCK.now(), datetime.UTC).replace(tzinfo=None)


def _dated(initialise: Callable[..., None]) -> Callable[..., None]:
    def dated(self: FakeMultipart, *arguments: Any, **named: Any) -> None:
        initialise(self, *arguments, **named)
        vars(self)[_INITIATED] = _utcnow()

    return dated


def translate(bucket: str, rules: list[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the rules of a template as the API has them; ResourceError for what is not modelled."""
    for rule in rules:
        if strange := sorted(set(rule) - _RULE_FIELDS):
            raise ResourceError(f"{bucket}: the local engine does not model {', '.join(strange)} of a lifecycle rule")
        noncurrent = rule.get("NoncurrentVersionExpirationInDays")
        yield {
            "ID": rule.get("Id"),
            "Status": rule["Status"],
            "Prefix": rule.get("Prefix", ""),
            "Expiration": {"Days": rule["ExpirationInDays"]} if "ExpirationInDays" in rule else None,
            "NoncurrentVersionExpiration": None if noncurrent is None else {"NoncurrentDays": noncurrent},
            "AbortIncompleteMultipartUpload": rule.get("AbortIncompleteMultipartUpload"),
        }
