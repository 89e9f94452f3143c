"""Each kind of fault, met once: what AWS promises for it is what becomes of the message."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from ceap.local.engine import Engine
from ceap.local.executions import Execution
from ceap.local.fork_server import fast_launch
from tests.local.faults.injector import Injector, Kind, Processes, jump
from tests.local.faults.load import BRISK, STEADY, Account, Line
from tests.local.support import statuses


class Bench(NamedTuple):
    """Both types of workflow without messages, and faults only as planned."""

    account: Account
    injector: Injector

    def run(self, line: Line, number: int, operation: str, *kinds: Kind) -> list[Execution]:
        """Send a message, let its calls of an operation meet faults, and return its executions."""
        engine = self.account.engine
        known = len(engine.executions)
        self.injector.plan(operation, *kinds)
        engine.send(line.queue, line.body(number))
        with self.injector.active():
            engine.drain()
        return engine.executions[known:]

    @property
    def brisk(self) -> Line:
        return self.account.lines[0]

    @property
    def steady(self) -> Line:
        return self.account.lines[1]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with fast_launch() as launch:
        processes = Processes(launch)
        with Engine.start(launch=processes) as engine:
            account = Account(engine, [(BRISK, 1), (STEADY, 1)])
            injector = Injector(engine, processes, seed=0, rates={})
            with injector.watching():
                yield Bench(account, injector)


def outcome(bench: Bench, line: Line, number: int) -> tuple[bool, bool, int]:
    """Return whether a message was processed, whether it still waits, and how often its own event was taken."""
    found = bench.account.outcomes(line)
    told = bench.account.told(line)[f"{line.name}-{number}"]
    return number in found.processed, number in found.waiting, told


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (Kind.THROTTLED, "Lambda.TooManyRequestsException"),
        (Kind.FAILED, "Lambda.ServiceException"),
        (Kind.LOST, "Lambda.SdkClientException"),
    ],
)
def test_an_invocation_that_fails_or_gets_no_answer_fails_the_task_which_is_tried_again(
    bench: Bench, kind: Kind, error: str
) -> None:
    number = [*Kind].index(kind)
    [execution] = bench.run(bench.brisk, number, "lambda POST", kind)
    assert execution.status == "SUCCEEDED"
    assert [attempt.error for attempt in execution.attempts_of("KeepStage")] == [error, None]
    assert [wait.seconds for wait in execution.waits] == [20.0]
    assert outcome(bench, bench.brisk, number) == (True, False, 1)


def test_a_killed_function_fails_its_task_which_is_tried_again_in_a_new_process(bench: Bench) -> None:
    [execution] = bench.run(bench.brisk, 10, "UpdateItem", Kind.KILLED)
    assert [attempt.error for attempt in execution.attempts_of("KeepStage")] == ["Runtime.ExitError", None]
    assert outcome(bench, bench.brisk, 10) == (True, False, 1)


def test_a_deletion_without_an_answer_is_done_and_the_pipe_goes_on(bench: Bench) -> None:
    assert len(bench.run(bench.brisk, 12, "DeleteMessageBatch", Kind.LOST)) == 1
    log = bench.account.engine.logs.read("/aws/vendedlogs/pipes/ceap-brisk-dev")
    assert sum("SourceDeleteFailed" in line for line in log) == 1
    assert outcome(bench, bench.brisk, 12) == (True, False, 1)
    assert len(bench.run(bench.brisk, 13, "none")) == 1


def test_a_message_whose_deletion_had_no_effect_is_delivered_again_and_told_once(bench: Bench) -> None:
    for line in (bench.brisk, bench.steady):
        executions = bench.run(line, 14, "DeleteMessageBatch", Kind.UNDELETED)
        assert [execution.status for execution in executions] == ["SUCCEEDED", "SUCCEEDED"]
        assert outcome(bench, line, 14) == (True, False, 1)


def test_a_message_that_is_visible_at_once_is_received_twice_at_the_same_time(bench: Bench) -> None:
    first, second = bench.run(bench.brisk, 15, "ReceiveMessage", Kind.EARLY)
    assert second.started < first.ended
    assert [first.status, second.status] == ["SUCCEEDED", "SUCCEEDED"]
    processed, waiting, told = outcome(bench, bench.brisk, 15)
    assert (processed, waiting, told >= 1) == (True, False, True)


def test_a_start_without_an_answer_starts_the_execution_and_the_message_comes_again(bench: Bench) -> None:
    executions = bench.run(bench.steady, 16, "StartExecution", Kind.LOST)
    assert [execution.status for execution in executions] == ["SUCCEEDED", "SUCCEEDED"]
    assert outcome(bench, bench.steady, 16) == (True, False, 1)


def test_events_that_the_bus_refused_in_part_are_told_once(bench: Bench) -> None:
    [execution] = bench.run(bench.brisk, 17, "PutEvents", Kind.PARTIAL, Kind.PARTIAL)
    assert statuses(execution, "TellStage") == ["SUCCEEDED"]
    assert outcome(bench, bench.brisk, 17) == (True, False, 1)


def test_an_express_execution_that_times_out_returns_its_message(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.local.faults.injector.JUMPS_S", (400.0,))
    first, second = bench.run(bench.brisk, 18, "UpdateItem", Kind.JUMPED)
    assert [first.status, second.status] == ["TIMED_OUT", "SUCCEEDED"]
    assert outcome(bench, bench.brisk, 18) == (True, False, 1)


def test_a_clock_that_goes_back_a_little_changes_nothing(bench: Bench) -> None:
    jump(-2.0)
    [execution] = bench.run(bench.steady, 19, "none")
    assert execution.status == "SUCCEEDED"
    assert outcome(bench, bench.steady, 19) == (True, False, 1)


def test_no_thread_of_an_execution_is_kept(bench: Bench) -> None:
    before = ended_threads()
    bench.run(bench.brisk, 20, "none")
    bench.run(bench.steady, 20, "none")
    assert ended_threads() <= before


def ended_threads() -> int:
    """Return how many threads are in memory that have ended."""
    gc.collect()
    threads = [each for each in gc.get_objects() if isinstance(each, threading.Thread)]
    return sum(each.ident is not None and not each.is_alive() for each in threads)


def test_the_driver_meets_nothing(bench: Bench) -> None:
    bench.injector.plan("ListTables", Kind.FAILED)
    with bench.injector.active():
        assert bench.account.engine.client("dynamodb").list_tables()["TableNames"]
