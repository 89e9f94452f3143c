"""`ceap synth` against an AWS CDK app in Node that makes the same resources."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from bench.declarations import contents, write_pairs
from bench.figure import Figure, Seen
from bench.measure import CEAP, interleave, median_ratio, run, table

REPEATS: Final[Mapping[int, int]] = {1: 10, 100: 2}
"""How often each number of pairs is measured."""
FIGURES: Final = (
    Figure("CPU for one EXPRESS and one STANDARD workflow, of the CDK app", 0.15),
    Figure("CPU for 100 EXPRESS and 100 STANDARD workflows, of the CDK app", 0.12),
)
APP: Final = Path(__file__).with_name("cdk_app")


def versions() -> list[str]:
    packages = json.loads((APP / "package.json").read_text(encoding="utf-8"))["dependencies"]
    return [f"aws-cdk-lib {packages['aws-cdk-lib']}"]


def measure(folder: Path) -> Iterator[str | Seen]:
    """Yield the report, or that it is skipped."""
    if not shutil.which("node"):
        yield "skipped: node is not in PATH"
        return
    if not (APP / "node_modules").is_dir():
        yield f"skipped: the packages of the CDK app are not installed; install them: npm ci --prefix {APP}"
        return
    for (pairs, repeats), figure in zip(REPEATS.items(), FIGURES, strict=True):
        paths, out = write_pairs(folder / f"{pairs}", pairs), folder / f"out{pairs}"
        source = folder / f"contents{pairs}.json"
        source.write_text(json.dumps(contents(paths[:2])), encoding="utf-8")
        app = ["env", "CDK_VALIDATION=false", "node", str(APP / "app.js"), str(source), str(pairs), str(out / "cdk")]
        commands = {"ceap synth": [CEAP, "synth", *map(str, paths), "--out", str(out)], "CDK app": app}
        run(app)
        _compare(contents(paths), out / "cdk")
        costs = interleave(commands, repeats, warm=pairs == 1)
        yield from table(f"{pairs} + {pairs} workflows", costs)
        yield Seen(figure, median_ratio(costs["ceap synth"], costs["CDK app"]))
        yield ""


def _compare(ours: Mapping[str, dict[str, Any]], out: Path) -> None:
    """Check that the CDK app made as many resources of each type, stack by stack.

    Raises:
        RuntimeError: It did not, so that comparing their speed means nothing.
    """
    for name, template in ours.items():
        theirs = json.loads((out / f"{name}.template.json").read_text(encoding="utf-8"))
        counts, others = (Counter(each["Type"] for each in made["Resources"].values()) for made in (template, theirs))
        if counts != others:
            raise RuntimeError(f"{name}: ceap makes more of {dict(counts - others)}, CDK of {dict(others - counts)}")
