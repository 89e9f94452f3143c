"""Pipes: from a queue to a state machine, with the pipe's role.

A pipe receives visible messages and starts the state machine. If it waits for the result, only success deletes the
message; if not, an accepted start does. A message that is not deleted becomes visible again after its visibility
timeout, until its queue redrives it.
Source: EventBridge User Guide, "Amazon SQS as a source", "Error handling and troubleshooting".
"""

import base64
import json
import math
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # botocore ships no types
from moto.sqs.models import sqs_backends

from ceap.local.clock import CLOCK
from ceap.local.executions import Executions
from ceap.local.logs import Logs
from ceap.local.metrics import metrics_of
from ceap.local.service_clients import ClientOf
from ceap.local.sessions import REGION, Session
from ceap.local.stack_models import Pipe

RETRY_S: Final = 1.0
"""How long a pipe waits after its source could not serve it; AWS retries, and tells no interval."""

PASSING: Final = frozenset({"ThrottlingException", "RequestThrottled", "OverLimit", "KMS.ThrottlingException"})
"""Errors of a queue that pass by themselves."""

PARALLEL: Final = 4
"""How many executions run at once before a pipe takes no more; on AWS a waiting pipe starts with five and scales."""


class Poller:
    """A running pipe; `problem` says why it stopped taking messages, if it did."""

    def __init__(
        self, pipe: Pipe, url: str, session: Session, logs: Logs, executions: Executions, *, client_of: ClientOf
    ) -> None:
        self.name: Final = pipe.name
        self.problem: str | None = None
        self._pipe: Final = pipe
        self._session: Final = session
        self._logs: Final = logs
        self._sqs: Final = client_of(session, "sqs")
        self._states: Final = client_of(session, "stepfunctions")
        self._queue: Final = sqs_backends[pipe.account][REGION].get_queue(pipe.source.rpartition(":")[2])
        self._url: Final = f"{url}/{pipe.account}/{self._queue.name}"
        # When a pipe is created, AWS reads its source with its role.
        self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["All"])
        self._executions: Final = executions
        self._running = 0
        self._paused_until = 0.0
        self._lock: Final = threading.Lock()
        self._is_closed = False

    def poll(self, *, once: bool = False) -> bool:
        """Take visible messages and begin to deliver them; return whether there may be more to do at once.

        A message that is taken `once` stays in the queue after a failure, and is never visible again.
        """
        if self._is_full() or not self._can_take():
            return False
        records = self._receive()
        if not records:
            return False
        if once:
            self._hide(records)
        with self._lock:
            self._running += 1
        CLOCK.begin()
        # A daemon, so that the process can end without the execution.
        threading.Thread(target=self._deliver, args=(records,), name=f"pipe-{self.name}", daemon=True).start()
        return True

    def next_due(self) -> float | None:
        """Return when the next message of the queue becomes visible; None if there is none or the pipe has stopped."""
        if self.problem or self._is_closed or not self._pipe.is_running:
            return None
        # SQS compares milliseconds, and a message is visible only after its moment.
        moments = [
            max(max(m.visible_at, m.delayed_until) / 1000 + 0.002, self._paused_until)
            for m in list(self._queue._messages)
            if m.visible_at < math.inf
        ]
        if self._is_full():
            # A visible message waits for an execution to end, not for time.
            moments = [moment for moment in moments if moment > CLOCK.now()]
        return min(moments, default=None)

    def close(self) -> None:
        """Take no more messages; what is being delivered goes on."""
        self._is_closed = True

    def _is_full(self) -> bool:
        return self._running + self._executions.in_background >= PARALLEL

    def _can_take(self) -> bool:
        if self.problem or self._is_closed or not self._pipe.is_running or CLOCK.now() < self._paused_until:
            return False
        return any(message.visible and not message.delayed for message in list(self._queue._messages))

    def _hide(self, records: Iterable[Mapping[str, Any]]) -> None:
        ids = {record["messageId"] for record in records}
        for message in list(self._queue._messages):
            if message.id in ids:
                message.visible_at = math.inf

    def _receive(self) -> list[dict[str, Any]]:
        try:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=self._pipe.batch_size,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        except (ClientError, BotoCoreError) as error:
            if _passes(error):
                self._paused_until = CLOCK.now() + RETRY_S
            else:
                # AWS disables a pipe whose source keeps refusing its calls.
                self.problem = f"cannot receive from its source: {error}"
            self._log("ExecutionFailed", error=str(error))
            self._measure(ExecutionFailed=1.0)
            return []
        return [self._record(message) for message in answer.get("Messages", ())]

    def _record(self, message: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {
                name: {key[0].lower() + key[1:]: _json(part) for key, part in value.items()}
                for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._pipe.source,
            "awsRegion": REGION,
        }

    def _deliver(self, records: list[dict[str, Any]]) -> None:
        try:
            reason = self._start(json.dumps(records, ensure_ascii=False))
            self._measure(Invocations=1.0, EventCount=float(len(records)))
            if reason is None:
                self._delete(records)
            else:
                self._measure(ExecutionFailed=1.0, TargetStageFailed=1.0)
                ids = [record["messageId"] for record in records]
                self._log("TargetInvocationFailed", messageIds=ids, error=reason)
        finally:
            with self._lock:
                self._running -= 1
            CLOCK.end()

    def _start(self, payload: str) -> str | None:
        """Run the target and return why it failed, or None."""
        try:
            if not self._pipe.waits:
                self._states.start_execution(stateMachineArn=self._pipe.target, input=payload)
                return None
            answer = self._states.start_sync_execution(stateMachineArn=self._pipe.target, input=payload)
        except (ClientError, BotoCoreError) as error:
            return str(error)
        status = answer["status"]
        return None if status == "SUCCEEDED" else f"{answer['executionArn']} {status}: {answer.get('error', '')}"

    def _delete(self, records: Iterable[Mapping[str, Any]]) -> None:
        entries = [{"Id": str(n), "ReceiptHandle": record["receiptHandle"]} for n, record in enumerate(records)]
        try:
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            self._log("SourceDeleteFailed", error=str(error))

    def _measure(self, **values: float) -> None:
        """Add the pipe's metrics. Source: EventBridge User Guide, "Monitoring Amazon EventBridge Pipes"."""
        metrics_of(self._pipe.account).add("AWS/EventBridge/Pipes", {"PipeName": self.name}, values)

    def _log(self, message_type: str, **details: Any) -> None:
        if self._pipe.log_group is None or self._pipe.log_level == "OFF":
            return
        line = {"resourceArn": self._pipe.arn, "logLevel": "ERROR", "messageType": message_type, **details}
        self._logs.write(self._pipe.log_group, self._pipe.name, [json.dumps(line)], self._session)


def _passes(error: ClientError | BotoCoreError) -> bool:
    """Tell whether the next call may succeed: the queue throttles, fails, or could not be reached."""
    if isinstance(error, BotoCoreError):
        return True
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return error.response["Error"]["Code"] in PASSING or status >= 500


def _json(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
