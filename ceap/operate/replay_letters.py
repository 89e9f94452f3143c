"""The dead letters of a workflow: each is received once, looked at, and given back.

Only a receive tells a queue's messages. It counts in a message's receives, which a dead-letter queue does not limit,
and hides the message for a time, at most `HOLD_S` if this process dies; its retention goes on as it would have.
Source: SQS API Reference, "ReceiveMessage", "ChangeMessageVisibility"; Developer Guide, "Long polling".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import msgspec

from ceap.aws.executions import Execution
from ceap.aws.session import Aws
from ceap.aws.workflow import DeployedWorkflow
from ceap.operate.replay_names import REPLAY_OF, repeated_in
from ceap.operate.replay_stories import Story, stories

HOLD_S: Final = 300
"""How long a received message stays hidden, unless it is given back before."""
WAIT_S: Final = 1
"""How long a receive waits: an answer without a wait does not say that a queue is empty."""
LETTERS_MAX: Final = 10_000
"""How many messages one look receives: they are hidden meanwhile, and those of more would be back before its end."""
BATCH: Final = 10
"""The most messages in one call."""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A dead letter; `sent` is in seconds since the epoch, `receives` counts those of the queue, too.

    `stage`, `error` and `cause` are of its last execution, as far as the log tells. `repeats` are the messages that it
    is a replay of; `replays` say which replays of it there are already.
    """

    id: str
    sent: float
    receives: int
    size_bytes: int
    repeats: tuple[str, ...] = ()
    execution: str | None = None
    stage: str | None = None
    error: str | None = None
    cause: str | None = None
    replays: tuple[str, ...] = ()


class Filters(NamedTuple):
    """Which dead letters are meant: those that each filter takes. Times are in seconds since the epoch.

    `error` is part of error or cause, in any case of letters.
    """

    messages: frozenset[str] = frozenset()
    error: str | None = None
    stage: str | None = None
    sent_before: float | None = None
    sent_after: float | None = None
    limit: int | None = None

    def take(self, letters: list[DeadLetter]) -> list[DeadLetter]:
        """Return those that are meant, the oldest first."""
        return [letter for letter in letters if self._takes(letter)][: self.limit]

    def _takes(self, letter: DeadLetter) -> bool:
        return all(
            (
                not self.messages or letter.id in self.messages,
                self.error is None or self.error.casefold() in f"{letter.error}: {letter.cause}".casefold(),
                self.stage is None or self.stage == letter.stage,
                self.sent_before is None or letter.sent < self.sent_before,
                self.sent_after is None or letter.sent > self.sent_after,
            )
        )


class Hold:
    """The messages of a queue, each received once; at the end those that were not deleted are visible again at once.

    `is_whole` tells, when all are received, that the queue has said so: no other message is visible.
    """

    def __init__(self, aws: Aws, queue: str) -> None:
        self._sqs: Final = aws.client("sqs")
        self._queue: Final = queue
        self._handles: Final[dict[str, str]] = {}
        self.is_whole = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        entries = [
            {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
            for number, handle in enumerate(self._handles.values())
        ]
        self._handles.clear()
        for start in range(0, len(entries), BATCH):
            self._sqs.change_message_visibility_batch(QueueUrl=self._queue, Entries=entries[start : start + BATCH])

    def messages(self) -> Iterator[Mapping[str, Any]]:
        """Yield each visible message once, until none is left, a receive has none that is new, or they are too many."""
        count = 0
        while count < LETTERS_MAX:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue,
                MaxNumberOfMessages=BATCH,
                WaitTimeSeconds=WAIT_S,
                VisibilityTimeout=HOLD_S,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            found = answer.get("Messages", [])
            # Of a message that comes again, as its time has run out, the last handle counts.
            fresh = [message for message in found if message["MessageId"] not in self._handles]
            self._handles.update((message["MessageId"], message["ReceiptHandle"]) for message in found)
            if not fresh:
                self.is_whole = not found
                return
            count += len(fresh)
            yield from fresh

    def delete(self, message: str) -> None:
        """Delete a message, by its id."""
        self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=self._handles[message])
        del self._handles[message]


def is_any_there(aws: Aws, queue: str) -> bool:
    """Tell whether a queue has a message to receive, which its counts may not tell yet; the message stays visible."""
    answer = aws.client("sqs").receive_message(
        QueueUrl=queue, MaxNumberOfMessages=1, WaitTimeSeconds=WAIT_S, VisibilityTimeout=0
    )
    return bool(answer.get("Messages"))


def look(aws: Aws, workflow: DeployedWorkflow) -> tuple[list[DeadLetter], bool]:
    """Return dead letters that nobody holds, the oldest first, with what the log tells of each, and if these are all.

    At most `LETTERS_MAX`, whichever SQS gives.
    """
    with Hold(aws, workflow.dead_letter_queue) as hold:
        letters = sorted((_letter(message) for message in hold.messages()), key=lambda letter: (letter.sent, letter.id))
    if not letters:
        return [], hold.is_whole
    told = stories(aws, workflow, [letter.id for letter in letters], since_s=letters[0].sent)
    again = {old: letter for letter in letters for old in letter.repeats}
    return [_with_story(letter, told[letter.id], again.get(letter.id)) for letter in letters], hold.is_whole


def attributes_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a message's replay: its own, and the ids of the messages that it repeats."""
    given: dict[str, Any] = dict(message.get("MessageAttributes", {}))
    repeats = (*repeated_in(given), message["MessageId"])
    return given | {REPLAY_OF: {"DataType": "String", "StringValue": ",".join(repeats)}}


def _letter(message: Mapping[str, Any]) -> DeadLetter:
    system = message["Attributes"]
    return DeadLetter(
        id=message["MessageId"],
        sent=int(system["SentTimestamp"]) / 1000,
        receives=int(system["ApproximateReceiveCount"]),
        size_bytes=len(message["Body"].encode()),
        repeats=repeated_in(message.get("MessageAttributes", {})),
    )


def _with_story(letter: DeadLetter, story: Story, again: DeadLetter | None) -> DeadLetter:
    replays = [_said(execution) for execution in story.replays]
    if again:
        replays.append(f"message {again.id}, which is a dead letter, too")
    last = story.last
    return msgspec.structs.replace(
        letter,
        execution=last.name if last else None,
        stage=story.stage,
        error=last.error if last else None,
        cause=last.cause if last else None,
        replays=tuple(replays),
    )


def _said(execution: Execution) -> str:
    return f"execution {execution.name}, {execution.status}"
