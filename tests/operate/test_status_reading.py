"""Reading a workflow again and again: what has changed is seen, by few calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.many import fill
from ceap.operate.status_executions import Listing
from ceap.operate.status_facts import Facts, Fate
from ceap.operate.status_reading import StatusReader
from tests.operate.failing import run, small_workflow, travel
from tests.operated import Operated

HOUR_S = 3600


@pytest.fixture(scope="module")
def standard() -> Iterator[Operated]:
    with small_workflow() as found:
        yield found


@pytest.fixture
def reader(standard: Operated) -> StatusReader:
    """A reader of the last hour, in which there is nothing of other tests."""
    travel(12 * HOUR_S)
    return StatusReader(standard.aws, "standard", "dev", HOUR_S)


@contextmanager
def counted(operated: Operated) -> Iterator[Counter[str]]:
    """Count the calls of Step Functions by their names."""
    calls: Counter[str] = Counter()

    def note(model: object, **_: object) -> None:
        calls[model.name] += 1  # type: ignore[attr-defined]  # a model of botocore's

    events = operated.aws.client("stepfunctions").meta.events
    events.register("before-call.stepfunctions", note)
    yield calls
    events.unregister("before-call.stepfunctions", note)


def states(facts: Facts) -> dict[str, tuple[str, Fate]]:
    return {failure.execution: (failure.status, failure.fate) for failure in facts.failures}


def test_a_failure_is_seen_in_the_next_round_and_looked_at_once(standard: Operated, reader: StatusReader) -> None:
    first = run(standard, "SiftStage")
    assert states(reader.read()) == {first.name: ("FAILED", Fate.OPEN)}
    second = run(standard, "RateStage")
    with counted(standard) as calls:
        facts = reader.read()
    assert set(states(facts)) == {first.name, second.name}
    assert [failure.stage for failure in facts.failures] == ["RateStage", "SiftStage"]
    assert calls == {
        "ListExecutions": 2,
        "DescribeExecution": 1,
        "GetExecutionHistory": 1,
        "DescribeStateMachine": 1,
    }


def test_an_execution_that_was_redriven_is_no_failure_any_more(standard: Operated, reader: StatusReader) -> None:
    failed = run(standard, "SiftStage")
    reader.read()
    standard.engine.client("stepfunctions").redrive_execution(executionArn=failed.arn, clientToken="reading")
    standard.engine.drain()
    facts = reader.read()
    assert facts.failures == ()
    assert facts.executions is not None
    assert (facts.executions.succeeded, facts.executions.failed) == (1, 0)


def test_one_that_fails_again_is_looked_at_again(standard: Operated, reader: StatusReader) -> None:
    failed = run(standard, "SiftStage")
    [before] = reader.read().failures
    standard.engine.functions.inject("ceap-standard-dev-Rate", "PermanentStageError", 1)
    standard.engine.client("stepfunctions").redrive_execution(executionArn=failed.arn, clientToken="again")
    standard.engine.drain()
    [after] = reader.read().failures
    assert [(each.stage, each.redrives) for each in (before, after)] == [("SiftStage", 0), ("RateStage", 1)]


def test_what_began_and_ended_before_the_time_does_not_count(standard: Operated, reader: StatusReader) -> None:
    run(standard)
    travel(2 * HOUR_S)
    counts = reader.read().executions
    assert counts is not None
    assert counts.succeeded == 0


def test_an_old_execution_that_fails_again_after_a_redrive_is_seen_and_hides_no_other(
    standard: Operated, reader: StatusReader
) -> None:
    old = run(standard, "SiftStage")
    travel(24 * HOUR_S)
    newer = run(standard, "TakeStage")
    standard.engine.functions.inject("ceap-standard-dev-Rate", "PermanentStageError", 1)
    standard.engine.client("stepfunctions").redrive_execution(executionArn=old.arn, clientToken="old")
    standard.engine.drain()
    assert states(reader.read()) == {old.name: ("FAILED", Fate.OPEN), newer.name: ("FAILED", Fate.OPEN)}


def test_later_rounds_list_only_what_changed_last(standard: Operated) -> None:
    travel(12 * HOUR_S)
    executions, machine = standard.engine.executions, standard.workflow.machine
    before = list(executions)
    fill(standard.engine, standard.engine.machine(machine), 2500, 0)
    listing, since = Listing(standard.aws, machine), executions[-1].ended - HOUR_S
    pages = []
    for _ in range(3):
        with counted(standard) as calls:
            found = listing.read(since)
        pages.append(calls["ListExecutions"] - 1)  # one lists those that run
        assert len(found) == 2500
    executions[:] = before
    assert pages == [3, 1, 1]


def test_what_runs_counts_however_long_and_its_end_is_seen(standard: Operated) -> None:
    failed = run(standard, "SiftStage")
    failed.status = "RUNNING"
    listing = Listing(standard.aws, standard.workflow.machine)
    since = failed.started + 12 * HOUR_S
    [running] = listing.read(since)
    assert (running.name, running.status) == (failed.name, "RUNNING")
    failed.status, failed.ended = "ABORTED", since + 1
    [ended] = listing.read(since)
    assert (ended.name, ended.status) == (failed.name, "ABORTED")
