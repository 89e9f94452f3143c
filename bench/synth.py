"""`ceap synth` against `json.dumps` of the same content as raw dicts, and its growth with the number of workflows."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from bench.declarations import contents, write_pairs
from bench.figure import Figure, Seen
from bench.measure import CEAP, Cost, interleave, median_cpu_s, median_ratio
from bench.measure import versions as versions_of

REPEATS: Final[Mapping[int, int]] = {1: 15, 10: 7, 100: 3, 500: 1}
"""How often each number of pairs is measured."""
FIGURES: Final = (
    Figure("CPU for one EXPRESS and one STANDARD workflow, of raw dicts and json.dumps", 2.2),
    Figure("CPU for each further one of 100 + 100, of that of the raw dicts", 2.5),
    Figure("peak memory with 500 + 500 workflows, of that with 1 + 1", 1.2),
)


def versions() -> list[str]:
    return versions_of("troposphere")


def measure(folder: Path) -> Iterator[str | Seen]:
    """Yield the report; `folder` is for files of the measurement."""
    yield "| workflows | CPU ms: ceap synth | raw dicts + json.dumps | ratio | peak MiB | raw |"
    yield "|---|---|---|---|---|---|"
    costs: dict[int, dict[str, list[Cost]]] = {}
    for pairs, repeats in REPEATS.items():
        paths = write_pairs(folder / str(pairs), pairs)
        raw = write_raw(folder / f"raw{pairs}", pairs)
        command = [CEAP, "synth", *map(str, paths), "--out", str(folder / f"out{pairs}")]
        found = costs[pairs] = interleave({"ceap": command, "raw": [sys.executable, str(raw)]}, repeats)
        milliseconds = " | ".join(f"{1000 * median_cpu_s(side):.0f}" for side in found.values())
        peaks = " | ".join(f"{side[0].peak_mib:.0f}" for side in found.values())
        ratio = median_ratio(found["ceap"], found["raw"])
        yield f"| {pairs} + {pairs} | {milliseconds} | {ratio:.2f} | {peaks} |"
    yield ""
    one, _, many, most = costs.values()
    slopes = {side: median_cpu_s(many[side]) - median_cpu_s(one[side]) for side in one}
    values = (
        median_ratio(one["ceap"], one["raw"]),
        slopes["ceap"] / slopes["raw"],
        most["ceap"][0].peak_mib / one["ceap"][0].peak_mib,
    )
    yield from map(Seen, FIGURES, values)


def write_raw(folder: Path, pairs: int) -> Path:
    """Write the limit: a script that makes the templates of so many pairs from literals and dumps them."""
    folder.mkdir()
    [express, standard] = write_pairs(folder / "declarations", 1)
    foundation, *templates = contents([express, standard]).items()
    lines = ["import json", "from pathlib import Path"]
    lines.append(f"def dump(name, template): Path({str(folder)!r}, name).write_text(json.dumps(template, indent=1))")
    lines.append(f"dump('foundation.json', {foundation[1]!r})")
    lines.append(f"for number in range({pairs}):")
    for name, template in templates:
        lines.append(f"    dump(f'{name.replace('w0', 'w{number}')}.json', {_literal(template)})")
    script = folder / "raw.py"
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return script


def _literal(value: Any) -> str:
    """Return the source of a value, in which the name of the pair is that of the loop's."""
    match value:
        case dict():
            return "{" + ", ".join(f"{_literal(key)}: {_literal(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_literal, value)) + "]"
        case str() if "w0" in value:
            return "f" + repr(value.replace("{", "{{").replace("}", "}}").replace("w0", "w{number}"))
        case _:
            return repr(value)
