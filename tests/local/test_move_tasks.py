"""Message move tasks of the engine's queues: rate, order, what is left, and what AWS refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local import gateway
from ceap.local.clock import CLOCK
from ceap.local.engine import Engine
from tests.local.support import role, template_text


class Queues(NamedTuple):
    """A queue and its dead-letter queue, by URL, with their ARNs."""

    engine: Engine
    queue: str
    dead: str

    @property
    def sqs(self) -> Any:
        return self.engine.client("sqs")

    def arn(self, url: str) -> str:
        answer: str = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return answer

    def kill(self, *bodies: str) -> list[str]:
        """Send messages and receive each until it is a dead letter; return their ids."""
        ids = [self.engine.send(self.queue, body) for body in bodies]
        for _ in bodies:
            self.sqs.receive_message(QueueUrl=self.queue, VisibilityTimeout=0)
        for _ in range(2):  # a first receive of all, and one that finds that they have been received
            self.sqs.receive_message(QueueUrl=self.queue, VisibilityTimeout=0, MaxNumberOfMessages=10)
        assert self.engine.messages(self.queue) == []
        return ids

    def start(self, **given: Any) -> str:
        handle: str = self.sqs.start_message_move_task(SourceArn=self.arn(self.dead), **given)["TaskHandle"]
        return handle

    def task(self) -> dict[str, Any]:
        [task] = self.sqs.list_message_move_tasks(SourceArn=self.arn(self.dead))["Results"]
        assert isinstance(task, dict)
        return task


@pytest.fixture
def queues() -> Iterator[Queues]:
    with Engine.start(warm=False) as engine:
        sqs = engine.client("sqs")
        dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        policy = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{engine.account}:dead", "maxReceiveCount": 1}
        queue = sqs.create_queue(QueueName="queue", Attributes={"RedrivePolicy": json.dumps(policy)})["QueueUrl"]
        yield Queues(engine, queue, dead)


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_task_moves_all_dead_letters_back_as_new_messages(queues: Queues) -> None:
    before = queues.kill("a", "b")
    handle = queues.start()
    assert (queues.task()["Status"], queues.task()["TaskHandle"]) == ("RUNNING", handle)
    queues.engine.drain()
    task = queues.task()
    assert {key: value for key, value in task.items() if key != "StartedTimestamp"} == {
        "Status": "COMPLETED",
        "SourceArn": queues.arn(queues.dead),
        "ApproximateNumberOfMessagesMoved": 2,
        "ApproximateNumberOfMessagesToMove": 2,
    }
    assert queues.engine.messages(queues.queue) == ["a", "b"]
    assert queues.engine.messages(queues.dead) == []
    found = queues.sqs.receive_message(QueueUrl=queues.queue, MaxNumberOfMessages=10, AttributeNames=["All"])[
        "Messages"
    ]
    assert {message["MessageId"] for message in found}.isdisjoint(before)
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in found} == {"1"}


def test_a_moved_message_keeps_its_attributes_and_its_time_begins_anew(queues: Queues) -> None:
    attribute = {"kind": {"DataType": "String", "StringValue": "order"}}
    queues.sqs.send_message(QueueUrl=queues.dead, MessageBody="a", MessageAttributes=attribute)
    sent = CLOCK.now()
    queues.start(DestinationArn=queues.arn(queues.queue))
    queues.engine.drain()
    [message] = queues.sqs.receive_message(
        QueueUrl=queues.queue, AttributeNames=["SentTimestamp"], MessageAttributeNames=["All"]
    )["Messages"]
    assert message["MessageAttributes"] == attribute
    assert int(message["Attributes"]["SentTimestamp"]) / 1000 > sent + 0.9
    assert queues.task()["DestinationArn"] == queues.arn(queues.queue)


def test_the_rate_is_kept_on_the_virtual_clock(queues: Queues) -> None:
    queues.kill(*(f"m{n}" for n in range(7)))
    began = CLOCK.now()
    queues.start(MaxNumberOfMessagesPerSecond=2)
    seen = [0]
    while queues.task()["Status"] == "RUNNING":
        queues.engine._step(once=False)
        seen.append(queues.task()["ApproximateNumberOfMessagesMoved"])
    assert sorted(set(seen)) == [0, 2, 4, 6, 7]
    assert 4 <= CLOCK.now() - began < 5
    assert queues.engine.messages(queues.queue) == [f"m{n}" for n in range(7)]


def test_messages_in_flight_stay(queues: Queues) -> None:
    queues.kill("a", "b")
    [held] = queues.sqs.receive_message(QueueUrl=queues.dead, VisibilityTimeout=600)["Messages"]
    queues.start()
    queues.engine.drain()
    assert queues.engine.messages(queues.dead) == [held["Body"]]
    assert (queues.task()["Status"], queues.task()["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)


def test_a_cancelled_task_leaves_what_it_has_not_moved(queues: Queues) -> None:
    queues.kill("a", "b", "c")
    handle = queues.start(MaxNumberOfMessagesPerSecond=1)
    queues.engine._step(once=False)
    assert queues.sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"] == 1
    assert queues.task()["Status"] == "CANCELLING"
    queues.engine.drain()
    assert queues.task()["Status"] == "CANCELLED"
    assert "TaskHandle" not in queues.task()
    assert (queues.engine.messages(queues.queue), queues.engine.messages(queues.dead)) == (["a"], ["b", "c"])
    with pytest.raises(ClientError, match="Only active tasks"):
        queues.sqs.cancel_message_move_task(TaskHandle=handle)


def test_one_task_runs_at_a_time(queues: Queues) -> None:
    queues.start()
    with pytest.raises(ClientError, match="There is already a task running") as refused:
        queues.start()
    assert code(refused) == "InvalidParameterValue"
    queues.engine.drain()
    queues.start()


def test_a_message_that_no_queue_redrove_has_no_source_to_go_back_to(queues: Queues) -> None:
    queues.engine.send(queues.dead, "direct")
    queues.start()
    queues.engine.drain()
    assert (queues.task()["Status"], queues.task()["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert queues.engine.messages(queues.dead) == ["direct"]


def test_a_task_fails_when_its_destination_is_deleted(queues: Queues) -> None:
    queues.kill("a", "b")
    queues.start(MaxNumberOfMessagesPerSecond=1)
    queues.engine._step(once=False)
    queues.sqs.delete_queue(QueueUrl=queues.queue)
    queues.engine.drain()
    assert (queues.task()["Status"], queues.task()["FailureReason"]) == (
        "FAILED",
        "AWS.SimpleQueueService.NonExistentQueue",
    )
    assert queues.engine.messages(queues.dead) == ["b"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"SourceArn": "queue"}, "InvalidParameterValue"),  # no queue's dead-letter queue
        ({"SourceArn": "nowhere"}, "ResourceNotFoundException"),
        ({"SourceArn": "dead", "DestinationArn": "nowhere"}, "ResourceNotFoundException"),
        ({"SourceArn": "dead", "DestinationArn": "dead"}, "InvalidParameterValue"),
        ({"SourceArn": "dead", "MaxNumberOfMessagesPerSecond": 501}, "InvalidParameterValue"),
        ({"SourceArn": "dead", "MaxNumberOfMessagesPerSecond": 0}, "InvalidParameterValue"),
        ({"SourceArn": "dead", "DestinationArn": "other.fifo"}, "UnsupportedOperation"),
    ],
)
def test_what_aws_does_not_take_is_refused(queues: Queues, given: dict[str, Any], expected: str) -> None:
    queues.sqs.create_queue(QueueName="other.fifo", Attributes={"FifoQueue": "true"})
    arns = {
        key: f"arn:aws:sqs:us-east-1:{queues.engine.account}:{value}" for key, value in given.items() if "Arn" in key
    }
    with pytest.raises(ClientError) as refused:
        queues.sqs.start_message_move_task(**given | arns)
    assert code(refused) == expected
    assert queues.engine.messages(queues.dead) == []


def test_a_handle_of_nothing_is_refused(queues: Queues) -> None:
    with pytest.raises(ClientError, match="Value for parameter TaskHandle is invalid") as refused:
        queues.sqs.cancel_message_move_task(TaskHandle="x")
    assert code(refused) == "InvalidParameterValue"


GRANTS = {
    "sqs:StartMessageMoveTask": "dead",
    "sqs:ReceiveMessage": "dead",
    "sqs:DeleteMessage": "dead",
    "sqs:GetQueueAttributes": "dead",
    "sqs:SendMessage": "queue",
}


@pytest.mark.parametrize("missing", [None, *GRANTS])
@pytest.mark.parametrize("has_destination", [True, False])
def test_who_starts_a_task_needs_all_rights_of_it(queues: Queues, missing: str | None, has_destination: bool) -> None:
    account = queues.engine.account
    arns = {name: f"arn:aws:sqs:us-east-1:{account}:{name}" for name in ("dead", "queue")}
    grants = [(action, arns[queue]) for action, queue in GRANTS.items() if action != missing]
    queues.engine.deploy(template_text(Role=role("lambda", *grants)), "stack")
    queues.kill("a")
    [arn] = [found["Arn"] for found in queues.engine.client("iam").list_roles()["Roles"]]
    session = queues.engine._sessions.assume(arn, service="lambda", source="")
    sqs = gateway.client("sqs", queues.engine.url, session)
    given = {"SourceArn": arns["dead"], **({"DestinationArn": arns["queue"]} if has_destination else {})}
    if missing is None:
        sqs.start_message_move_task(**given)
        queues.engine.drain()
        assert queues.engine.messages(queues.queue) == ["a"]
        return
    with pytest.raises(ClientError, match=missing) as denied:
        sqs.start_message_move_task(**given)
    assert code(denied) == "AccessDenied"
    queues.engine.drain()
    assert queues.engine.messages(queues.dead) == ["a"]
