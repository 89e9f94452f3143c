"""`ceap check` of all generated templates against cfn-lint's own command on them."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.measure import CEAP, interleave, median_ratio
from ceap import project

REPEATS: Final = 7
RATIO_GOAL: Final = 1.3
ALONE_GOAL_S: Final = 1.0
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


def measure(_folder: Path) -> Iterator[str]:
    """Yield the lines of the report."""
    templates = sorted(map(str, project.GENERATED.glob("*.yaml")))
    commands = {
        "cfn-lint": [str(Path(CEAP).with_name("cfn-lint")), *templates],
        "ceap check": [CEAP, "check"],
        "ceap check, cfn-lint left out": [sys.executable, "-c", _ALONE],
    }
    costs = interleave(commands, REPEATS)
    yield f"| {len(templates)} templates | wall s, median | CPU s, median |"
    yield "|---|---|---|"
    for name, runs in costs.items():
        wall, cpu = (statistics.median(getattr(cost, field) for cost in runs) for field in ("wall_s", "cpu_s"))
        yield f"| {name} | {wall:.2f} | {cpu:.2f} |"
    wall, cpu = (median_ratio(costs["ceap check"], costs["cfn-lint"], field) for field in ("wall_s", "cpu_s"))
    yield f"\nratio {wall:.2f} in wall clock, {cpu:.2f} in CPU (goal: at most {RATIO_GOAL} in wall clock)"
    yield f"(goal: at most {ALONE_GOAL_S} s of wall clock without cfn-lint)"
