"""What a mark must be, and that every test of the suite compares something."""

from __future__ import annotations

import ast

import pytest

from tests.proofs.claims import asserts, faults
from tests.proofs.promises import load_properties
from tests.proofs.sources import Case, Module, Sources, dotted

SOURCES = Sources.load()
PROPERTIES = load_properties()
PATH = "tests/templates/test_new.py"

EXECUTE_ONLY = {
    "tests/deploy/test_package.py::test_locks_that_agree_are_accepted": "check_locks",
    "tests/handlers/candidates/test_limits.py::test_no_check_refuses_what_counts_as_small": "each check",
    "tests/handlers/candidates/test_mapping.py::test_mappings_may_add_metadata_of_any_type": "check_mappings",
    "tests/handlers/runtime/test_events.py::test_an_event_that_keeps_the_limits_is_taken": "check_event",
    "tests/handlers/runtime/test_tables.py::test_an_item_that_keeps_the_limits_to_the_byte_is_taken": "check_item",
    "tests/local/test_definitions.py::test_a_standard_machine_takes_the_tasks_of_the_templates": "check_definition",
    "tests/local/test_packages.py::test_zeros_of_a_date_make_no_other_version": "check_installed",
}
"""Tests that compare nothing, and what they call: it raises unless all is right, as a test beside it shows."""


def compares(case: Case) -> bool:
    """Tell whether a test or a helper of it compares something or expects a failure."""
    return any(asserts(node) or _expects(node) for _, node, _ in SOURCES.reached(case))


def _expects(node: ast.AST) -> bool:
    called = [dotted(child.func) for child in ast.walk(node) if isinstance(child, ast.Call)]
    return any(name in ("pytest.warns", "pytest.fail") or ".assert_" in name for name in called)


def test_every_test_compares_something() -> None:
    silent = [case.id for case in SOURCES.tests() if not compares(case)]
    assert [test for test in silent if test not in EXECUTE_ONLY] == []
    files = {case.path for case in SOURCES.tests()}
    stale = [test for test in EXECUTE_ONLY if test not in silent and test.partition("::")[0] in files]
    assert stale == []


def test_a_test_that_only_executes_is_seen() -> None:
    text = "def helper():\n    return 1\n\ndef test_it(tmp_path):\n    helper()\n"
    [case] = (sources := SOURCES.changed(PATH, text)).tests(PATH)
    assert not any(asserts(node) for _, node, _ in sources.reached(case))
    [case] = (sources := SOURCES.changed(PATH, text.replace("return 1", "assert tmp"))).tests(PATH)
    assert any(asserts(node) for _, node, _ in sources.reached(case))


def faults_of(text: str) -> list[str]:
    """Return the faults of a module of tests with that text."""
    return [fault.removeprefix(f"{PATH}::") for fault in faults(SOURCES.changed(PATH, text), PROPERTIES, PATH)]


@pytest.mark.parametrize(
    ("mark", "fault"),
    [
        ("2", "pytest.mark.property(2): write @pytest.mark.property"),
        ('2, "G"', "pytest.mark.property(2, 'G'): write @pytest.mark.property"),
        ('"2", "H"', "pytest.mark.property('2', 'H'): write @pytest.mark.property"),
        ('2, "M"', "the requirements do not promise M for property 2"),
        ('43, "H"', "the requirements do not promise H for property 43"),
        ('2, "H"', "H is a test with @given"),
        ('2, "E"', "E is a run of a generated template"),
        ('25, "M"', "M is a test that sees a ConfigError"),
    ],
)
def test_a_mark_that_the_test_cannot_keep_is_a_fault(mark: str, fault: str) -> None:
    [found] = faults_of(f"@pytest.mark.property({mark})\ndef test_it(n):\n    assert n\n")
    assert found.startswith(f"test_it: {fault}")


def test_the_same_mark_twice_is_a_fault() -> None:
    assert faults_of('@pytest.mark.property(2, "H")\n' * 2 + "@given(n=1)\ndef test_it(n):\n    assert n\n") == [
        "test_it: it has the same mark twice"
    ]


@pytest.mark.parametrize("body", ["pass", "assert True", "assert 1 == 1", "helper()"])
def test_a_holder_compares_something_in_its_own_body(body: str) -> None:
    helper = "def helper():\n    assert name\n\n"
    assert faults_of(f'{helper}@pytest.mark.property(2, "H")\n@given(n=1)\ndef test_it(n):\n    {body}\n') == [
        "test_it: it holds a property, and its body compares nothing"
    ]


def test_a_test_of_the_sample_holds_nothing() -> None:
    path = "tests/workflows/test_new.py"
    text = '@pytest.mark.property(2, "H")\n@given(n=1)\ndef test_it(n):\n    assert n\n'
    [fault] = faults(SOURCES.changed(path, text), PROPERTIES, path)
    assert fault == f"{path}::test_it: a test of the sample holds no property: mark one of the framework"


def test_a_run_is_found_through_helpers_and_fixtures() -> None:
    text = '@pytest.mark.property(2, "E")\ndef test_it(happy):\n    assert happy\n'
    assert len(faults_of(text)) == 1
    path = "tests/local/test_new.py"
    assert faults(SOURCES.changed(path, text), PROPERTIES, path) == []


def test_a_module_is_read_with_what_it_imports_under_another_name() -> None:
    module = Module("from tests import reference as ours\nfrom tests.local.support import role\n")
    assert module.imported == {"ours": ("tests", "reference"), "role": ("tests.local.support", "role")}
