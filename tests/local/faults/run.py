"""One run of a load under faults: what was sent, what was met, and what became of it, as a row of a table."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import psutil

from ceap.local.engine import Engine
from ceap.local.fork_server import fast_launch
from templates.model import Workflow
from tests.local.faults.checks import check_counts, check_ends, check_events, check_items
from tests.local.faults.injector import RATES, Injector, Kind, Processes
from tests.local.faults.load import Account, Line

Counts = Sequence[tuple[Workflow, int]]


class Result(NamedTuple):
    """What a run shows; `wrong` is what must not be."""

    wrong: list[str]
    faults: Counter[Kind]
    receives: Counter[str]
    """How often a pipe received each message, by its id."""
    lines: dict[str, dict[str, int]]
    """Counts of each workflow, by their names."""
    seconds: float
    cpu_s: float
    memory_mb: list[int]
    """Of this process: before, when all is sent, when all is done, after the end."""


def run(counts: Counts, seed: int | None, planned: Sequence[tuple[str, Kind]] = ()) -> Result:
    """Send messages through the workflows, let them meet faults, recover what failed without any, and check both.

    Without a seed nothing is met.
    """
    started, memory = time.monotonic(), [_memory_mb()]
    me = psutil.Process()
    before = me.cpu_times()
    with fast_launch() as launch:
        processes = Processes(launch)
        with Engine.start(launch=processes) as engine:
            account = Account(engine, counts)
            injector = Injector(engine, processes, seed or 0, {} if seed is None else RATES)
            for operation, kind in planned:
                injector.plan(operation, kind)
            with injector.watching():
                account.send()
                memory.append(_memory_mb())
                with injector.active():
                    engine.drain()
                wrong = _check(account, injector, complete=False)
                lines = {line.name: _counts(account, injector, line) for line in account.lines}
                receives = Counter(injector.receives)
                account.recover()
                wrong += _check(account, injector, complete=True)
            memory.append(_memory_mb())
    after = me.cpu_times()
    memory.append(_memory_mb())
    return Result(
        wrong,
        injector.counts,
        receives,
        lines,
        time.monotonic() - started,
        sum(after[:4]) - sum(before[:4]),
        memory,
    )


def _check(account: Account, injector: Injector, *, complete: bool) -> list[str]:
    wrong = [*account.engine.problems(), *check_counts(account)]
    for line in account.lines:
        wrong += check_ends(account, line, injector.ended)
        wrong += check_items(account, line, complete=complete)
        wrong += check_events(account, line, complete=complete)
        if complete and account.outcomes(line).processed != line.readable:
            wrong.append(f"{line.name}: not all messages were processed in the end")
    return wrong


def _counts(account: Account, injector: Injector, line: Line) -> dict[str, int]:
    outcomes = account.outcomes(line)
    statuses = Counter(injector.ended.values() if line.is_express else account.listed(line).values())
    told = account.told(line)
    return {
        "messages": line.messages,
        "processed": len(outcomes.processed),
        "dead": len(outcomes.dead),
        "failed": len(outcomes.failed),
        "recovering": len(outcomes.recovering & line.readable),
        "executions": statuses.total(),
        "not succeeded": statuses.total() - statuses["SUCCEEDED"],
        "items": len(account.items(line, "records")),
        "events": told.total(),
        "doubled": told.total() - len(told),
        "failed job runs": account.failed_job_runs(line),
    }


def _memory_mb() -> int:
    return int(psutil.Process().memory_info().rss) >> 20
