"""`ceap run` of one message, everything included."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.measure import CEAP, interleave
from ceap import project

REPEATS: Final = 5
GOAL_S: Final = 10.0


def measure(_folder: Path) -> Iterator[str]:
    """Yield the lines of the report."""
    *_, path = project.declarations()  # the sample's is the realtime workflow
    declaration, [workflow] = os.path.relpath(path), project.load_workflows([path])
    commands = {
        "one message": [CEAP, "run", declaration],
        "ten messages": [CEAP, "run", declaration, "--count", "10"],
        "one message, a stage retried": [CEAP, "run", declaration, "--fail", f"{workflow.steps[-1].stage}:1"],
    }
    costs = interleave(commands, REPEATS)
    yield f"| ceap run {declaration} | wall s, median | CPU s, median |"
    yield "|---|---|---|"
    for name, runs in costs.items():
        wall, cpu = (statistics.median(getattr(cost, field) for cost in runs) for field in ("wall_s", "cpu_s"))
        yield f"| {name} | {wall:.1f} | {cpu:.1f} |"
    yield f"\n(goal: one message under {GOAL_S:.0f} s)"
