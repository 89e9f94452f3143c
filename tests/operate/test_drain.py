"""Waiting until a workflow has nothing left to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from ceap.aws.flow import STOPPED, PipeStates
from ceap.errors import CommandError
from ceap.operate import drain as module
from ceap.operate.drain import Drained, Means, drain, drained_lines
from tests.operate.failing import run, small_workflow
from tests.operated import Operated
from tests.reference import MESSAGE

CALL = "--env dev w.yaml"


@pytest.fixture(scope="module")
def small() -> Iterator[Operated]:
    with small_workflow() as found:
        yield found


class Time:
    """A time that passes only while a command sleeps; then also `work` is done, once in a pause."""

    def __init__(self, *work: Callable[[], object]) -> None:
        self.seconds, self.work, self.told = 0.0, list(work), list[str]()

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        if self.work:
            self.work.pop(0)()


def call(operated: Operated, time: Time, *, pause: bool = False, timeout_s: float = 600) -> Drained:
    means = Means(time.told.append, time.sleep, lambda: time.seconds)
    return drain(operated.aws, operated.workflow, means, pause=pause, timeout_s=timeout_s)


def lines(operated: Operated, drained: Drained) -> list[str]:
    return list(drained_lines(drained, operated.workflow, CALL))


@pytest.fixture
def poisoned(express: Operated) -> Iterator[Operated]:
    """The EXPRESS workflow with a message that always fails; nothing is left of it afterwards."""
    express.engine.functions.inject("ceap-express-dev-Sift", "PermanentStageError", None)
    express.engine.send(express.deployed.queue, MESSAGE)
    yield express
    express.engine.drain()
    express.engine.functions.inject("ceap-express-dev-Sift", "PermanentStageError", 0)


def test_it_waits_until_the_queue_is_empty_and_stays_so(express: Operated) -> None:
    express.engine.send(express.deployed.queue, MESSAGE)
    late = [lambda: None] * 3
    time = Time(express.engine.drain, *late, lambda: express.engine.send(express.deployed.queue, MESSAGE))
    time.work.append(express.engine.drain)
    drained = call(express, time)
    assert lines(express, drained) == ["ceap-express-dev: drained: no message waits, nothing runs"]
    assert drained.seconds >= module.SETTLED_S
    waiting = "ceap-express-dev: waiting for the end of 1 message waiting and 0 in flight"
    looking = "ceap-express-dev: nothing runs; looking for 60 s more, as SQS counts with a delay"
    assert time.told == [waiting, looking, waiting, looking]


def test_a_poison_message_becomes_a_dead_letter_which_is_told(poisoned: Operated) -> None:
    assert lines(poisoned, call(poisoned, Time(poisoned.engine.drain))) == [
        "ceap-express-dev: drained: no message waits, nothing runs",
        f"  1 dead letter came meanwhile; `ceap replay {CALL} --dead-letters --dry-run` lists what is there",
    ]


def test_what_does_not_come_to_an_end_in_time_is_told(poisoned: Operated) -> None:
    drained = call(poisoned, Time(), timeout_s=30)
    assert not drained.is_drained
    first, *more = lines(poisoned, drained)
    assert first.startswith("ceap-express-dev: not drained after 3")
    assert first.endswith(" s: 1 message waiting and 0 in flight")
    assert more == [
        "  a message whose execution fails is received again after 30 m",
        f"  `ceap status {CALL}` tells what fails",
    ]


def test_messages_that_nobody_takes_are_refused_as_the_pipe_is_stopped(express: Operated) -> None:
    express.aws.client("pipes").stop_pipe(Name="ceap-express-dev")
    assert call(express, Time()).is_drained
    express.engine.send(express.deployed.queue, MESSAGE)
    with pytest.raises(CommandError) as refused:
        call(express, Time())
    assert str(refused.value) == (
        "ceap-express-dev: the pipe ceap-express-dev is STOPPED, so nobody takes the messages: 1 message waiting and 0 "
        "in flight; start it with `ceap resume`, or give --pause, which waits for what runs alone"
    )
    express.aws.client("pipes").start_pipe(Name="ceap-express-dev")
    express.engine.drain()


def test_messages_that_nobody_takes_are_refused_as_aws_has_stopped_the_pipe(
    express: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        module, "pipe_states", lambda *_: PipeStates(desired="RUNNING", current=STOPPED, reason="no key")
    )
    express.engine.send(express.deployed.queue, MESSAGE)
    with pytest.raises(
        CommandError, match=r"^ceap-express-dev: the pipe ceap-express-dev is STOPPED: no key, so nobody "
    ):
        call(express, Time())
    express.engine.drain()


def test_executions_of_a_standard_workflow_are_waited_for_and_failures_are_named(small: Operated) -> None:
    first = run(small, "SiftStage")
    small.engine.functions.inject("ceap-standard-dev-Rate", "PermanentStageError", 1)
    small.engine.send(small.deployed.queue, MESSAGE)
    drained = call(small, Time(small.engine.drain))
    name = small.engine.executions[-1].name
    assert lines(small, drained) == [
        "ceap-standard-dev: drained: no message waits, nothing runs",
        f"  1 execution failed meanwhile: {name}; `ceap redrive {CALL} --failed --dry-run` lists them",
    ]
    assert first.name not in drained.failed


def test_with_pause_messages_that_wait_stay_and_only_what_runs_is_waited_for(small: Operated) -> None:
    execution = run(small)
    execution.status = "RUNNING"
    sent = partial(small.engine.send, small.deployed.queue, MESSAGE)
    time = Time(sent, lambda: setattr(execution, "status", "SUCCEEDED"))
    drained = call(small, time, pause=True)
    assert lines(small, drained) == [
        "ceap-standard-dev: nothing runs; the pipe is stopped, 1 message waiting",
        f"  `ceap resume {CALL}` starts it",
    ]
    assert time.told[:2] == [
        "ceap-standard-dev: pausing the pipe ceap-standard-dev",
        "ceap-standard-dev: waiting for the end of 0 messages waiting and 0 in flight, 1 execution running",
    ]
    assert small.aws.client("pipes").describe_pipe(Name="ceap-standard-dev")["CurrentState"] == STOPPED
    restart = Time(lambda: small.aws.client("pipes").start_pipe(Name="ceap-standard-dev"))
    with pytest.raises(CommandError, match=r"^ceap-standard-dev: somebody has started the pipe "):
        call(small, restart, pause=True)
