"""Message move tasks of SQS: the messages of a dead-letter queue go back, at a rate, on the virtual clock.

A task moves the messages that the queue had when it began, the oldest first, and leaves those in flight. Each becomes
a new message, with another id and another time. FIFO queues are not modelled.
Source: SQS Developer Guide, "Learn how to configure a dead-letter queue redrive"; API Reference,
"StartMessageMoveTask", "ListMessageMoveTasks", "CancelMessageMoveTask"; codes and wordings as AWS was recorded.
"""

import copy
import threading
import uuid
from typing import Any, Final

from moto.sqs.models import Message, Queue, sqs_backends

from ceap.local.answers import Answer, ApiError, Document, refusal, serve_json
from ceap.local.calls import Request
from ceap.local.clock import Clock
from ceap.local.move_questions import OPERATIONS, Handle, read_handle, sources_of
from ceap.local.queues import source_of
from ceap.local.sessions import REGION

RATE_MAX: Final = 500
"""How many messages a task moves in a second, at most; as many here without a rate, which AWS then chooses itself."""
_LISTED_MAX: Final = 10
_ROUNDING_S: Final = 0.001
_ABSENT: Final = "AWS.SimpleQueueService.NonExistentQueue"


class MoveTask:
    """A task; `destination` None: each message goes to the queue that it came from."""

    def __init__(self, source: Queue, destination: Queue | None, rate: int | None, now: float) -> None:
        self.handle: Final = Handle(str(uuid.uuid4()), source.queue_arn)
        self.source: Final = source
        self.destination: Final = destination
        self.rate: Final = rate
        self.started: Final = now
        self.to_move: Final = len(source.messages)
        self.moved = 0
        self.status = "RUNNING"
        self.failure: str | None = None

    @property
    def is_active(self) -> bool:
        return self.status in {"RUNNING", "CANCELLING"}

    @property
    def per_second(self) -> int:
        return self.rate or RATE_MAX

    @property
    def next_due(self) -> float:
        return self.started + self.moved // self.per_second + 1

    def advance(self, now: float, queues: Any) -> None:
        """Move what is due: as many messages in each full second as the rate allows."""
        if not self.is_active or now < self.next_due:
            return
        if self.status == "CANCELLING":
            self.status = "CANCELLED"
            return
        seconds = int(now - self.started + _ROUNDING_S)
        allowed = min(seconds * self.per_second, self.to_move)
        while self.moved < allowed and (message := next(iter(self.source.messages), None)):
            self.failure = self._move(message, queues)
            if self.failure:
                self.status = "FAILED"
                return
        if self.moved < allowed or self.moved == self.to_move:
            self.status = "COMPLETED"

    def described(self) -> Document:
        """Return the task as ListMessageMoveTasks has it: AWS gives the handle of one that runs only."""
        said: Document = {
            "Status": self.status,
            "SourceArn": self.source.queue_arn,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "StartedTimestamp": int(self.started * 1000),
        }
        others = {
            "TaskHandle": str(self.handle) if self.status == "RUNNING" else None,
            "DestinationArn": self.destination.queue_arn if self.destination else None,
            "MaxNumberOfMessagesPerSecond": self.rate,
            "FailureReason": self.failure,
        }
        return said | {key: value for key, value in others.items() if value is not None}

    def _move(self, message: Message, queues: Any) -> str | None:
        """Move a message, or return why it cannot be."""
        target = self.destination
        if target is None:
            if (origin := source_of(message)) is None:
                return "CouldNotDetermineMessageSource"
            target = queues.get(origin.rpartition(":")[2])
        if target is None or any(queues.get(queue.name) is not queue for queue in (target, self.source)):
            return _ABSENT
        moved = Message(str(uuid.uuid4()), message.body, message.system_attributes)
        moved.message_attributes = copy.deepcopy(message.message_attributes)
        moved.mark_sent()
        with self.source._messages_lock:
            if message not in self.source._messages:
                return None
            self.source._messages.remove(message)
            self.source.pending_messages.discard(message)
        target.add_message(moved)
        self.moved += 1
        return None


class MoveTasks:
    """The tasks of an account, in the order of their starts."""

    def __init__(self, account: str, clock: Clock) -> None:
        self._account: Final = account
        self._clock: Final = clock
        self._tasks: Final[list[MoveTask]] = []
        self._lock: Final = threading.Lock()

    def advance(self) -> None:
        """Move what is due by now."""
        with self._lock:
            queues = sqs_backends[self._account][REGION].queues
            for task in self._tasks:
                task.advance(self._clock.now(), queues)

    def next_due(self) -> float | None:
        """Return when a task moves its next messages; None if none runs."""
        with self._lock:
            return min((task.next_due for task in self._tasks if task.is_active), default=None)

    def serve(self, request: Request) -> Answer | None:
        """Serve the calls of move tasks; before any call of SQS, move what is due."""
        if request.service != "sqs":
            return None
        self.advance()
        if request.operation not in OPERATIONS:
            return None
        if "x-amz-target" not in request.headers:
            return refusal("sqs", 501, "NotImplemented", "the local engine takes move tasks in the JSON protocol only")
        answer = serve_json(lambda given: self._call(request.operation, given), request)
        is_absent = answer.status == 400 and b'"ResourceNotFoundException"' in answer.body
        return answer._replace(status=404) if is_absent else answer

    def _call(self, operation: str, given: Document) -> Document:
        with self._lock:
            match operation:
                case "StartMessageMoveTask":
                    return self._start(given)
                case "ListMessageMoveTasks":
                    return self._list(given)
                case _:
                    return self._cancel(given)

    def _start(self, given: Document) -> Document:
        source = self._queue(given, "SourceArn")
        destination = self._queue(given, "DestinationArn") if given.get("DestinationArn") else None
        if source.fifo_queue or (destination and destination.fifo_queue):
            raise ApiError("UnsupportedOperation", "The local engine does not model move tasks of FIFO queues.")
        if not sources_of(self._account, REGION, source.queue_arn):
            raise ApiError("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
        if destination is source:
            raise ApiError("InvalidParameterValue", "Source and destination queue must differ.")
        rate = given.get("MaxNumberOfMessagesPerSecond")
        if rate is not None and (not isinstance(rate, int) or not 1 <= rate <= RATE_MAX):
            raise ApiError(
                "InvalidParameterValue",
                f"Value for parameter MaxNumberOfMessagesPerSecond is invalid. Allowed: 1 to {RATE_MAX}.",
            )
        if any(task.is_active and task.source is source for task in self._tasks):
            raise ApiError(
                "InvalidParameterValue",
                "There is already a task running. Only one active task is allowed for a source queue arn at a given "
                "time.",
            )
        task = MoveTask(source, destination, rate, self._clock.now())
        self._tasks.append(task)
        return {"TaskHandle": str(task.handle)}

    def _list(self, given: Document) -> Document:
        source = self._queue(given, "SourceArn")
        count = given.get("MaxResults", 1)
        if not isinstance(count, int) or not 1 <= count <= _LISTED_MAX:
            raise ApiError(
                "InvalidParameterValue", f"Value for parameter MaxResults is invalid. Allowed: 1 to {_LISTED_MAX}."
            )
        found = [task for task in reversed(self._tasks) if task.source is source]
        return {"Results": [task.described() for task in found[:count]]}

    def _cancel(self, given: Document) -> Document:
        handle = read_handle(given.get("TaskHandle"))
        if handle is None:
            raise ApiError("InvalidParameterValue", "Value for parameter TaskHandle is invalid.")
        self._queue({"SourceArn": handle.source_arn}, "SourceArn")
        task = next((task for task in self._tasks if task.handle == handle), None)
        if task is None:
            raise ApiError("ResourceNotFoundException", "Task does not exist.")
        if task.status != "RUNNING":
            raise ApiError("InvalidParameterValue", "Only active tasks can be cancelled.")
        task.status = "CANCELLING"
        return {"ApproximateNumberOfMessagesMoved": task.moved}

    def _queue(self, given: Document, parameter: str) -> Queue:
        arn = str(given.get(parameter) or "")
        if not arn:
            raise ApiError("MissingParameter", f"The request must contain the parameter {parameter}.")
        queue = sqs_backends[self._account][REGION].queues.get(arn.rpartition(":")[2])
        if queue is None or queue.queue_arn != arn:
            raise ApiError(
                "ResourceNotFoundException",
                f"The resource that you specified for the {parameter} parameter doesn't exist.",
            )
        return queue
