"""`ceap check` of all generated templates against cfn-lint's own command on them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.figure import Figure, Seen
from bench.measure import CEAP, interleave, median_ratio, table
from bench.measure import versions as versions_of
from ceap import project

REPEATS: Final = 7
FIGURES: Final = (
    Figure("wall clock for the generated templates, of one cfn-lint process", 1.1),
    Figure("the same with cfn-lint left out, of one cfn-lint process", 0.2),
)
CFN_LINT: Final = str(Path(CEAP).with_name("cfn-lint"))
_ALONE: Final = """
from ceap import project
from ceap.policy.freshness import check_generated
from ceap.cfn.template import load_template
from ceap.policy.verdict import judge, load_all_rules
generated = list(project.build_generated())
templates = [load_template(path) for path, _ in generated if path.suffix == ".yaml"]
findings = check_generated(generated, project.GENERATED)
assert not findings and not any(each.findings for each in judge(templates, load_all_rules(), lint=False))
"""


def versions() -> list[str]:
    return versions_of("cfn-lint")


def measure(_folder: Path) -> Iterator[str | Seen]:
    """Yield the report."""
    templates = sorted(map(str, project.GENERATED.glob("*.yaml")))
    commands = {
        "cfn-lint": [CFN_LINT, *templates],
        "ceap check": [CEAP, "check", "--no-cache"],
        "ceap check, cfn-lint left out": [sys.executable, "-c", _ALONE],
    }
    costs = interleave(commands, REPEATS)
    yield from table(f"{len(templates)} templates", costs)
    lint, *ours = costs.values()
    for figure, runs in zip(FIGURES, ours, strict=True):
        yield Seen(figure, median_ratio(runs, lint, "wall_s"))
