"""The records of one stack while something is done to it: written before it begins, settled when it has ended.

A call that is killed leaves a record STARTED; the next one settles it by what CloudFormation says of the stack.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from ceap.aws import history
from ceap.aws.bucket import sha256_of
from ceap.aws.history import Operation, Outcome, Record, Retained
from ceap.aws.session import Aws
from ceap.cfn.lookup import BUCKET
from ceap.deploy.adopt import exists, left_by_last
from ceap.deploy.plan import Situation
from ceap.deploy.revision import Revision
from ceap.deploy.rollback import is_same, lineage


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a stack is made of: the text of its template, the values of its parameters, and its artifacts' hashes."""

    template: str
    parameters: Mapping[str, str]
    artifacts: Mapping[str, str] = {}


class Journal:
    """The records of a stack in an artifact bucket; without a bucket, as before the first foundation, it has none."""

    def __init__(self, aws: Aws, stack: str, bucket: str, *, revision: Revision) -> None:
        self._aws: Final = aws
        self._stack: Final = stack
        self.bucket: Final = bucket
        self._revision: Final = revision

    def records(self) -> tuple[Record, ...]:
        """Return what is recorded, the oldest first."""
        return history.load_all(self._aws, self.bucket, self._stack)

    def template(self, record: Record) -> str:
        """Return the template of a record."""
        return history.load_template(self._aws, self.bucket, record)

    def begin(self, id_: str, operation: Operation, content: Content) -> Record | None:
        """Record that an operation is about to begin; None while there is no bucket, as before the first foundation."""
        if not self.has_bucket():
            return None
        record = self._record(id_, operation, content, Outcome.STARTED)
        history.save(self._aws, self.bucket, record, content.template)
        return record

    def end(self, record: Record, *, is_done: bool, retained: tuple[Retained, ...] = ()) -> None:
        """Record how an operation ended, and what a destroyed stack left."""
        outcome = Outcome.DONE if is_done else Outcome.FAILED
        history.finish(self._aws, self.bucket, msgspec.structs.replace(record, outcome=outcome, retained=retained))

    def settle(self, now: Situation) -> None:
        """Record how operations ended whose callers did not live to see it; the stack is at rest.

        The destruction of a stack that is still there stays STARTED: it may have paused the pipe.
        """
        for record in self.records():
            if record.outcome is not Outcome.STARTED:
                continue
            if record.operation is not Operation.DESTROY:
                self.end(record, is_done=self.is_deployed(record, now))
            elif not now.is_live:
                self.end(record, is_done=True, retained=left_by_last(self._aws, now.name))

    def interrupted(self, operation: Operation) -> tuple[Record, ...]:
        """Return the records of operations whose callers did not live to see the end."""
        return tuple(
            record for record in self.records() if record.outcome is Outcome.STARTED and record.operation is operation
        )

    def has_bucket(self) -> bool:
        """Tell whether the artifact bucket exists; the first foundation makes it."""
        bucket = Retained(logical_id="", type=BUCKET, identifier={"BucketName": self.bucket})
        return exists(self._aws, bucket)

    def ensure(self, id_: str, content: Content, operation: Operation) -> None:
        """Record what is deployed, if no record has it: the first foundation's, or what others deployed."""
        record = self._record(id_, operation, content, Outcome.DONE)
        line = lineage(self.records())
        if not line or not is_same(line[-1], record):
            history.save(self._aws, self.bucket, record, content.template)

    def is_deployed(self, record: Record, now: Situation) -> bool:
        """Tell whether a stack is what a record says."""
        is_whole = now.is_live and str(now.status).endswith("_COMPLETE") and now.template is not None
        return is_whole and now.parameters == record.parameters and is_text(self.template(record), now.template)

    def _record(self, id_: str, operation: Operation, content: Content, outcome: Outcome) -> Record:
        return Record(
            id=id_,
            stack=self._stack,
            operation=operation,
            outcome=outcome,
            by=self._aws.identity,
            parameters=content.parameters,
            artifacts=content.artifacts,
            template_sha256=sha256_of(content.template.encode()),
            revision=self._revision.commit,
            is_clean=self._revision.is_clean,
        )


def is_text(one: str, other: str | None) -> bool:
    """Tell whether two templates have the same text, but for white space around it."""
    return other is not None and one.strip() == other.strip()


def new_id() -> str:
    """Return an id for what is about to be done now."""
    return history.new_id(datetime.now(UTC))
