"""How many records a stage takes within a minute and within Lambda's 15 minutes."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.candidates.documents import write_document
from bench.figure import Figure
from bench.files import FOLDER_VARIABLE
from bench.measure import Cost, interleave, serve
from bench.measure import versions as versions_of
from handlers.runtime.needs import EVENT_BUS_VARIABLE, table_variable

REPEATS: Final = 3
FIGURES: Final[tuple[Figure, ...]] = ()
TIMES_S: Final = (60, 900)
# What a stage is measured with, and what keeps it from more.
STAGES: Final = {
    "filter": (100_000, "CPU"),
    "score": (10_000, "CPU, and waiting for DynamoDB"),
    "store": (3_000, "CPU of one conditional write per record"),
    "reactive": (1_000, "CPU of the claims and events"),
}


def versions() -> list[str]:
    return versions_of("msgspec", "botocore")


def measure(folder: Path) -> Iterator[str]:
    """Yield the report."""
    documents = {count: write_document(folder / str(count), count) for count in {0, *(n for n, _ in STAGES.values())}}
    yield "| stage | wall us per record | CPU us per record | records in 60 s | in 900 s | what limits |"
    yield "|---|---|---|---|---|---|"
    with serve() as settings:
        tables = ["candidates", "event_deduplication", "program_config", "score_cache"]
        settings += ["AWS_LAMBDA_FUNCTION_NAME=bench", f"{EVENT_BUS_VARIABLE}=default"]
        settings += [f"{table_variable(name)}={name}" for name in tables]
        for stage, (count, limit) in STAGES.items():
            costs = interleave(
                {str(size): _command(stage, documents[size], settings) for size in (0, count)},
                REPEATS,
            )
            start, run = costs["0"], costs[str(count)]
            wall_s, cpu_s = ((_median(run, field) - _median(start, field)) / count for field in ("wall_s", "cpu_s"))
            fits = " | ".join(f"{_round((limit_s - _median(start, 'wall_s')) / wall_s):,}" for limit_s in TIMES_S)
            yield f"| {stage} | {1e6 * wall_s:.0f} | {1e6 * cpu_s:.0f} | {fits} | {limit} |"
    yield "\n(S3 replaced by files; DynamoDB and EventBridge by a server that answers after 5 ms)"


def _command(stage: str, document: Path, settings: list[str]) -> list[str]:
    folder = f"{FOLDER_VARIABLE}={document.parents[3]}"
    return ["env", *settings, folder, sys.executable, "-m", "bench.stage", stage]


def _median(costs: list[Cost], field: str) -> float:
    return float(statistics.median(getattr(cost, field) for cost in costs))


def _round(number: float) -> int:
    """Return a number with two digits that say something."""
    return int(float(f"{number:.1e}"))
