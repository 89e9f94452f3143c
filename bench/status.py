"""`ceap status` of a workflow that has run often, on the engine as AWS."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.declarations import declaration
from bench.figure import Figure, Seen
from bench.measure import CEAP, Cost, interleave, median_ratio
from bench.measure import versions as versions_of

REPEATS: Final = 5
FIGURES: Final = (Figure("CPU for 10,000 executions, of that for 100", 2),)
FAILED: Final = 300
SIZES: Final = (100, 10_000)


def versions() -> list[str]:
    return versions_of("boto3")


def measure(_folder: Path) -> Iterator[str | Seen]:
    """Yield the report."""
    path = os.path.relpath(declaration())
    costs: list[list[Cost]] = []
    yield "| executions | failed, of 3 kinds | wall s, median | CPU s, median |"
    yield "|---|---|---|---|"
    for size in SIZES:
        failed = min(FAILED, size)
        with _served(path, size, failed) as variables:
            # It ends with 1, since executions have failed.
            call = f"'{CEAP}' status --env local {path} || [ $? = 1 ]"
            command = ["env", *(f"{name}={value}" for name, value in variables.items()), "sh", "-c", call]
            [runs] = interleave({"status": command}, REPEATS).values()
        costs.append(runs)
        wall, cpu = (statistics.median(getattr(cost, field) for cost in runs) for field in ("wall_s", "cpu_s"))
        yield f"| {size:,} | {failed} | {wall:.2f} | {cpu:.2f} |"
    yield ""
    few, many = costs
    [figure] = FIGURES
    yield Seen(figure, median_ratio(many, few))


@contextmanager
def _served(path: str, number: int, failed: int) -> Iterator[Mapping[str, str]]:
    """Run bench/status_server.py in a process of its own; give the variables with which it is AWS."""
    command = [sys.executable, "-m", "bench.status_server", path, str(number), str(failed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own command
        try:
            yield json.loads(server.stdout.readline() if server.stdout else "{}")
        finally:
            server.terminate()
