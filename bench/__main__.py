"""`make bench`: every measurement, as tables."""

from __future__ import annotations

import compileall
import importlib
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from bench.measure import machine
from ceap.project import ROOT

FRAMEWORK = ("synth", "check", "run", "status", "glue")
SAMPLE = ("cold", "throughput", "capacity")


def benchmarks() -> dict[str, str]:
    """Return the modules by the names of their measurements; those of the sample go with it."""
    found = {name: f"bench.{name}" for name in FRAMEWORK}
    if find_spec("bench.candidates"):
        found |= {name: f"bench.candidates.{name}" for name in SAMPLE}
    return found


def main(names: list[str]) -> int:
    """Run the benchmarks named, or all; each is a module with `measure(folder)` that yields lines."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for package in ("ceap", "templates", "handlers"):
        compileall.compile_dir(ROOT / package, quiet=2)
    print(f"{machine()}\n")
    modules = benchmarks()
    for name in names or modules:
        print(f"## {name}\n", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            for line in importlib.import_module(modules[name]).measure(Path(folder)):
                print(line, flush=True)
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
