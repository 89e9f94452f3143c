"""A plugin of pytest: at the end of a run of the whole suite, each holder of a property has run.

Tests that need what the machine lacks, Spark, the AWS CLI or a browser, are counted and named instead.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.proofs.claims import holders, of_rules
from tests.proofs.sources import Sources

EXAMPLES_MIN: Final = 100

_RESTRICTIONS: Final = (
    "keyword",
    "markexpr",
    "deselect",
    "ignore",
    "ignore_glob",
    "lf",
    "stepwise",
    "maxfail",
    "collectonly",
)
"""Options with which a run is not of the whole suite."""


class HoldersRan:
    """Hears which tests ran, wherever they ran, and says at the end which holders did not.

    `excused` are beginnings of reasons for which a test may be skipped: the machine lacks something.
    """

    def __init__(self, *excused: str) -> None:
        self.excused = excused
        self.ran: set[str] = set()
        self.skipped: dict[str, str] = {}
        self.problems: list[str] = []
        self.lacking: dict[str, list[str]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Refuse a Hypothesis test that holds a property with fewer than 100 examples.

        Raises:
            pytest.UsageError: there is one.
        """
        for item in items:
            kinds = {mark.args[1] for mark in item.iter_markers("property")}
            if "H" in kinds and (examples := _examples(item)) < EXAMPLES_MIN:
                raise pytest.UsageError(f"{item.nodeid} holds a property with {examples} examples: {EXAMPLES_MIN}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = report.nodeid.partition("[")[0].partition("@")[0]
        if report.skipped:
            self.skipped[test] = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        elif report.when == "call":
            self.ran.add(test)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if hasattr(session.config, "workerinput") or exitstatus > pytest.ExitCode.TESTS_FAILED:
            return
        if not is_whole(session.config):
            return
        sources = Sources.load()
        of_properties = {holder.case.id for holder in holders(sources)}
        self.judge(of_properties | {case.id for case in sources.tests() if of_rules(case)})
        if self.problems:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def judge(self, held: set[str]) -> None:
        """Note the holders that did not run: for what the machine lacks, or for another reason."""
        for test in sorted(held - self.ran):
            reason = self.skipped.get(test, "it was not selected")
            excuse = next((each for each in self.excused if each in reason), None)
            if excuse is None:
                self.problems.append(f"{test} holds a property and did not run: {reason}")
            else:
                self.lacking.setdefault(excuse, []).append(test)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for excuse, tests in self.lacking.items():
            terminalreporter.write_line(f"{len(tests)} holders of properties did not run ({excuse}):")
            for test in tests:
                terminalreporter.write_line(f"  {test}")
        for problem in self.problems:
            terminalreporter.write_line(problem, red=True)


def is_whole(config: pytest.Config) -> bool:
    """Tell a run of all tests from one of some of them."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return whole and not any(getattr(config.option, name, None) for name in _RESTRICTIONS)


def _examples(item: pytest.Item) -> int:
    """Return how many examples Hypothesis makes for a test; 0 for another test.

    Hypothesis names the settings of a test nowhere in its API: its own plugin for pytest reads this attribute.
    """
    settings = getattr(getattr(item, "obj", None), "_hypothesis_internal_use_settings", None)
    return settings.max_examples if settings else 0
