"""All dead letters back to the queue by SQS's move task: once each, at the rate, followed and interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ceap.aws.flow import Messages
from ceap.aws.pace import Pace
from ceap.errors import CommandError
from ceap.local.clock import CLOCK
from ceap.operate import replay_dead, replay_letters, replay_move
from ceap.operate.replay_dead import move_all
from ceap.operate.replay_move import Move, cancel_move, follow_move, last_move, queue_arn, start_move
from ceap.operate.replay_report import move_lines
from tests.operate.dead_letters import Express, body_of, dead_letters, kill, means, small_express, succeeded, travel


@pytest.fixture(scope="module")
def shared() -> Iterator[Express]:
    with small_express() as found:
        yield found


@pytest.fixture
def express(shared: Express, monkeypatch: pytest.MonkeyPatch) -> Express:
    monkeypatch.setattr(replay_letters, "WAIT_S", 0)  # the engine's answer without a wait is whole
    shared.engine.drain()  # a task of the test before has ended
    shared.reset()
    return shared


def put(found: Express, *names: str) -> None:
    """Put messages into the dead-letter queue, as if they had failed."""
    for name in names:
        found.engine.send(found.workflow.dead_letter_queue, body_of(name))


def move(found: Express, told: list[str] | None = None, rate: int = 500) -> Move:
    done, _ = move_all(found.aws, found.workflow, rate, means(found, [] if told is None else told))
    assert done is not None
    return done


def test_messages_that_failed_three_times_are_all_processed_once_after_the_fix(express: Express) -> None:
    for name in "abc":
        kill(express, name)
    assert (succeeded(express), dead_letters(express)) == ([], ["a", "b", "c"])
    told: list[str] = []
    done = move(express, told)
    assert (done.status, done.moved, done.to_move) == ("COMPLETED", 3, 3)
    assert told == ["0 of 3 moved", "3 of 3 moved"]
    assert sorted(succeeded(express)) == ["a", "b", "c"]
    assert dead_letters(express) == express.engine.messages(express.workflow.queue) == []


def test_messages_that_were_sent_into_the_dead_letter_queue_are_moved_too(express: Express) -> None:
    put(express, "a")
    assert move(express).status == "COMPLETED"
    assert succeeded(express) == ["a"]


def test_the_rate_is_kept(express: Express) -> None:
    put(express, *"abcdef")
    began = CLOCK.now()
    assert move(express, rate=2).moved == 6
    assert CLOCK.now() - began >= 3


def test_without_dead_letters_no_task_is_started(express: Express) -> None:
    source = queue_arn(express.aws, express.workflow.dead_letter_queue)
    before = last_move(express.aws, source)
    done, left = move_all(express.aws, express.workflow, 10, means(express, []))
    assert (done, left) == (None, Messages(waiting=0, in_flight=0))
    assert last_move(express.aws, source) == before
    assert list(move_lines(done, left)) == ["no dead letter waits: nothing to replay"]


def test_dead_letters_are_moved_also_if_sqs_counts_none_of_them_yet(
    express: Express, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(express, "a", "b")
    asked: list[str] = []
    none = Messages(waiting=0, in_flight=0)
    monkeypatch.setattr(replay_dead, "count_messages", lambda *_: none)

    def consent(question: str) -> bool:
        asked.append(question)
        return True

    done, _ = move_all(express.aws, express.workflow, 500, means(express, [], consent=consent))
    assert done is not None
    assert (done.status, done.moved) == ("COMPLETED", 2)
    assert asked == ["move all messages back to the queue, at most 500 a second?"]
    assert sorted(succeeded(express)) == ["a", "b"]


def test_all_that_somebody_holds_is_not_told_as_nothing(express: Express) -> None:
    put(express, "a")
    express.engine.client("sqs").receive_message(QueueUrl=express.workflow.dead_letter_queue, VisibilityTimeout=900)
    done, left = move_all(express.aws, express.workflow, 10, means(express, []))
    assert next(move_lines(done, left)) == "no dead letter can be moved now"
    assert (done, left.in_flight) == (None, 1)


def test_the_task_that_was_started_is_followed_and_not_one_before(
    express: Express, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(express, "a")
    before = move(express)
    put(express, "b", "c", "d")
    listed, stale = replay_move._moves, [3]

    def late(*given: Any) -> list[Move]:
        """SQS does not list the new task at once."""
        stale[0] -= 1
        return [before] if stale[0] >= 0 else listed(*given)

    monkeypatch.setattr(replay_move, "_moves", late)
    told: list[str] = []
    done = move(express, told)
    assert (done.moved, done.to_move) == (3, 3)
    assert told[-1] == "3 of 3 moved"
    assert done.started > before.started


def test_a_task_that_sqs_never_lists_fails_the_call(express: Express, monkeypatch: pytest.MonkeyPatch) -> None:
    put(express, "a")
    monkeypatch.setattr(replay_move, "_moves", lambda *_: [])
    with pytest.raises(CommandError, match="does not list it yet; it may run: call again to follow it"):
        move(express)


def test_a_number_that_sqs_has_not_counted_yet_is_about(express: Express) -> None:
    late = Move(status="COMPLETED", moved=0, to_move=10, started=0, rate=1, reason=None, fewer=10)
    assert replay_move.move_text(late) == "about 10 messages moved back to the queue"
    counted = msgspec.structs.replace(late, moved=10)
    assert replay_move.move_text(counted) == "10 messages moved back to the queue"


def test_what_somebody_holds_is_left_and_told(express: Express) -> None:
    put(express, "a", "b")
    express.engine.client("sqs").receive_message(QueueUrl=express.workflow.dead_letter_queue, VisibilityTimeout=900)
    done, left = move_all(express.aws, express.workflow, 10, means(express, []))
    assert list(move_lines(done, left)) == [
        "1 message moved back to the queue",
        "the dead-letter queue has 0 messages waiting and 1 in flight; a message in flight is held by somebody, and is "
        "not moved",
    ]


def test_it_is_asked_before_more_than_one_and_no_is_no(express: Express) -> None:
    put(express, "a", "b")
    asked: list[str] = []

    def refuse(question: str) -> bool:
        asked.append(question)
        return False

    with pytest.raises(CommandError, match="nothing was replayed"):
        move_all(express.aws, express.workflow, 10, means(express, [], consent=refuse))
    assert asked == ["move 2 messages back to the queue, at most 10 a second?"]
    assert dead_letters(express) == ["a", "b"]


def test_an_interrupted_call_says_that_sqs_goes_on_and_the_next_one_follows(express: Express) -> None:
    put(express, *"abc")
    told: list[str] = []

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    stopped = means(express, told)._replace(pace=Pace(interrupt))
    with pytest.raises(KeyboardInterrupt):
        move_all(express.aws, express.workflow, 1, stopped)
    call = "`ceap replay --env dev workflows/express.yaml --dead-letters"
    assert told[-1] == f"SQS goes on moving: {call}` follows it, {call} --cancel` cancels it"

    told.clear()
    done = move(express, told)
    assert (done.moved, done.rate) == (3, 1)
    assert "a move task runs since" in told[0]
    assert sorted(succeeded(express)) == ["a", "b", "c"]


def test_a_task_is_cancelled_and_the_rest_stays(express: Express) -> None:
    put(express, *"abc")
    source = queue_arn(express.aws, express.workflow.dead_letter_queue)
    task = start_move(
        express.aws, source, queue_arn(express.aws, express.workflow.queue), 1, last_move(express.aws, source)
    )
    travel(1.1)
    assert cancel_move(express.aws, source) == 1
    done = follow_move(express.aws, source, task, lambda _: None, Pace(travel))
    assert list(move_lines(done, Messages(waiting=0, in_flight=0))) == [
        "about 1 message moved back to the queue, then the move task was cancelled"
    ]
    assert dead_letters(express) == ["b", "c"]
    assert cancel_move(express.aws, source) is None


def test_a_stopped_pipe_is_told(express: Express) -> None:
    put(express, "a")
    express.aws.client("pipes").stop_pipe(Name=express.workflow.pipe)
    told: list[str] = []
    move(express, told)
    assert told[0].startswith(
        "the pipe ceap-express-dev is STOPPED: messages wait in the queue until it runs, `ceap re"
    )
    assert succeeded(express) == []
    assert express.engine.messages(express.workflow.queue) == [body_of("a")]


def test_a_task_that_failed_says_why() -> None:
    task = Move(status="FAILED", moved=2, to_move=5, started=0, rate=1, reason="AccessDenied")
    none = Messages(waiting=0, in_flight=0)
    assert list(move_lines(task, none)) == [
        "about 2 messages moved back to the queue, then the move task failed: AccessDenied"
    ]
    assert msgspec.structs.replace(task, status="RUNNING").is_active
