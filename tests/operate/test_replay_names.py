"""Names of replays: short enough, the same root for all replays of an execution, and none that a pipe could give."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceap.operate.replay_names import NAME_MAX, next_name, number_of, replay_name, root_of
from handlers.runtime.replay import is_replay

names = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=NAME_MAX)


@given(names, st.integers(1, 9999))
def test_the_name_of_a_replay_is_one_that_aws_takes_and_leads_to_the_same_root(name: str, number: int) -> None:
    replay = replay_name(root_of(name), number)
    assert len(replay) <= NAME_MAX
    assert is_replay(replay)
    assert (root_of(replay), number_of(replay)) == (root_of(name), number)


@given(names, names)
def test_two_executions_share_no_name_of_a_replay(name: str, other: str) -> None:
    same = name == other or is_replay(name) or is_replay(other)
    assert same or root_of(name) != root_of(other)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a", "a-replay-1"),
        ("a-replay-1", "a-replay-2"),
        ("a-replay-9", "a-replay-10"),
        ("-replay-1", "-replay-1-replay-1"),
    ],
)
def test_a_replay_of_a_replay_counts_on(name: str, expected: str) -> None:
    assert next_name(name, []) == expected
