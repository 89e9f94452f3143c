"""Removes what a smoke run made, as far as it can prove that it did; tells what it leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from ceap.aws.session import Aws
from ceap.aws.workflow import DeployedWorkflow
from ceap.deploy.smoke.facts import Items, Run
from ceap.deploy.smoke.reading import Reader
from templates.words import plural

_DELETE_MAX: Final = 1000
_PEEKS: Final = 10


class Cleaned(NamedTuple):
    """What was removed and what was left, each a line for people."""

    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


class Cleaner:
    """Removes the objects, items and messages of one smoke run."""

    def __init__(self, aws: Aws, reader: Reader, workflow: DeployedWorkflow) -> None:
        self._aws: Final = aws
        self._reader: Final = reader
        self._workflow: Final = workflow

    def clean(
        self, runs: Mapping[str, Sequence[Run]], items: Mapping[str, Items], *, has_dead_letters: bool
    ) -> Cleaned:
        """Remove what the executions left, `runs` by the ids of their messages; one that still runs keeps all."""
        every = [run for found in runs.values() for run in found]
        if running := [run for run in every if run.status == "RUNNING"]:
            return Cleaned(left=tuple(f"execution {run.name} still runs, so all that it made stays" for run in running))
        removed, left = [], []
        count = sum(map(self._remove_objects, every))
        removed += [f"{plural(count, 'object')} of s3://{self._workflow.bucket}"] * bool(count)
        for table, found in items.items():
            own = [item.key for item in found.found if item.is_own]
            self._remove_items(table, own)
            removed += [f"{plural(len(own), 'item')} of {table}"] * bool(own)
            if others := len(found.found) - len(own):
                left.append(
                    f"{plural(others, 'item')} of {table}, possibly there before: no key of theirs names the smoke run"
                )
        for message, found_runs in runs.items():
            self._remove_message(message, found_runs, removed, left, has_dead_letters=has_dead_letters)
        return Cleaned(tuple(removed), tuple(left))

    def _remove_objects(self, run: Run) -> int:
        keys, s3 = self._reader.keys(run.name), self._aws.client("s3")
        for start in range(0, len(keys), _DELETE_MAX):
            entries = [{"Key": key} for key in keys[start : start + _DELETE_MAX]]
            s3.delete_objects(Bucket=self._workflow.bucket, Delete={"Objects": entries, "Quiet": True})
        return len(keys)

    def _remove_items(self, table: str, keys: Sequence[Mapping[str, Any]]) -> None:
        dynamodb = self._aws.client("dynamodb")
        for key in keys:
            dynamodb.delete_item(TableName=table, Key=key)

    def _remove_message(
        self, message: str, runs: Sequence[Run], removed: list[str], left: list[str], *, has_dead_letters: bool
    ) -> None:
        """Remove a message that no execution consumed: from the dead-letter queue, or with the pipe's own handle."""
        if any(run.status == "SUCCEEDED" for run in runs) or (runs and not self._workflow.is_express):
            return
        if has_dead_letters and self._remove_dead_letter(message):
            removed.append(f"message {message} from {self._workflow.dead_letter_queue}")
        elif runs and (handle := runs[-1].handle):
            self._aws.client("sqs").delete_message(QueueUrl=self._workflow.queue, ReceiptHandle=handle)
            removed.append(f"message {message} from {self._workflow.queue}")
        else:
            left.append(
                f"message {message} in {self._workflow.queue}: it starts an execution as soon as the pipe takes it"
            )

    def _remove_dead_letter(self, message: str) -> bool:
        """Look through the dead-letter queue without hiding what is there; tell whether the message was in it."""
        sqs, queue = self._aws.client("sqs"), self._workflow.dead_letter_queue
        for _ in range(_PEEKS):
            answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
            for found in answer.get("Messages", ()):
                if found["MessageId"] == message:
                    sqs.delete_message(QueueUrl=queue, ReceiptHandle=found["ReceiptHandle"])
                    return True
        return False
