"""`ceap synth` against `json.dumps` of the same content as a raw dict, and its growth with the number of workflows."""

from __future__ import annotations

import pprint
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.measure import CEAP, interleave, median_cpu_s, median_ratio
from ceap import project
from templates.stacks import foundation_stack, workflow_stack

REPEATS: Final = 15
SIZES: Final = (1, 10, 100, 1000)
RATIO_GOAL: Final = 4.0
FURTHER_GOAL_MS: Final = 8.0


def measure(folder: Path) -> Iterator[str]:
    """Yield the lines of the report; `folder` is for files of the measurement."""
    *_, declaration = project.declarations()  # the sample's is the realtime workflow
    raw = _write_raw(folder, declaration)
    out = str(folder / "out")
    costs = interleave(
        {"ceap": [CEAP, "synth", str(declaration), "--out", out], "raw": [sys.executable, str(raw)]}, REPEATS
    )
    yield "| foundation + one workflow, whole process | CPU ms, median | peak MiB |"
    yield "|---|---|---|"
    for name, title in (("raw", "raw dict + json.dumps"), ("ceap", "ceap synth")):
        yield f"| {title} | {1000 * median_cpu_s(costs[name]):.0f} | {costs[name][0].peak_mib:.0f} |"
    ratio = median_ratio(costs["ceap"], costs["raw"])
    yield f"\nratio {ratio:.2f} (goal at most {RATIO_GOAL})\n"
    yield from _growth(folder, declaration)


def _growth(folder: Path, declaration: Path) -> Iterator[str]:
    yield "| workflows | CPU ms | per further one, ms | peak MiB |"
    yield "|---|---|---|---|"
    text = declaration.read_text(encoding="utf-8")
    [workflow] = project.load_workflows([declaration])
    before: tuple[int, float] | None = None
    for size in SIZES:
        paths = [folder / f"w{number}.yaml" for number in range(size)]
        for number, path in enumerate(paths):
            path.write_text(text.replace(f"name: {workflow.name}", f"name: w{number}"), encoding="utf-8")
        command = [CEAP, "synth", *map(str, paths), "--out", str(folder / f"out{size}")]
        costs = interleave({"ceap": command}, max(2, min(REPEATS, 300 // size)))["ceap"]
        cpu_ms = 1000 * median_cpu_s(costs)
        further = "" if before is None else f"{(cpu_ms - before[1]) / (size - before[0]):.1f}"
        yield f"| {size} | {cpu_ms:.0f} | {further} | {costs[0].peak_mib:.0f} |"
        before = (size, cpu_ms)
    yield f"\n(goal at most {FURTHER_GOAL_MS} ms per further workflow, memory flat)"


def _write_raw(folder: Path, declaration: Path) -> Path:
    """Write the anchor: a script that holds both templates as dict literals and dumps them."""
    [workflow] = project.load_workflows([declaration])
    templates = {"foundation": foundation_stack(), workflow.name: workflow_stack(workflow)}
    lines = ["import json", "from pathlib import Path"]
    for name, template in templates.items():
        literal = pprint.pformat(template, width=120, sort_dicts=False)
        lines.append(f"Path({str(folder / f'{name}.json')!r}).write_text(json.dumps({literal}, indent=1))")
    script = folder / "raw.py"
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return script
