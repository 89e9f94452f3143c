"""`make bench`: every measurement, as tables."""

from __future__ import annotations

import compileall
import importlib
import os
import sys
import tempfile
from pathlib import Path

from bench.measure import machine
from ceap.project import ROOT

BENCHMARKS = ("synth", "check", "run", "cold", "throughput", "capacity", "glue")


def main(names: list[str]) -> int:
    """Run the benchmarks named, or all; each is a module with `measure(folder)` that yields lines."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for package in ("ceap", "templates", "handlers"):
        compileall.compile_dir(ROOT / package, quiet=2)
    print(f"{machine()}\n")
    for name in names or BENCHMARKS:
        print(f"## {name}\n", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            for line in importlib.import_module(f"bench.{name}").measure(Path(folder)):
                print(line, flush=True)
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
