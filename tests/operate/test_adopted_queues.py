"""A workflow that adopts its queues, operated: every command finds them, and knows how they hide messages."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ceap.aws.pace import Pace
from ceap.deploy.quiet import flow_of
from ceap.deploy.situation import read_situation
from ceap.errors import SetupError
from ceap.local.clock import CLOCK
from ceap.operate import replay_letters
from ceap.operate.drain import Means, drain
from ceap.operate.pausing import pause, paused_lines, resume
from ceap.operate.replay_dead import move_all
from ceap.operate.status_reading import StatusReader
from tests.local.support import deploy_adopting
from tests.operate.dead_letters import means
from tests.operated import Operated, operated

NAME = "ceap-adopting-dev"
GOOD = json.dumps({"source": {"kind": "inline", "records": [{"id": "r1", "amount": 1}]}})
BAD = "no JSON"


@pytest.fixture(scope="module")
def adopting() -> Iterator[Operated]:
    with operated("adopting", deploy_adopting) as found:
        yield found
    assert CLOCK.rewind(10)


def without_pause() -> Pace:
    return Pace(lambda _: None)


def waiting(found: Operated) -> tuple[int, int]:
    """Return how many messages wait in the queue and in the dead-letter queue, as `ceap status` tells."""
    facts = StatusReader(found.aws, "adopting", "dev", 3600).read()
    assert facts.queue
    assert facts.dead_letters
    assert facts.unread == ()
    return facts.queue.waiting, facts.dead_letters.waiting


def test_the_queues_are_known_by_their_urls_and_what_sqs_says_of_them(adopting: Operated) -> None:
    workflow = adopting.workflow
    assert workflow.queue == adopting.deployed.stack.outputs["QueueUrl"]
    assert workflow.dead_letter_queue == adopting.deployed.stack.outputs["DeadLetterQueueUrl"]
    assert (workflow.visibility_timeout_s, workflow.receives_max) == (1080.0, 3)


def test_the_pipe_is_paused_and_resumed_and_the_schedule_named_that_still_sends(adopting: Operated) -> None:
    paused = pause(adopting.aws, adopting.workflow, without_pause())
    adopting.engine.send(adopting.deployed.queue, GOOD)
    adopting.engine.drain()
    assert waiting(adopting) == (1, 0)
    assert paused.senders == (f"schedule {NAME}-schedule",)
    assert "  a message stays in the queue for 14 d, then SQS deletes it" in list(paused_lines(paused, "x"))
    turned = resume(adopting.aws, adopting.workflow, without_pause())
    assert turned.work.messages.waiting == 1
    *_, execution = adopting.engine.drain()
    assert (execution.status, waiting(adopting)) == ("SUCCEEDED", (0, 0))


def test_it_is_drained_until_the_adopted_queue_is_empty(adopting: Operated) -> None:
    adopting.engine.send(adopting.deployed.queue, GOOD)
    seconds = [0.0]

    def sleep(paused: float) -> None:
        seconds[0] += paused
        adopting.engine.drain()

    means = Means(lambda _: None, sleep, lambda: seconds[0])
    drained = drain(adopting.aws, adopting.workflow, means, pause=False, timeout_s=600)
    assert (drained.dead_letters, waiting(adopting)) == (0, (0, 0))


def test_its_dead_letters_are_counted_and_moved_back_to_the_adopted_queue(
    adopting: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_letters, "WAIT_S", 0)
    adopting.engine.send(adopting.deployed.queue, BAD)
    adopting.engine.drain()
    assert waiting(adopting) == (0, 1)
    pause(adopting.aws, adopting.workflow, without_pause())
    moved, _ = move_all(adopting.aws, adopting.workflow, 500, means(adopting, []))
    assert moved is not None
    assert (moved.moved, waiting(adopting)) == (1, (1, 0))
    assert adopting.engine.messages(adopting.workflow.queue) == [BAD]
    adopting.engine.client("sqs").purge_queue(QueueUrl=adopting.workflow.queue)
    resume(adopting.aws, adopting.workflow, without_pause())


def test_a_stack_that_shall_go_is_brought_to_rest_though_its_queue_is_not_its_own(adopting: Operated) -> None:
    now = read_situation(adopting.aws, NAME)
    flow = flow_of(now, adopting.workflow.stack.template)
    assert flow is not None
    assert (flow.pipe, flow.queue) == (NAME, adopting.workflow.queue)


def test_a_queue_that_is_gone_is_told() -> None:
    with operated("adopting", deploy_adopting) as found:
        found.engine.client("sqs").delete_queue(QueueUrl=found.workflow.queue)
        with pytest.raises(SetupError, match=rf"^stack {NAME} adopts \S+/OrdersQueue, which does not exist; create it"):
            _ = found.workflow
