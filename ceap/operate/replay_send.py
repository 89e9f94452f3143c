"""Replays chosen dead letters: each is sent to the queue as a new message, then deleted.

So none is lost. If this process dies between the two, the message is in both queues, and may run twice.
SQS takes the same call twice as two messages, so none is repeated: a message whose sending gets no answer is kept.
Source: SQS API Reference, "SendMessage"; Developer Guide, "Standard queues", on messages that are delivered twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap import signals
from ceap.aws.errors import code_of, explain, is_lost
from ceap.aws.session import Aws
from ceap.aws.workflow import DeployedWorkflow
from ceap.operate.replay_letters import DeadLetter, Hold, attributes_of

_ATTRIBUTES_MAX: Final = 10


class Sent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A dead letter that was sent again, and the id of its replay; without `origin` no attribute names the old id."""

    message: str
    replay: str
    origin: bool = True


class Left(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What was to be replayed and was not, and why."""

    what: str
    why: str


class Replayed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a replay of dead letters did.

    `twice` are messages that were sent, but are in the dead-letter queue still; `unanswered` are there, too, and may
    have been sent.
    """

    sent: tuple[Sent, ...] = ()
    left: tuple[Left, ...] = ()
    twice: tuple[Sent, ...] = ()
    unanswered: tuple[Left, ...] = ()
    problem: str | None = None

    @property
    def has_failed(self) -> bool:
        return bool(self.left or self.twice or self.unanswered or self.problem)


class Sending(NamedTuple):
    """How messages are sent: at most so many in a second; `sent` hears of each number of them."""

    rate: int
    sleep: Callable[[float], None] = time.sleep
    sent: Callable[[int], None] = lambda _: None


def split(chosen: Iterable[DeadLetter], *, again: bool) -> tuple[list[DeadLetter], list[Left]]:
    """Return those that are sent, and those that are not since there is a replay of them already."""
    to_send, left = [], []
    for letter in chosen:
        if letter.replays and not again:
            left.append(Left(what=letter.id, why=f"was replayed already: {'; '.join(letter.replays)}"))
        else:
            to_send.append(letter)
    return to_send, left


class Sender:
    """Sends dead letters; `done` tells at any time what was done, also when sending was interrupted."""

    def __init__(self, aws: Aws, workflow: DeployedWorkflow, sending: Sending, letters: Iterable[DeadLetter]) -> None:
        self._aws: Final = aws
        self._sqs: Final = aws.client_once("sqs")
        self._workflow: Final = workflow
        self._sending: Final = sending
        self._wanted: Final = {letter.id for letter in letters}
        self._sent: Final[list[Sent]] = []
        self._twice: Final[list[Sent]] = []
        self._unanswered: Final[list[Left]] = []
        self._problem: str | None = None

    def send(self) -> None:
        """Receive the dead letters anew, and send those that are wanted; an error of AWS ends it."""
        if not self._wanted:
            return
        try:
            with Hold(self._aws, self._workflow.dead_letter_queue) as hold:
                for message in hold.messages():
                    if message["MessageId"] not in self._wanted:
                        continue
                    self._replay(hold, message)
                    if not self._wanted:
                        break
                    self._sending.sleep(1 / self._sending.rate)
        except (ClientError, BotoCoreError) as error:
            self._problem = str(explain(error, self._aws.profile))

    def done(self, left: Iterable[Left] = ()) -> Replayed:
        why = self._problem or "is not in the dead-letter queue any more, or somebody holds it: look again in 5 minutes"
        unsent = tuple(Left(what=message, why=why) for message in sorted(self._wanted))
        return Replayed(
            sent=tuple(self._sent),
            left=(*left, *unsent),
            twice=tuple(self._twice),
            unanswered=tuple(self._unanswered),
            problem=self._problem,
        )

    def _replay(self, hold: Hold, message: Mapping[str, Any]) -> None:
        # A signal waits until both are done.
        with signals.held():
            try:
                sent = self._send(message)
            except (ClientError, BotoCoreError) as error:
                if is_lost(error):
                    why = str(explain(error, self._aws.profile))
                    self._wanted.discard(message["MessageId"])
                    self._unanswered.append(Left(what=message["MessageId"], why=why))
                raise
            self._wanted.discard(sent.message)
            self._twice.append(sent)
            hold.delete(sent.message)
            self._twice.remove(sent)
            self._sent.append(sent)
        self._sending.sent(len(self._sent))

    def _send(self, message: Mapping[str, Any]) -> Sent:
        given = {"QueueUrl": self._workflow.queue, "MessageBody": message["Body"]}
        attributes = attributes_of(message)
        if len(attributes) <= _ATTRIBUTES_MAX:
            try:
                answer = self._sqs.send_message(**given, MessageAttributes=attributes)
                return Sent(message=message["MessageId"], replay=answer["MessageId"])
            except ClientError as error:
                if code_of(error) != "InvalidParameterValue":
                    raise
        # The queue limits the size of body and attributes together, and SQS the number of attributes.
        answer = self._sqs.send_message(**given, MessageAttributes=message.get("MessageAttributes", {}))
        return Sent(message=message["MessageId"], replay=answer["MessageId"], origin=False)
