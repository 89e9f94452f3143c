"""Two hundred messages through both types of workflow, some with a Glue job, while anything may fail at any time."""

from __future__ import annotations

from pathlib import Path

from templates.model import Retries
from tests.local.faults.injector import Kind
from tests.local.faults.leftovers import left_since, look, own_temporary_files
from tests.local.faults.load import BRISK, HEAVY, STEADY
from tests.local.faults.run import run

COUNTS = ((BRISK, 100), (STEADY, 95), (HEAVY, 5))
MET = (
    ("PutEvents", Kind.STALLED),
    ("UpdateItem", Kind.KILLED),
    *[("UpdateItem", Kind.JUMPED)] * 4,
    ("StartSyncExecution", Kind.LOST),
)
"""What the first calls of these operations meet: it is rare, and a jump may end what has to be recovered."""


def test_no_message_is_lost_and_none_has_more_than_one_effect_whatever_fails(tmp_path: Path) -> None:
    with own_temporary_files(tmp_path):
        before = look()
        result = run(COUNTS, seed=1, planned=MET)
        left = left_since(before)
    assert result.wrong == []
    assert left == []
    assert set(result.faults) == set(Kind)
    assert len(result.receives) == 200
    assert result.receives.total() > 200
    assert {name: counts["messages"] for name, counts in result.lines.items()} == {
        "brisk": 100,
        "steady": 95,
        "heavy": 5,
    }
    # Four of BRISK and three of STEADY no stage can read.
    assert result.lines["brisk"]["dead"] >= 4
    assert result.lines["steady"]["failed"] >= 3
    assert sum(counts["not succeeded"] for counts in result.lines.values()) > 15
    assert sum(counts["recovering"] for counts in result.lines.values()) > 0


def test_an_execution_that_failed_at_its_first_stage_is_redriven_from_there() -> None:
    result = run([(STEADY, 1)], seed=None, planned=[("UpdateItem", Kind.KILLED)] * 3)
    assert result.wrong == []
    assert (result.faults, result.lines["steady"]["failed"]) == ({Kind.KILLED: 3}, 1)
    assert result.lines["steady"]["recovering"] == 1


def test_an_execution_whose_job_was_killed_whenever_it_ran_is_redriven() -> None:
    runs = 1 + Retries().glue.max_attempts
    result = run([(HEAVY, 1)], seed=None, planned=[("job s3 PUT", Kind.KILLED)] * runs)
    assert result.wrong == []
    assert (result.faults, result.lines["heavy"]["failed job runs"]) == ({Kind.KILLED: runs}, runs)
    assert result.lines["heavy"]["failed"] == result.lines["heavy"]["recovering"] == 1
