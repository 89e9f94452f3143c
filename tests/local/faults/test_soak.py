"""The soak: how messages are shared out, and with what it ends."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.local.faults import soak
from tests.local.faults.injector import Kind
from tests.local.faults.run import Result

LINE = {"messages": 4, **dict.fromkeys(soak.COLUMNS, 1)}


def result(*wrong: str) -> Result:
    return Result([*wrong], Counter({Kind.KILLED: 2}), Counter(a=2, b=1), {"brisk": LINE}, 1.0, 2.0, [1, 2, 3, 4])


def test_all_messages_are_shared_out_and_some_run_a_job() -> None:
    for messages in (3, 200, 501, 2000):
        counts = {workflow.name: count for workflow, count in soak.share_out(messages)}
        assert sum(counts.values()) == messages
        assert counts.keys() == {"brisk", "steady", "heavy"}
        assert abs(counts["brisk"] - counts["steady"]) <= 1
        assert counts["heavy"] >= 1


def test_the_tables_have_each_seed_and_a_run_without_faults(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(soak, "run", lambda *_: result())
    assert soak.main(8, [7, 9], 0) == 0
    printed = capsys.readouterr().out
    rows = [line for line in printed.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows if "brisk" in row] == ["| none", "| 7", "| 9"]
    assert "| 7 | 0 | 0 | 0 | 0 | 2 | 0 | 0 | 0 | 0 | 3 | 1 | 2 | 1, 2, 3, 4 |" in rows
    assert printed.endswith("\nNothing was wrong, and nothing was left.\n")


def test_what_is_wrong_with_a_seed_is_told_and_ends_the_soak_with_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(soak, "run", lambda _, seed: result(*(["brisk: message 3 is lost"] if seed == 9 else [])))
    assert soak.main(8, [7, 9], 0) == 1
    assert capsys.readouterr().out.endswith("\nseed 9: brisk: message 3 is lost\n")


FLAT = [(1000, 42, 285, 285, 1, 7), (2000, 42, 293, 292, 1, 7), (3000, 42, 298, 298, 1, 7), (4000, 41, 307, 306, 1, 6)]


def test_memory_that_stays_is_not_wrong() -> None:
    assert list(soak.grown(FLAT)) == []
    assert list(soak.grown([(1000, 99, 999, 999, 9, 99), FLAT[1]])) == []


@pytest.mark.parametrize(
    ("grown", "told"),
    [
        ((4000, 45, 298, 298, 1, 7), "function, MB: 42 after 2,000 messages, 45 after 4,000"),
        ((4000, 42, 308, 298, 1, 7), "engine with its account, MB: 293 after 2,000 messages, 308 after 4,000"),
        ((4000, 42, 298, 307, 1, 7), "engine closed, MB: 292 after 2,000 messages, 307 after 4,000"),
        ((4000, 42, 298, 298, 2, 7), "threads: 1 after 2,000 messages, 2 after 4,000"),
        ((4000, 42, 298, 298, 1, 8), "files: 7 after 2,000 messages, 8 after 4,000"),
    ],
)
def test_what_grows_from_message_to_message_ends_the_soak_with_code_1(
    grown: soak.Round, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(soak, "run", lambda *_: result())
    monkeypatch.setattr(soak, "measure_memory", lambda _: iter([*FLAT[:3], grown]))
    assert soak.main(8, [7], 4000) == 1
    assert capsys.readouterr().out.endswith(f"\n{told}\n")
