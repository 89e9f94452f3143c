"""`make bench`: every measurement, as tables; the figures that have goals go to docs/reference/bench.md."""

from __future__ import annotations

import argparse
import compileall
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import page
from bench.catalogue import figures, load, names
from bench.figure import Seen
from bench.measure import PACKAGES, machine
from ceap.project import ROOT


def main(arguments: Sequence[str]) -> int:
    """Run the measurements named, or all; return 1 if one failed."""
    parser = argparse.ArgumentParser(prog="bench", usage='make bench [NAMES="synth check"]', description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"what to measure (default: all): {', '.join(names())}"
    )
    chosen = parser.parse_args(arguments).names
    if unknown := sorted(set(chosen) - {*names()}):
        parser.error(f"there is no measurement {unknown[0]!r}; allowed: {', '.join(names())}")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for package in PACKAGES:
        compileall.compile_dir(ROOT / package, quiet=2)
    print(f"{machine()}\n")
    failed = [name for name in chosen or names() if not _measure(name)]
    for name in failed:
        print(f"bench: {name} failed, as said above; its rows of {page.PAGE.name} stay as they were", file=sys.stderr)
    return 1 if failed else 0


def _measure(name: str) -> bool:
    """Print what a measurement tells, and write its figures to the page; return whether it came to its end."""
    print(f"## {name}\n", flush=True)
    module = load(name)
    seen = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for each in module.measure(Path(folder)):
                print(each, flush=True)
                if isinstance(each, Seen):
                    seen.append(each)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            print(f"\n{error}\n", file=sys.stderr)
            return False
    print(flush=True)
    text = page.PAGE.read_text(encoding="utf-8")
    page.PAGE.write_text(page.write_rows(text, figures(), name, seen, machine(module.versions())), encoding="utf-8")
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
