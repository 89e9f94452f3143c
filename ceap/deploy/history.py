"""The records of deployments, in the artifact bucket: `deployments/{stack}/{id}.json` and `{id}.template.yaml`.

A record is written before its stack is changed, and once more at the end with the outcome.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from ceap.deploy.aws import Aws


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
    retained: Sequence[Retained] = ()


def new_id(now: datetime) -> str:
    """Return an id, e.g. `20261129T181530Z-3f9a1c`; later ones sort behind earlier ones."""
    raise NotImplementedError


def save(aws: Aws, bucket: str, record: Record, template: str | None = None) -> None:
    """Write a new record, and first its template; SetupError if there is one of its id, or the bucket is missing."""
    raise NotImplementedError


def finish(aws: Aws, bucket: str, record: Record) -> None:
    """Replace a record that is STARTED by the same one with its outcome; SetupError if it is not there or has ended."""
    raise NotImplementedError


def load_all(aws: Aws, bucket: str, stack: str) -> tuple[Record, ...]:
    """Return the records of a stack, the oldest first; none if the bucket is missing.

    Raises:
        SetupError: a record is damaged; it names the key.
    """
    raise NotImplementedError


def latest(records: Sequence[Record]) -> Record | None:
    """Return the last record that is DONE: what the stack is now, as far as ceap knows."""
    raise NotImplementedError


def previous(records: Sequence[Record]) -> Record | None:
    """Return the record to roll back to: the last DONE one before `latest` that left another stack; None if none."""
    raise NotImplementedError


def load_template(aws: Aws, bucket: str, record: Record) -> str:
    """Return the template of a record; SetupError if it is missing or is not the one that was deployed."""
    raise NotImplementedError
