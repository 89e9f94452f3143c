"""What two revisions can be compared in: commands and modules that both have, run with the code of either."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from bench.declarations import declaration, write_pairs
from bench.measure import run, told
from ceap.project import ROOT


class Tree(NamedTuple):
    """A folder with a revision."""

    root: Path

    def python(self, *arguments: str) -> list[str]:
        """Return the command of a Python process that has the code of this revision."""
        return ["env", f"PYTHONPATH={self.root}", sys.executable, "-P", *arguments]

    def ceap(self, *arguments: str) -> list[str]:
        return self.python("-m", "ceap", *arguments)

    def declaration(self) -> str:
        return str(self.root / declaration().relative_to(ROOT))

    def options(self, command: str, *wanted: str) -> Sequence[str]:
        """Return those options that its command knows."""
        shown = subprocess.run(self.ceap(command, "--help"), check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own
        return [option for option in wanted if option in shown]


class Comparison(NamedTuple):
    """What is compared; `take` measures one run of a revision, in any unit."""

    title: str
    repeats: int
    take: Callable[[Tree], float]


@contextmanager
def comparisons(folder: Path) -> Iterator[Mapping[str, Comparison]]:
    """Yield all that can be compared, by name; those of the sample where it is there."""
    found = {
        "synth": Comparison("1 EXPRESS and 1 STANDARD workflow", 15, _synth(folder / "1", 1)),
        "synth_many": Comparison("30 + 30 workflows", 7, _synth(folder / "30", 30)),
        "check": Comparison("the revision's generated templates, no cache", 7, _check),
        "run": Comparison("one message through a new engine", 7, _run),
        "engine": Comparison("40 warm messages through the engine", 5, _engine),
    }
    if not find_spec("bench.candidates"):
        yield found
        return
    with import_module("bench.candidates.comparisons").sample_comparisons(folder) as more:
        yield {**found, **more}


def cpu_s(command: Sequence[str]) -> float:
    return run(command).cpu_s


def _synth(folder: Path, pairs: int) -> Callable[[Tree], float]:
    paths = list(map(str, write_pairs(folder, pairs)))
    return lambda tree: cpu_s(tree.ceap("synth", *paths, "--out", str(folder / "out")))


def _check(tree: Tree) -> float:
    return cpu_s(tree.ceap("check", *tree.options("check", "--no-cache")))


def _run(tree: Tree) -> float:
    return cpu_s(tree.ceap("run", tree.declaration()))


def _engine(tree: Tree) -> float:
    return told(tree.python("-m", "bench.messages", tree.declaration(), "10", "40"))["cpu_s"]
