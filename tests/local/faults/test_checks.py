"""The checks of a load can fail: each notices the one thing that is wrong in an account that is otherwise right."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.local.faults.checks import check_counts, check_ends, check_events, check_items
from tests.local.faults.load import BRISK, HEAVY, POISON, STEADY, Line, Outcomes

Change = Callable[["Account"], object]


class Account:
    """What an engine holds after a run of a workflow in which nothing went wrong but the message that none can read."""

    def __init__(self, line: Line) -> None:
        self.found = Outcomes(set(), set(line.readable), {POISON - 1}, set())
        self.statuses = {f"arn:{number}": "SUCCEEDED" for number in line.readable}
        self.documents = {
            f"executions/{number}/{step.stage}/output.json": self._document(line, number)
            for number in line.readable
            for step in line.workflow.steps
        }
        self.tables = {"records": line.items(), "told": {key: {"key": key} for key in line.items()}}
        self.events: list[dict[str, Any]] = [{"eventId": key, "record": {"id": key}} for key in line.items()]

    @staticmethod
    def _document(line: Line, number: int) -> dict[str, Any]:
        records = line.records(number)[:2]
        counts = dict.fromkeys(["expanded", "rejected", "merged", "stale"], 0) | {"input": 2, "output": 2}
        return {"data": records, "metadata": {f"{way}RecordCount": count for way, count in counts.items()}}

    def outcomes(self, _: Line) -> Outcomes:
        return self.found

    def listed(self, line: Line) -> dict[str, str]:
        return {} if line.is_express else self.statuses

    def objects(self, *names: str) -> dict[str, bytes]:
        return {key: json.dumps(body).encode() for key, body in self.documents.items() if key.endswith(names)}

    def items(self, _: Line, table: str) -> dict[str, Any]:
        return self.tables[table]

    def details(self) -> list[dict[str, Any]]:
        return self.events

    def told(self, _: Line) -> Counter[str]:
        return Counter(event["eventId"] for event in self.events)


STACK: Any = None
STEADY_LINE, HEAVY_LINE, BRISK_LINE = (Line(workflow, STACK, POISON) for workflow in (STEADY, HEAVY, BRISK))


def wrong(line: Line, change: Change, *, complete: bool) -> list[str]:
    """Return what all checks say after a change."""
    account: Any = Account(line)
    account = copy.deepcopy(account)
    change(account)
    ended = {str(number): "SUCCEEDED" for number in line.readable}
    found = [*check_ends(account, line, ended), *check_counts(account)]
    return found + check_items(account, line, complete=complete) + check_events(account, line, complete=complete)


@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize("line", [STEADY_LINE, HEAVY_LINE, BRISK_LINE])
def test_nothing_is_wrong_after_a_run_without_faults(line: Line, *, complete: bool) -> None:
    assert wrong(line, lambda _: None, complete=complete) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda account: account.found.processed.discard(3), "steady: message 3 is lost"),
        (lambda account: account.found.dead.clear(), "steady: message 24 is lost"),
        (lambda account: account.found.waiting.add(4), "steady: message 4 still waits"),
        (lambda account: account.statuses.update({"arn:5": "RUNNING"}), "steady: execution 5 still runs"),
        (
            lambda account: account.documents.pop("executions/6/TellStage/output.json"),
            "steady: execution 6 succeeded without all outputs",
        ),
        (
            lambda account: account.documents["executions/7/KeepStage/output.json"]["data"].pop(),
            "executions/7/KeepStage/output.json: {'expanded': 0, 'rejected': 0, 'merged': 0, 'stale': 0, 'input': 2, "
            "'output': 2}",
        ),
        (lambda account: account.events.pop(0), "steady: steady-0 was never told"),
        (lambda account: account.tables["told"].pop("steady-1"), "steady: steady-1 was told and is not marked"),
        (
            lambda account: account.events.append({"eventId": "steady-2", "record": {"id": "other"}}),
            "steady-2 was told as {'id': 'steady-2'} and as {'id': 'other'}",
        ),
    ],
)
@pytest.mark.parametrize("complete", [False, True])
def test_each_wrong_end_is_noticed(change: Change, said: str, *, complete: bool) -> None:
    assert wrong(STEADY_LINE, change, complete=complete) == [said]


@pytest.mark.parametrize("key", ["steady-1", "steady-shared-1"])
@pytest.mark.parametrize(
    "change",
    [
        lambda items, key: items[key].update(version=0),
        lambda items, key: items[key].update(version=99),
        lambda items, key: items[key].update(data="{}"),
        lambda items, key: items[key].update(more=1),
    ],
)
@pytest.mark.parametrize("complete", [False, True])
def test_an_item_that_is_not_as_after_one_run_is_noticed(
    change: Callable[[Any, str], None], key: str, *, complete: bool
) -> None:
    [said] = wrong(STEADY_LINE, lambda account: change(account.tables["records"], key), complete=complete)
    assert f"item {key} is " in said


@pytest.mark.parametrize("complete", [False, True])
def test_a_missing_item_is_noticed(*, complete: bool) -> None:
    [said] = wrong(STEADY_LINE, lambda account: account.tables["records"].pop("steady-1"), complete=complete)
    assert said.startswith("steady: item steady-1 is ")


def test_an_execution_of_an_express_workflow_that_a_pipe_saw_succeed_has_all_outputs() -> None:
    gone = "executions/6/KeepStage/output.json"
    [said] = wrong(BRISK_LINE, lambda account: account.documents.pop(gone), complete=True)
    assert said == "brisk: execution 6 succeeded without all outputs"
