"""`make soak`: many messages under seeded faults, and many without, as tables; ends with code 1 if anything is wrong.

MESSAGES (default 2000) are shared out among SEEDS (default 1 2 3 4), after a run of as many without faults; then WARM
messages (default 10000) go through a warm workflow, in accounts of a thousand each, while memory is measured.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

import tests.conftest  # noqa: F401  # what a workflow names is among the handlers
from ceap.local.engine import Engine
from ceap.local.fork_server import fast_launch
from templates.model import LambdaStep, Workflow, WorkflowType
from tests.local.faults.injector import Kind
from tests.local.faults.leftovers import left_since, look, own_temporary_files
from tests.local.faults.load import BRISK, HEAVY, STEADY, Account
from tests.local.faults.run import Counts, Result, run

WARM = Workflow(
    name="warm", type=WorkflowType.EXPRESS, steps=(LambdaStep(stage="KeepStage", handler="keep", timeout_s=60),)
)
ROUND = 1000
HEAVY_SHARE = 0.02
MEMORY_COLUMNS = ("messages", "function, MB", "engine with its account, MB", "engine closed, MB", "threads", "files")
GROWTH_MAX = 1.05
"""How much more memory a later round may take than the second: 2 KB left by each of 10,000 messages are more."""
COLUMNS = ("processed", "dead", "failed", "executions", "not succeeded", "items", "events", "doubled")


Round = tuple[int, ...]
"""What there is after so many messages: a value for each of `MEMORY_COLUMNS`."""


def main(messages: int, seeds: Sequence[int], warm: int) -> int:
    """Print the tables while they come to be; return 1 if something was wrong or left."""
    wrong: list[str] = []
    each = messages // len(seeds)
    counts = share_out(each)
    print(f"| seed | workflow | messages | {' | '.join(COLUMNS)} |\n{'|---' * (3 + len(COLUMNS))}|", flush=True)
    results: dict[str, Result] = {}
    for name, seed in [("none", None), *((str(seed), seed) for seed in seeds)]:
        with tempfile.TemporaryDirectory() as folder, own_temporary_files(Path(folder)):
            before = look()
            results[name] = run(counts, seed)
            wrong += [f"seed {name}: {problem}" for problem in (*results[name].wrong, *left_since(before))]
        for line, found in results[name].lines.items():
            cells = [f"{found[column]:,}" for column in COLUMNS]
            print(f"| {name} | {line} | {found['messages']:,} | {' | '.join(cells)} |", flush=True)
    print("\n".join(["", *faults_table(results), ""]), flush=True)
    print(f"| {' | '.join(MEMORY_COLUMNS)} |\n{'|---' * len(MEMORY_COLUMNS)}|", flush=True)
    rounds: list[Round] = []
    for each_round in measure_memory(warm):
        rounds.append(each_round)
        print(f"| {' | '.join(f'{value:,}' for value in each_round)} |", flush=True)
    wrong += grown(rounds)
    print("\n".join(["", *wrong]) if wrong else "\nNothing was wrong, and nothing was left.", flush=True)
    return 1 if wrong else 0


def share_out(messages: int) -> Counts:
    """Return how many messages each workflow gets: some run a Glue job, of the rest half are of either type."""
    heavy = max(1, int(messages * HEAVY_SHARE))
    brisk = (messages - heavy) // 2
    return ((BRISK, brisk), (STEADY, messages - heavy - brisk), (HEAVY, heavy))


def faults_table(results: dict[str, Result]) -> Iterator[str]:
    """Yield a row for each seed: its faults by kind, what pipes received, time and memory."""
    kinds = list(Kind)
    yield f"| seed | {' | '.join(kinds)} | receives | again | CPU s | MB before, sent, done, after |"
    yield "|---" * (len(kinds) + 5) + "|"
    for name, result in results.items():
        receives = result.receives.total()
        cells = [*(f"{result.faults[kind]:,}" for kind in kinds), f"{receives:,}"]
        cells += [f"{receives - len(result.receives):,}", f"{result.cpu_s:.0f}", ", ".join(map(str, result.memory_mb))]
        yield f"| {name} | {' | '.join(cells)} |"


def measure_memory(messages: int) -> Iterator[Round]:
    """Yield what each thousand of messages leaves."""
    me = psutil.Process()
    with fast_launch() as launch:
        for done in range(0, messages, ROUND):
            with Engine.start(launch=launch) as engine:
                line = Account(engine, [(WARM, ROUND)]).lines[0]
                for number in range(done, done + ROUND):
                    record = {"id": f"r{number % 100}", "version": number}
                    engine.send(line.queue, json.dumps({"source": {"kind": "inline", "records": [record]}}))
                engine.drain()
                [function] = [psutil.Process(pid).memory_info().rss >> 20 for pid in engine.functions.pids()]
                full = me.memory_info().rss >> 20
            gc.collect()
            closed = me.memory_info().rss >> 20
            yield done + ROUND, function, full, closed, me.num_threads(), me.num_fds()


def grown(rounds: Sequence[Round]) -> Iterator[str]:
    """Yield what a later round has more of than the second; the first still loads what it needs."""
    for messages, *later in rounds[2:]:
        for what, before, after in zip(MEMORY_COLUMNS[1:], rounds[1][1:], later, strict=True):
            if after > before * (GROWTH_MAX if what.endswith("MB") else 1):
                yield f"{what}: {before:,} after {rounds[1][0]:,} messages, {after:,} after {messages:,}"


if __name__ == "__main__":
    SEEDS = [int(seed) for seed in os.environ.get("SEEDS", "1 2 3 4").split()]
    sys.exit(main(int(os.environ.get("MESSAGES", "2000")), SEEDS, int(os.environ.get("WARM", "10000"))))
