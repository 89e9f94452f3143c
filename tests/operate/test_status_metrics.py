"""What metrics tell of EXPRESS executions, and where in the log their failures are looked for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ceap.operate.status_express import _unrepeated, _windows, unexplained
from ceap.operate.status_facts import Counts, Fate
from ceap.operate.status_metrics import counts_in, outcome_period_s, unsuccessful_in
from tests.operate.status import NOW, failure

DAY_S = 86_400


def test_what_has_started_and_not_ended_runs() -> None:
    outcomes = {
        "Started": {0.0: 5.0, 60.0: 2.0},
        "Succeeded": {60.0: 3.0},
        "Failed": {0.0: 1.0, 60.0: 0.0},
        "TimedOut": {},
        "Aborted": {60.0: 1.0},
    }
    assert counts_in(outcomes) == Counts(running=2, succeeded=3, failed=1, timed_out=0, aborted=1)
    assert unsuccessful_in(outcomes) == {0.0: 1, 60.0: 1}


def test_no_less_than_none_runs_where_some_started_before_the_time() -> None:
    outcomes = {"Started": {}, "Succeeded": {0.0: 3.0}, "Failed": {}, "TimedOut": {}, "Aborted": {}}
    assert counts_in(outcomes).running == 0


@pytest.mark.parametrize(
    ("reach_s", "period_s"), [(60, 60), (DAY_S, 60), (DAY_S + 1, 300), (15 * DAY_S, 300), (16 * DAY_S, 3600)]
)
def test_the_periods_are_those_that_cloudwatch_still_has(reach_s: float, period_s: int) -> None:
    assert outcome_period_s(reach_s) == period_s


def test_the_log_is_read_around_the_periods_with_failures_the_newest_first() -> None:
    assert _windows([0.0, 600.0, 10_000.0], 60) == [(9_940.0, 10_120.0), (-60.0, 720.0)]


def test_of_a_long_time_of_failures_the_newest_windows_are_read() -> None:
    found = _windows([number * 2000.0 for number in range(50)], 60)
    assert (len(found), found[0]) == (20, (97_940.0, 98_120.0))


@pytest.mark.parametrize(
    ("received", "receives_max", "ago_s", "fate"),
    [
        ("2", 3, 60, Fate.RETURNING),
        ("3", 3, 60, Fate.DEAD),
        ("3", 5, 60, Fate.RETURNING),
        ("3", None, 60, Fate.RETURNING),
        ("", 3, 60, Fate.RETURNING),
        ("2", 3, 301, Fate.UNKNOWN),
    ],
)
def test_a_message_comes_back_until_its_queue_gives_it_up(
    received: str, receives_max: int | None, ago_s: float, fate: Fate
) -> None:
    workflow: Any = SimpleNamespace(receives_max=receives_max, visibility_timeout_s=100)
    message = {"attributes": {"ApproximateReceiveCount": received}}
    assert _unrepeated(message, failure("e1", ago_s), NOW, workflow) is fate


def test_failures_of_which_the_log_does_not_tell_what_became_of_them_are_unexplained() -> None:
    counts = {NOW - 600: 2, NOW - 120: 3}
    told = [failure("e1", 100, fate=Fate.RETURNING), failure("e2", 110, fate=Fate.UNKNOWN), failure("e3", 590)]
    assert unexplained(counts, told, NOW - 300) == 2
    assert unexplained(counts, told, NOW - 900) == 3
    assert unexplained({}, told, NOW - 300) == 0
