"""A run of the whole suite in which a holder of a property did not run fails."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.proofs import run
from tests.proofs.promises import ROOT
from tests.proofs.run import HoldersRan, is_whole


class Reports:
    """Reports of tests, as pytest makes them."""

    @staticmethod
    def of(nodeid: str, outcome: str, when: str = "call", reason: str = "") -> pytest.TestReport:
        longrepr = ("test.py", 1, f"Skipped: {reason}") if outcome == "skipped" else None
        return pytest.TestReport(nodeid, ("", 0, ""), {}, outcome, longrepr, when)  # type: ignore[arg-type]


def judged(held: set[str], *reports: pytest.TestReport) -> HoldersRan:
    plugin = HoldersRan("needs Spark")
    for report in reports:
        plugin.pytest_runtest_logreport(report)
    plugin.judge(held)
    return plugin


def test_a_holder_that_was_not_selected_or_was_skipped_is_a_problem() -> None:
    plugin = judged(
        {"a.py::test_ran", "a.py::test_case", "a.py::test_left", "a.py::test_skipped"},
        Reports.of("a.py::test_ran", "passed"),
        Reports.of("a.py::test_case[one@group]@group", "failed"),
        Reports.of("a.py::test_left", "passed", when="setup"),
        Reports.of("a.py::test_skipped", "skipped", when="setup", reason="not today"),
    )
    assert plugin.problems == [
        "a.py::test_left holds a property and did not run: it was not selected",
        "a.py::test_skipped holds a property and did not run: Skipped: not today",
    ]
    assert plugin.lacking == {}


def test_a_holder_that_needs_what_the_machine_lacks_is_named_and_no_problem() -> None:
    plugin = judged({"a.py::test_job"}, Reports.of("a.py::test_job", "skipped", "setup", "needs Spark: make glue"))
    assert (plugin.problems, plugin.lacking) == ([], {"needs Spark": ["a.py::test_job"]})


ARGS_SOURCE = pytest.Config.ArgsSource


def config(source: pytest.Config.ArgsSource = ARGS_SOURCE.TESTPATHS, **option: object) -> Any:
    return SimpleNamespace(args_source=source, option=SimpleNamespace(**option))


def test_a_run_with_a_path_or_an_option_is_not_whole() -> None:
    assert is_whole(config(keyword="", markexpr="", deselect=None, lf=False, maxfail=0))
    assert not is_whole(config(ARGS_SOURCE.ARGS))
    for option in (
        {"keyword": "a"},
        {"markexpr": "a"},
        {"deselect": ["a"]},
        {"ignore": ["a"]},
        {"lf": True},
        {"collectonly": True},
    ):
        assert not is_whole(config(**option))


HELD = "tests/test_two.py::test_that_holds_a_property"


def at_end(monkeypatch: pytest.MonkeyPatch, config: Any, *reports: pytest.TestReport, status: int = 0) -> int:
    """Return the exit status of a run that would have had this one, but for the plugin; one test holds a property."""
    sources = SimpleNamespace(tests=lambda: [SimpleNamespace(id=HELD)])
    monkeypatch.setattr(run, "Sources", SimpleNamespace(load=lambda: sources))
    monkeypatch.setattr(run, "holders", lambda sources: ())
    monkeypatch.setattr(run, "of_rules", lambda case: True)
    plugin = HoldersRan()
    for report in reports:
        plugin.pytest_runtest_logreport(report)
    session = cast("pytest.Session", SimpleNamespace(config=config, exitstatus=status))
    plugin.pytest_sessionfinish(session, status)
    return int(session.exitstatus)


def test_a_whole_run_in_which_a_holder_did_not_run_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    assert at_end(monkeypatch, config()) == pytest.ExitCode.TESTS_FAILED
    assert at_end(monkeypatch, config(), Reports.of(HELD, "passed")) == pytest.ExitCode.OK


def test_what_ran_is_not_asked_of_a_part_of_a_run_or_of_one_that_broke_off(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = config()
    worker.workerinput = {}
    assert at_end(monkeypatch, worker) == pytest.ExitCode.OK
    assert at_end(monkeypatch, config(ARGS_SOURCE.ARGS)) == pytest.ExitCode.OK
    assert at_end(monkeypatch, config(), status=pytest.ExitCode.INTERRUPTED) == pytest.ExitCode.INTERRUPTED


def test_the_suite_asks_it(pytestconfig: pytest.Config) -> None:
    [plugin] = [each for each in pytestconfig.pluginmanager.get_plugins() if isinstance(each, HoldersRan)]
    assert plugin.excused == ("needs Spark: make glue", "needs the AWS CLI: make awscli", "needs Chromium")


@settings(max_examples=99)
@given(n=st.integers())
def with_99_examples(n: int) -> None: ...


@given(n=st.integers())
def with_those_of_the_profile(n: int) -> None: ...


def item(function: object) -> pytest.Item:
    """Return a test that holds property 2, as pytest collects it."""
    marks = [pytest.mark.property(2, "H").mark]
    made = SimpleNamespace(nodeid="a.py::test_it", obj=function, iter_markers=lambda name: marks)
    return cast("pytest.Item", made)


def test_a_test_with_fewer_than_100_examples_holds_no_property() -> None:
    collect = HoldersRan().pytest_collection_modifyitems
    collect([item(with_those_of_the_profile)])
    with pytest.raises(pytest.UsageError, match=r"a\.py::test_it holds a property with 99 examples: 100"):
        collect([item(with_99_examples)])
    with pytest.raises(pytest.UsageError, match="with 0 examples"):
        collect([item(item)])


def test_the_whole_suite_is_run_with_no_selection() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [recipe] = re.findall(r"^test:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    [options] = re.findall(r"^addopts = (.*)$", project, re.MULTILINE)
    called = f"{recipe} {options}"
    assert "pytest" in recipe
    assert re.findall(r"(?<!\S)['\"]?(-k|-m|--deselect|--ignore|--ignore-glob|tests/)", called) == []
