"""A stage's CPU per record and memory, against the same stage written with the standard json module, line by line."""

from __future__ import annotations

import json
import re
import statistics
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench.candidates.documents import write_document
from bench.figure import Figure, Seen, ratios
from bench.files import FOLDER_VARIABLE
from bench.measure import Cost, interleave, median_ratio, run
from bench.measure import versions as versions_of
from bench.stage import EXECUTION, OWN
from handlers.runtime.contract import output_key, rejected_key
from handlers.runtime.needs import SETTINGS_VARIABLE, table_variable

# One run of a million is long enough to be exact.
REPEATS: Final = {10_000: 7, 100_000: 3, 1_000_000: 1}
MOST: Final = 3_000_000
"""How many records only the memory is measured with."""
RATIO_GOALS: Final = {"filter": 0.34, "score": 0.45}
FIGURES: Final = tuple(
    figure
    for stage, goal in RATIO_GOALS.items()
    for figure in (
        Figure(f"{stage}: CPU per record of 1 M, of the same stage with json, line by line", goal),
        Figure(f"{stage}: peak memory at 3 M records, of that at 10 k", 1.2),
        Figure(f"{stage}: peak memory at 3 M records, above the start", 64, "MiB"),
    )
)

# Rules that a tenth of the records fails each.
_FILTERS: Final = [
    {"filter": "eligibility", "required_channels": ["email"]},
    {"filter": "business_rule", "min_order_value": 20, "max_days_since_event": 36_500},
]
STAGES: Final[Mapping[str, Mapping[str, str]]] = {
    "filter": {SETTINGS_VARIABLE: json.dumps({"filters": _FILTERS}), table_variable("program_config"): "programs"},
    "score": {table_variable("score_cache"): "score-cache"},
}


def versions() -> list[str]:
    return versions_of("msgspec")


def measure(folder: Path) -> Iterator[str | Seen]:
    """Yield the report."""
    documents = {count: write_document(folder / str(count), count) for count in (0, *REPEATS, MOST)}
    yield (
        "S3 replaced by files, DynamoDB by nothing; "
        "CPU per record is without the process's start, ratios are medians.\n"
    )
    yield (
        "| stage | records | CPU us per record | json, line by line | ratio | whole process "
        "| peak MiB above start | json |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    values: list[float] = []
    for stage in STAGES:
        _compare(stage, documents[min(REPEATS)])
        values += yield from _measure_stage(stage, documents)
    yield ""
    yield from map(Seen, FIGURES, values)


def _measure_stage(stage: str, documents: Mapping[int, Path]) -> Generator[str, None, list[float]]:
    """Yield the lines of a stage, and return the values of its figures."""
    peaks = []
    for count, repeats in REPEATS.items():
        costs = interleave(
            {
                f"{side} {size}": command
                for size in (0, count)
                for side, command in _commands(stage, documents[size]).items()
            },
            repeats,
            warm=repeats > 1,
        )
        ours, peers = (_per_record(costs[f"{side} {count}"], costs[f"{side} 0"], count) for side in ("ours", "peer"))
        ratio = statistics.median(ratios(ours, peers))
        whole = median_ratio(costs[f"ours {count}"], costs[f"peer {count}"])
        memory, peer_memory = (_peak(costs[f"{side} {count}"]) - _peak(costs[f"{side} 0"]) for side in ("ours", "peer"))
        peaks.append(_peak(costs[f"ours {count}"]))
        start = _peak(costs["ours 0"])
        yield (
            f"| {stage} | {count:,} | {statistics.median(ours):.2f} | {statistics.median(peers):.2f} "
            f"| {ratio:.2f} | {whole:.2f} | {memory:.0f} | {peer_memory:.0f} |"
        )
    most = run(_commands(stage, documents[MOST])["ours"]).peak_mib
    yield f"| {stage} | {MOST:,} | | | | | {most - start:.0f} | |"
    return [ratio, most / peaks[0], most - start]


def _commands(stage: str, document: Path) -> dict[str, list[str]]:
    """Return the commands of both sides, which run a stage on a document."""
    folder = document.parents[3]
    settings = {**STAGES[stage], FOLDER_VARIABLE: str(folder)}
    prefix = ["env", *(f"{name}={value}" for name, value in settings.items()), sys.executable]
    outputs = [str(folder / f"peer-{stage}.{kind}") for kind in ("json", "jsonl")]
    return {
        "ours": [*prefix, "-m", "bench.stage", stage],
        "peer": [*prefix, str(Path(__file__).with_name("peer.py")), stage, str(document), *outputs],
    }


def _compare(stage: str, document: Path) -> None:
    """Check that both sides write the same records.

    Raises:
        RuntimeError: They do not, so that comparing their speed means nothing.
    """
    folder = document.parents[3]
    pairs = [
        (folder / output_key(EXECUTION, OWN), folder / f"peer-{stage}.json"),
        (folder / rejected_key(EXECUTION, OWN), folder / f"peer-{stage}.jsonl"),
    ]
    for own, _ in pairs:
        own.parent.mkdir(exist_ok=True)
        own.write_bytes(b"")
    for command in _commands(stage, document).values():
        run(command)
    for pair in pairs:
        with ExitStack() as stack:
            files = [stack.enter_context(path.open(encoding="utf-8", newline="\n")) for path in pair]
            for number, lines in enumerate(zip(*files, strict=True)):
                ours, peers = map(_normalise, lines)
                if ours != peers:
                    raise RuntimeError(f"{stage}, line {number + 1}: the sides differ: {ours} and {peers}")


def _normalise(line: str) -> object:
    """Return what a line holds but for times of the run; of the header and the footer, that they are there."""
    if not line.startswith('{"c'):
        return line[:12]
    return json.loads(re.sub(r'"timestamp":"[^"]*"', '"timestamp":""', line.strip().removesuffix(",")))


def _per_record(costs: Sequence[Cost], starts: Sequence[Cost], count: int) -> list[float]:
    """Return the microseconds of CPU that each run took for a record, above those of starting."""
    return [1e6 * (cost.cpu_s - start.cpu_s) / count for cost, start in zip(costs, starts, strict=True)]


def _peak(costs: Sequence[Cost]) -> float:
    return max(cost.peak_mib for cost in costs)
