"""Stopping and starting a pipe by hand, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from ceap.aws.flow import RUNNING, STOPPED, turn_pipe
from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.errors import CommandError
from ceap.local.clock import CLOCK
from ceap.operate.pausing import Turned, pause, paused_lines, resume, resumed_lines
from tests.local.support import deploy_triggered
from tests.operate.failing import travel
from tests.operated import Operated, operated
from tests.reference import MESSAGE

CALL = "--env dev triggered.yaml"
NAME = "ceap-triggered-dev"


@pytest.fixture(scope="module")
def triggered() -> Iterator[Operated]:
    """A workflow with a schedule and a rule, whose pipe the tests stop and start."""
    with operated("triggered", deploy_triggered) as found:
        yield found
    assert CLOCK.rewind(10)


def without_pause() -> Pace:
    return Pace(lambda _: None)


def stop(operated: Operated) -> Turned:
    return pause(operated.aws, operated.workflow, without_pause())


def start(operated: Operated) -> Turned:
    return resume(operated.aws, operated.workflow, without_pause())


def state(operated: Operated) -> str:
    found: str = operated.aws.client("pipes").describe_pipe(Name=NAME)["CurrentState"]
    return found


def test_messages_wait_while_the_pipe_is_stopped_and_are_taken_when_it_runs(triggered: Operated) -> None:
    stop(triggered)
    done = len(triggered.engine.executions)
    triggered.engine.send(triggered.deployed.queue, MESSAGE)
    triggered.engine.drain()
    assert (state(triggered), len(triggered.engine.executions)) == ("STOPPED", done)
    turned = start(triggered)
    triggered.engine.drain()
    assert (turned.work.messages.waiting, len(triggered.engine.executions)) == (1, done + 1)
    assert state(triggered) == "RUNNING"


def test_a_stopped_pipe_is_told_with_what_follows_from_it(triggered: Operated) -> None:
    assert list(paused_lines(stop(triggered), CALL)) == [
        f"{NAME}: the pipe {NAME} is stopped",
        "  0 messages waiting and 0 in flight, 0 executions running; what runs goes on to its end",
        "  a message stays in the queue for 14 d, then SQS deletes it",
        "  schedule ceap-triggered-dev-schedule, rule ceap-triggered-dev-objects still send messages",
        "  `ceap deploy` leaves it stopped, and says so",
        f"  `ceap resume {CALL}` starts it",
    ]
    assert next(paused_lines(stop(triggered), CALL)) == f"{NAME}: the pipe {NAME} was stopped already"
    assert list(resumed_lines(start(triggered))) == [
        f"{NAME}: the pipe {NAME} runs",
        "  0 messages waiting and 0 in flight, 0 executions running",
    ]
    assert next(resumed_lines(start(triggered))) == f"{NAME}: the pipe {NAME} was running already"


def test_the_age_of_the_oldest_message_is_told(triggered: Operated) -> None:
    stop(triggered)
    triggered.engine.send(triggered.deployed.queue, MESSAGE)
    travel(3 * 3600)
    lines = list(paused_lines(stop(triggered), CALL))
    assert lines[1].startswith("  1 message waiting and 0 in flight, ")
    assert (
        "then SQS deletes it; the oldest has been there for at least 2 h 59 m" in lines[2]
        or "for at least 3 h" in lines[2]
    )
    start(triggered)
    triggered.engine.drain()


class Pipe:
    """A pipe that goes through states, one each time that it is described, and keeps the last."""

    def __init__(self, desired: str, *states: str, reason: str = "") -> None:
        self.desired, self.states, self.reason = desired, list(states), reason
        self.calls: list[str] = []

    def client(self, _: str) -> Any:
        return self

    def describe_pipe(self, **_: str) -> Any:
        current = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"DesiredState": self.desired, "CurrentState": current, "StateReason": self.reason}

    def stop_pipe(self, **_: str) -> None:
        self.calls.append("stop")

    def start_pipe(self, **_: str) -> None:
        self.calls.append("start")


def turn(pipe: Pipe, state: str) -> list[str]:
    turn_pipe(cast("Aws", pipe), "p", state, without_pause())
    return pipe.calls


def test_it_is_waited_for_what_was_asked_of_a_pipe_before_it_is_turned() -> None:
    assert turn(Pipe(RUNNING, "STARTING", "UPDATING", "RUNNING", "STOPPING", "STOPPED"), STOPPED) == ["stop"]


def test_a_pipe_that_is_so_is_not_called_but_one_that_failed_is_called_again() -> None:
    assert turn(Pipe(STOPPED, "STOPPING", "STOPPED"), STOPPED) == []
    assert turn(Pipe(RUNNING, "START_FAILED", "RUNNING"), RUNNING) == ["start"]


def test_a_pipe_that_aws_has_stopped_by_itself_is_called_though_it_shall_run() -> None:
    assert turn(Pipe(RUNNING, "STOPPED", "STOPPED", "STARTING", "RUNNING"), RUNNING) == ["start"]
    assert turn(Pipe(RUNNING, "STOPPED"), STOPPED) == ["stop"]


def test_a_pipe_that_is_stopped_again_as_soon_as_it_starts_is_told_with_its_reason() -> None:
    with pytest.raises(CommandError, match=r"^the pipe p is STOPPED: the queue is gone$"):
        turn(Pipe(RUNNING, "STOPPED", "STARTING", "STOPPED", reason="the queue is gone"), RUNNING)


def test_a_pipe_that_cannot_be_started_is_told_with_its_reason() -> None:
    with pytest.raises(CommandError, match=r"^the pipe p is START_FAILED: the role cannot read the queue$"):
        turn(Pipe(RUNNING, "START_FAILED", reason="the role cannot read the queue"), RUNNING)
