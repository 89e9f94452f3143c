"""Warm messages through the local engine, against the work of their handlers alone."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.declarations import declaration
from bench.figure import Figure, Seen, ratios
from bench.files import FOLDER_VARIABLE
from bench.measure import told
from bench.measure import versions as versions_of

REPEATS: Final = 5
WARM: Final = 20
COUNT: Final = 60
FIGURES: Final = (
    Figure("CPU per warm message, of that of its handlers called in one process", 3),
    Figure("warm messages a second", unit="/s"),
)
SIDES: Final = {"ceap's engine and its workers": "bench.messages", "the handlers alone": "bench.candidates.alone"}


def versions() -> list[str]:
    return versions_of("moto")


def measure(folder: Path) -> Iterator[str | Seen]:
    """Yield the report."""
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(REPEATS):
        for side, module in SIDES.items():
            command = ["env", f"{FOLDER_VARIABLE}={folder}", sys.executable, "-m", module]
            runs[side].append(told([*command, str(declaration()), str(WARM), str(COUNT)]))
    yield f"| {COUNT} messages of {declaration().stem} after {WARM} | CPU ms a message | wall ms | of it in workers |"
    yield "|---|---|---|---|"
    for side, found in runs.items():
        cpu, wall, workers = (
            1000 * statistics.median(run[name] for run in found) / COUNT for name in ("cpu_s", "wall_s", "workers_s")
        )
        yield f"| {side} | {cpu:.1f} | {wall:.1f} | {workers:.1f} |"
    yield ""
    engine, alone = ([run["cpu_s"] for run in found] for found in runs.values())
    seconds = statistics.median(run["wall_s"] for run in next(iter(runs.values())))
    yield from map(Seen, FIGURES, (statistics.median(ratios(engine, alone)), COUNT / seconds))
