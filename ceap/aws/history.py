"""The records of deployments, in the artifact bucket: `deployments/{stack}/{id}.json` and `{id}.template.yaml`.

A record is written before its stack is changed, and once more at the end with the outcome.
"""

import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import msgspec

from ceap.aws import bucket as objects
from ceap.aws.session import Aws
from ceap.errors import SetupError

READERS: Final = 8
"""How many records are read at once; a bucket may hold those of years."""

_ENDING: Final = ".json"


class Operation(StrEnum):
    """What was done to a stack."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    DESTROY = "destroy"


class Outcome(StrEnum):
    """How it ended; one that was interrupted stays STARTED."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"


class Retained(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A resource that a destroyed stack left, by its primary identifier as an import names it, e.g. QueueUrl."""

    logical_id: str
    type: str
    identifier: Mapping[str, str]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """One deployment. `artifacts` are SHA-256 by key in the bucket; `by` is an ARN; `revision` is that of git.

    `is_clean` tells whether git's tree was as its revision; both are None outside of a repository.
    """

    id: str
    stack: str
    operation: Operation
    outcome: Outcome
    by: str
    parameters: Mapping[str, str] = {}
    artifacts: Mapping[str, str] = {}
    template_sha256: str | None = None
    revision: str | None = None
    is_clean: bool | None = None
    retained: tuple[Retained, ...] = ()


def new_id(now: datetime) -> str:
    """Return an id, e.g. `20261129T181530123Z-3f9a1c`, of a time in UTC; later ones sort behind earlier ones."""
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03}Z-{secrets.token_hex(3)}"


def time_of(record: Record) -> datetime:
    """Return when an operation began, in UTC."""
    return datetime.strptime(record.id.partition("-")[0], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)


def save(aws: Aws, bucket: str, record: Record, template: str | None = None) -> None:
    """Write a new record, and first its template, of which the record has the SHA-256.

    Raises:
        SetupError: there is a record of its id, or the bucket is missing.
    """
    if template is not None:
        _put_new(aws, bucket, _template_key(record), template.encode())
    _put_new(aws, bucket, _key(record), _encode(record))


def finish(aws: Aws, bucket: str, record: Record) -> None:
    """Replace a record by the same one with its outcome, unless it says that, or DONE, already.

    Of two who follow an operation, one may see more: what looked FAILED half-way may become DONE, never the reverse.

    Raises:
        SetupError: it is not there.
    """
    key, is_written = _key(record), False
    while not is_written:
        there = objects.read(aws, bucket, key)
        if there is None:
            cure = "somebody else has removed it: see what the stack is now"
            raise SetupError(f"s3://{bucket}/{key}: is missing; {cure}")
        if _decode(bucket, key, there.content).outcome in (Outcome.DONE, record.outcome):
            return
        is_written = objects.replace(aws, bucket, key, _encode(record), there.tag)


def load_all(aws: Aws, bucket: str, stack: str) -> tuple[Record, ...]:
    """Return the records of a stack, the oldest first; none if the bucket is missing.

    Raises:
        SetupError: a record is damaged; it names the key.
    """
    found = [key for key in objects.keys(aws, bucket, _folder(stack)) if key.endswith(_ENDING)]
    with ThreadPoolExecutor(READERS) as pool:
        return tuple(pool.map(lambda key: _load(aws, bucket, key), sorted(found)))


def load_last(aws: Aws, bucket: str, stack: str) -> Record | None:
    """Return the last record of a stack, however it ended; None if there is none, or no bucket.

    Raises:
        SetupError: it is damaged.
    """
    found = [key for key in objects.keys(aws, bucket, _folder(stack)) if key.endswith(_ENDING)]
    return _load(aws, bucket, max(found)) if found else None


def latest(records: Sequence[Record]) -> Record | None:
    """Return the last record that is DONE: what the stack is now, as far as ceap knows."""
    return next((record for record in reversed(records) if record.outcome is Outcome.DONE), None)


def load_template(aws: Aws, bucket: str, record: Record) -> str:
    """Return the template of a record; SetupError if it is missing or is not the one that was deployed."""
    key = _template_key(record)
    there = objects.read(aws, bucket, key)
    if there is None or objects.sha256_of(there.content) != record.template_sha256:
        what = "is missing" if there is None else "is not the template that was deployed"
        raise SetupError(f"s3://{bucket}/{key}: {what}; go back to another deployment, or deploy a revision of git")
    return there.content.decode()


def _folder(stack: str) -> str:
    return f"deployments/{stack}/"


def _key(record: Record) -> str:
    return f"{_folder(record.stack)}{record.id}{_ENDING}"


def _template_key(record: Record) -> str:
    return f"{_folder(record.stack)}{record.id}.template.yaml"


def _encode(record: Record) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def _put_new(aws: Aws, bucket: str, key: str, content: bytes) -> None:
    if not objects.put_new(aws, bucket, key, content):
        raise SetupError(f"s3://{bucket}/{key}: is there already, of another deployment; call again")


def _load(aws: Aws, bucket: str, key: str) -> Record:
    there = objects.read(aws, bucket, key)
    if there is None:
        raise SetupError(f"s3://{bucket}/{key}: has just been deleted; call again")
    return _decode(bucket, key, there.content)


def _decode(bucket: str, key: str, content: bytes) -> Record:
    try:
        record = msgspec.json.decode(content, type=Record)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _damaged(bucket, key, str(error)) from None
    if _key(record) != key:
        raise _damaged(bucket, key, f"it is that of {_key(record)}")
    return record


def _damaged(bucket: str, key: str, why: str) -> SetupError:
    return SetupError(
        f"s3://{bucket}/{key}: is not a record of a deployment: {why}; if a newer ceap wrote it, take that version, or "
        "else restore or delete it"
    )
