"""Trials of mutants in a copy of the project, whose server runs the nearest tests on each."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from tests.bare import copy, make_environment
from tests.mutation.nearest import Tree, nearest_tests
from tests.mutation.places import Place
from tests.mutation.server import Outcome, Request

UNWANTED: Final = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
"""Variables of the environment that would show the copy another project, or have it compiled for each mutant."""

FILES: Final = 3
PASSES: Final = ("not hypothesis", "hypothesis")
"""What is marked so is run: a hundred examples take as long as a hundred tests."""
BUDGET_S: Final = 60
"""CPU seconds of a mutant's tests after which no further one is begun: the mutant then counts as not noticed."""
OVER_S: Final = 90
"""CPU seconds beyond these after which the test that runs counts as endless: the mutant is noticed."""


class Trial(NamedTuple):
    """What came of a mutant: the test, or the file of tests, that noticed it, or none; and in words."""

    place: Place
    test: str | None
    said: str


class Copy:
    """A copy of the project, one mutant at a time in it, and the server that runs tests there."""

    def __init__(self, root: Path, python: Path = Path(sys.executable)) -> None:
        """Start the server in a folder that nobody else uses, with the interpreter that has its libraries."""
        self.root = root
        kept = {key: value for key, value in os.environ.items() if key not in UNWANTED}
        self.server = subprocess.Popen(
            [python, Path(__file__).with_name("server.py")],
            cwd=root,
            env=kept | {"TMPDIR": str(root.parent)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        # A source that changes within a second, and not in length, keeps its bytecode: each gets a time of its own.
        self.moment = 1_000_000_000

    def close(self) -> None:
        """End the server, and with it a trial that runs."""
        self.server.terminate()
        assert self.server.stdin
        assert self.server.stdout
        self.server.stdin.close()
        self.server.wait()
        self.server.stdout.close()

    def attempt(self, place: Place, tree: Tree) -> Trial:
        """Run the nearest tests on a source with one change, round after round until one notices it."""
        path = self.root / place.file
        source = path.read_bytes()
        self._write(path, place.apply(source))
        try:
            return self._attempt(place, nearest_tests(tree, place.file))
        finally:
            self._write(path, source)

    def failing(self, tests: list[str]) -> list[str]:
        """Return which tests fail on the sources as they are, so that they notice nothing; a file need not be run."""
        single = [test for test in tests if "::" in test]
        files = [test for test in tests if "::" not in test]
        outcomes = [self._run(Request(single, 10**6, OVER_S))] if single else []
        outcomes += [self._run(Request(files, 10**6, OVER_S, ["--collect-only"]))] if files else []
        return [test for outcome in outcomes for test in outcome.failed]

    def _attempt(self, place: Place, rounds: list[list[str]]) -> Trial:
        count, used_s = 0, 0.0
        # A few files at a time: to collect many takes longer than the test that notices.
        groups = [some[start : start + FILES] for some in rounds for start in range(0, len(some), FILES)]
        for marked, tests in product(PASSES, groups):
            if used_s >= BUDGET_S:
                break
            outcome = self._run(Request(tests, BUDGET_S - used_s, OVER_S, ["-x", "-m", marked]))
            count, used_s = count + outcome.tests, used_s + outcome.cpu_s
            if outcome.verdict != "passed":
                # Nothing is named if the change stops pytest itself.
                test = next(filter(None, outcome.failed), tests[0])
                return Trial(place, test, f"{outcome.verdict}: {test} ({count} tests, {used_s:.0f} s)")
        return Trial(place, None, f"not noticed by {count} tests, {used_s:.0f} s")

    def _run(self, request: Request) -> Outcome:
        assert self.server.stdin
        assert self.server.stdout
        self.server.stdin.write(msgspec.json.encode(request) + b"\n")
        self.server.stdin.flush()
        return msgspec.json.decode(self.server.stdout.readline(), type=Outcome)

    def _write(self, path: Path, source: bytes) -> None:
        path.write_bytes(source)
        self.moment += 2
        os.utime(path, (self.moment, self.moment))


def copy_project(folder: Path) -> Copy:
    """Copy the project into a folder, with an environment in which the copy is the project."""
    root = folder / "project"
    copy(root)
    make_environment(root)
    return Copy(root, root / ".venv/bin/python")
