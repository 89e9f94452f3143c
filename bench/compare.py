"""`make bench-compare REV=HEAD~5`: this tree against another revision of it, in turn."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bench.comparisons import Comparison, Tree, comparisons
from bench.figure import Spread, ratios, spread
from bench.measure import machine
from bench.revision import LOCK, checked_out, find_commit, lock_differences, prepare
from ceap import signals
from ceap.errors import UsageError
from ceap.project import ROOT


def main(arguments: Sequence[str]) -> int:
    """Print the ratios of this tree to a revision; 1 if nothing could be compared, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(
        prog="bench", usage='make bench-compare REV=HEAD~5 [NAMES="synth check"]', description=__doc__
    )
    parser.add_argument("revision", metavar="REV", help="what git names a commit by")
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to compare (default: all)")
    given = parser.parse_args(arguments)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as scratch, comparisons(Path(scratch)) as known:
        if unknown := sorted(set(given.names) - {*known}):
            parser.error(f"there is no comparison {unknown[0]!r}; allowed: {', '.join(known)}")
        chosen = {name: each for name, each in known.items() if not given.names or name in given.names}
        try:
            commit = find_commit(given.revision)
        except UsageError as error:
            parser.error(str(error))
        with checked_out(commit) as folder:
            prepare(folder)
            return 0 if _print(chosen, folder, f"{given.revision} ({commit[:9]})") else 1


def _print(chosen: Mapping[str, Comparison], folder: Path, revision: str) -> bool:
    """Print the table; return whether it has a ratio."""
    print(f"This tree against {revision}: CPU now / then. {machine()}\n")
    locks = [(root / LOCK).read_text(encoding="utf-8") for root in (ROOT, folder)]
    if differences := lock_differences(*locks):
        print(f"Both sides run with the packages installed here, but {LOCK} differs: {'; '.join(differences)}\n")
    print("| name | compared | now / then | middle half | |\n|---|---|---|---|---|")
    found = False
    for name, comparison in chosen.items():
        try:
            told = tell(spread(list(compare(comparison, Tree(ROOT), Tree(folder)))))
            found = True
        except (RuntimeError, subprocess.CalledProcessError) as error:
            told = f" | | skipped: {reason(error)}"
        print(f"| {name} | {comparison.title} | {told} |", flush=True)
    return found


def compare(comparison: Comparison, now: Tree, then: Tree) -> Iterable[float]:
    """Return the ratios of runs that were neighbours, after one of each side that does not count."""
    trees = (now, then)

    def runs() -> Iterator[list[float]]:
        for _ in range(comparison.repeats + 1):
            yield [comparison.take(tree) for tree in trees]

    _, *counted = runs()
    ours, theirs = zip(*counted, strict=True)
    return ratios(ours, theirs)


def tell(found: Spread) -> str:
    """Return the cells of a ratio: its median, the quartiles and what they say."""
    verdict = "no difference seen"
    if found.tells_a_difference:
        verdict = "less" if found.median < 1 else "more"
    return f"{found.median:.2f} | {found.low:.2f} to {found.high:.2f} | {verdict}"


def reason(error: Exception) -> str:
    """Return the last line of what a process that failed wrote, which names its fault."""
    text = str(error)
    return text.strip().splitlines()[-1].replace("|", "/")


if __name__ == "__main__":
    signals.install()
    with signals.raised():  # so that the other revision is removed
        try:
            sys.exit(main(sys.argv[1:]))
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)
        except signals.Stopped as stopped:
            sys.exit(128 + stopped.number)
