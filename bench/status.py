"""`ceap status` of a workflow that has run often, on the engine as AWS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from bench.declarations import declaration
from bench.figure import Figure, Seen
from bench.measure import CEAP, interleave, median_ratio, table
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
    with ExitStack() as served:
        commands = {}
        for size in SIZES:
            variables = served.enter_context(_served(path, size, min(FAILED, size)))
            # It ends with 1, since executions have failed.
            call = f"'{CEAP}' status --env local {path} || [ $? = 1 ]"
            settings = [f"{name}={value}" for name, value in variables.items()]
            commands[f"{size:,}"] = ["env", *settings, "sh", "-c", call]
        costs = interleave(commands, REPEATS)
    yield from table(f"ceap status: executions, up to {FAILED} of them failed", costs)
    few, many = costs.values()
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
