"""Which executions count, and what became of the messages of those that failed."""

from __future__ import annotations

from ceap.aws.executions import Execution, Status
from ceap.operate.status_executions import count, failures_in
from ceap.operate.status_facts import Counts, Fate


def execution(name: str, status: Status, started: float, *, redrives: int = 0) -> Execution:
    ended = None if status == "RUNNING" else started + 1
    return Execution(arn=f"arn:{name}", name=name, status=status, started=started, ended=ended, redrives=redrives)


def fates(*executions: Execution) -> dict[str, tuple[Fate, str | None]]:
    return {failure.execution: (failure.fate, failure.later) for failure in failures_in(executions)}


def test_executions_are_counted_by_state() -> None:
    states: list[Status] = ["RUNNING", "SUCCEEDED", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
    found = [execution(str(at), state, at) for at, state in enumerate(states)]
    assert count(found) == Counts(running=1, succeeded=2, failed=1, timed_out=1, aborted=1)


def test_what_did_not_succeed_failed_the_last_to_end_first() -> None:
    found = failures_in(
        [execution("b", "TIMED_OUT", 2), execution("c", "ABORTED", 3), execution("a", "FAILED", 1, redrives=2)]
    )
    assert [(each.execution, each.status, each.redrives) for each in found] == [
        ("c", "ABORTED", 0),
        ("b", "TIMED_OUT", 0),
        ("a", "FAILED", 2),
    ]


def test_a_replay_that_succeeded_settles_all_before_it() -> None:
    assert fates(
        execution("x", "FAILED", 1),
        execution("x-replay-1", "FAILED", 2),
        execution("x-replay-2", "SUCCEEDED", 3),
        execution("y", "FAILED", 1),
    ) == {
        "x": (Fate.SETTLED, "x-replay-2"),
        "x-replay-1": (Fate.SETTLED, "x-replay-2"),
        "y": (Fate.OPEN, None),
    }


def test_a_replay_that_failed_is_what_is_open_and_names_what_it_repeats() -> None:
    executions = [execution("x", "FAILED", 1), execution("x-replay-1", "FAILED", 2)]
    assert fates(*executions) == {"x": (Fate.REPEATED, "x-replay-1"), "x-replay-1": (Fate.OPEN, None)}
    assert {each.execution: each.replay_of for each in failures_in(executions)} == {"x": None, "x-replay-1": "x"}


def test_a_replay_that_runs_has_not_settled_anything_yet() -> None:
    assert fates(execution("x", "FAILED", 1), execution("x-replay-1", "RUNNING", 2)) == {
        "x": (Fate.REPEATED, "x-replay-1")
    }


def test_a_success_before_the_failure_settles_nothing() -> None:
    assert fates(execution("x-replay-1", "SUCCEEDED", 1), execution("x-replay-2", "FAILED", 2)) == {
        "x-replay-2": (Fate.OPEN, None)
    }


def test_a_replay_of_a_long_name_is_known_by_its_root() -> None:
    from ceap.operate.replay_names import replay_name, root_of

    name = "n" * 80
    replay = replay_name(root_of(name), 1)
    assert fates(execution(name, "FAILED", 1), execution(replay, "SUCCEEDED", 2)) == {name: (Fate.SETTLED, replay)}
