"""`ceap check` of a hundred templates, against cfn-lint's own command on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.check import CFN_LINT
from bench.declarations import write_pairs
from bench.figure import Figure, Seen
from bench.measure import CEAP, interleave, median_ratio, run, table
from bench.measure import versions as versions_of

PAIRS: Final = 50
REPEATS: Final = 2  # each is a minute or two
FIGURES: Final = (
    Figure("wall clock for 100 templates, of one cfn-lint process", 0.6),
    Figure("the same again, when nothing has changed", 0.05),
)


def versions() -> list[str]:
    return versions_of("cfn-lint")


def measure(folder: Path) -> Iterator[str | Seen]:
    """Yield the report."""
    out = folder / "out"
    run([CEAP, "synth", *map(str, write_pairs(folder / "declarations", PAIRS)), "--out", str(out)])
    templates = [str(path) for path in out.glob("w*.yaml")]
    commands = {
        "cfn-lint": [CFN_LINT, *templates],
        "ceap check, without its cache": [CEAP, "check", *templates, "--no-cache"],
        "ceap check, nothing changed": [CEAP, "check", *templates],
    }
    run(commands["ceap check, nothing changed"])
    costs = interleave(commands, REPEATS, warm=False)
    yield from table(f"{len(templates)} templates", costs)
    lint, *ours = costs.values()
    for figure, runs in zip(FIGURES, ours, strict=True):
        yield Seen(figure, median_ratio(runs, lint, "wall_s"))
