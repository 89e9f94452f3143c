"""Which test proves which property: the mark of a rule's tests, and the marks of all tests as pytest sees them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.policy.samples import entries

ROOT = Path(__file__).parent.parent

IN_PART = (38,)
"""Properties of which no rule alone proves more than a part: tests with both kinds of functions' names prove 38."""


def proves(rule: str) -> tuple[pytest.MarkDecorator, ...]:
    """Return the marks of a test that proves one rule or check: that of its entry, if it proves the whole property."""
    entry = entries().get(rule)
    return (pytest.mark.property(entry.property, "G"),) if entry and entry.property not in (None, *IN_PART) else ()


def proofs(*paths: Path) -> dict[str, list[int]]:
    """Return the properties that each test is marked with, by its id; parametrised cases count one by one."""
    command = [sys.executable, "-m", "tests.proofs", *map(str, paths)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    marked: dict[str, list[int]] = json.loads(done.stdout)
    return marked


class Printer:
    """A pytest plugin that prints the marks once all tests are collected."""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        marked = {item.nodeid: [mark.args[0] for mark in item.iter_markers("property")] for item in session.items}
        print(json.dumps({test: numbers for test, numbers in marked.items() if numbers}))


if __name__ == "__main__":
    options = ["--collect-only", "-p", "no:terminal", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    sys.exit(pytest.main([*options, *sys.argv[1:]], plugins=[Printer()]))
