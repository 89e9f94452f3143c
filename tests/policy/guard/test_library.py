"""The library judges as the binary does, and what keeps it from judging is never a pass."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

from ceap.errors import SetupError
from ceap.policy.guard import library
from ceap.policy.guard.engine import Clause, EngineReport, GuardError, GuardSyntaxError, choose_engine
from ceap.policy.guard.library import find_engine, run_engine
from ceap.project import ROOT
from tests.policy.engines import needs_library

RULE = "rule R { Resources exists }"
DATA = '{"Resources": {}}'


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the library one that cannot be imported."""
    monkeypatch.setitem(sys.modules, "cfn_guard_rs.cfn_guard_rs", None)


@pytest.fixture
def no_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the system one for which cfn-guard has no build."""
    monkeypatch.setattr("platform.machine", lambda: "riscv64")


@needs_library
def test_the_installed_library_is_the_known_one() -> None:
    assert version(library.DISTRIBUTION) == library.VERSION


@needs_library
def test_the_report_names_what_passed_failed_and_did_not_apply() -> None:
    rules = [RULE, "rule S when Outputs exists { Outputs empty }\nrule T { Resources !empty <<[T] none>> }"]
    assert run_engine(rules, [DATA, '{"Resources": {"A": {}}}']) == [
        EngineReport(
            {"R": "PASS", "S": "SKIP", "T": "FAIL"},
            [("T", [Clause("/Resources", "[T] none", "Resources not EMPTY")])],
        ),
        EngineReport({"R": "PASS", "S": "SKIP", "T": "PASS"}, []),
    ]


@needs_library
@pytest.mark.parametrize("fine", ["Type == 'A'", "Type IN ['A', 'B']", "Type not IN ['B']", "Type exists", "Size > 1"])
def test_what_holds_beside_what_fails_is_not_told(fine: str) -> None:
    rule = f"rule R {{ Resources.* {{ {fine}\n Name exists }} }}"
    [report] = run_engine([rule], ['{"Resources": {"A": {"Type": "A", "Size": 2}}}'])
    assert report.failed == [("R", [Clause("/Resources/A", "", "Name EXISTS")])]


@needs_library
@pytest.mark.parametrize(
    ("rule", "clause"),
    [
        ("rule R { Resources.A.Tags { Key exists } }", Clause("/Resources/A", "", "Tags exists")),
        ("rule R { A::B::C { Properties exists } }", Clause("/Resources/A", "", "Properties EXISTS")),
    ],
    ids=["nothing there", "a type"],
)
def test_a_block_that_fails_is_told_where_it_looked(rule: str, clause: Clause) -> None:
    [report] = run_engine([rule], ['{"Resources": {"A": {"Type": "A::B::C"}}}'])
    assert report.failed == [("R", [clause])]


@needs_library
def test_a_block_that_must_not_be_empty_and_was_looked_up_before_is_told_by_its_place() -> None:
    rule = "let none = Resources.*[ Type == 'B' ]\nrule R { %none empty\n%none !empty { Name exists } }"
    [report] = run_engine([rule], ['{"Resources": {"A": {"Type": "A"}}}'])
    [(_, [clause])] = report.failed
    assert (clause.path, clause.message) == ("", "")
    assert clause.text == "BlockGuardClause#Location[file:, line:3, column:1] exists"


@needs_library
@pytest.mark.parametrize(
    ("rules", "data", "error", "message"),
    [
        ("rule S { Resources =", DATA, GuardSyntaxError, "at line 1 at column 20"),
        ("rule S { %nothing exists }", DATA, GuardError, "Could not resolve variable by name nothing"),
        (RULE, "{", GuardError, "did not find expected node content"),
        ("rule R { let x = json_parse(Resources.T)\n %x.a == 1 }", '{"Resources": {"T": "{"}}', GuardError, "did not"),
        ("", DATA, GuardError, "the rule file is empty"),
    ],
    ids=["rules", "variable", "template", "definition", "empty"],
)
def test_what_it_cannot_judge_is_an_error(rules: str, data: str, error: type[GuardError], message: str) -> None:
    with pytest.raises(error, match=message) as raised:
        run_engine([RULE, rules], [DATA, data])
    assert type(raised.value) is error


class PanicError(BaseException):
    """What the library raises where its own code fails."""


@needs_library
@pytest.mark.parametrize("panic", [PanicError("slice index"), MemoryError("full")])
def test_a_failure_inside_it_is_an_error_of_the_engine(panic: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(template: str, rules: str, verbose: bool) -> str:
        raise panic

    monkeypatch.setattr(library, "find_engine", lambda: fail)
    with pytest.raises(GuardError, match=str(panic)):
        run_engine([RULE], [DATA])


@needs_library
def test_a_stopped_run_ends_before_its_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    run_checks = find_engine()

    def stop_then_judge(template: str, rules: str, verbose: bool) -> str:
        library.stop_engines()
        return run_checks(template, rules, verbose)

    with monkeypatch.context() as patch:
        patch.setattr(library, "find_engine", lambda: stop_then_judge)
        with pytest.raises(SetupError, match="cfn-guard-rs: was ended; run `ceap check` again"):
            run_engine([RULE, RULE], [DATA])
    assert [report.verdicts for report in run_engine([RULE], [DATA])] == [{"R": "PASS"}]


def test_the_binary_is_the_default_and_the_library_is_then_not_imported() -> None:
    code = (
        "import sys; import ceap.policy.verdict; from ceap.policy.guard.engine import choose_engine\n"
        "print(choose_engine().__name__, choose_engine('binary').__name__)\n"
        "print('cfn_guard_rs' in sys.modules, 'ceap.policy.guard.library' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["ceap.policy.guard.cfn_guard", "ceap.policy.guard.cfn_guard", "False", "False"]


@needs_library
def test_the_library_is_taken_when_asked_for() -> None:
    assert choose_engine("library") is library


@needs_library
@pytest.mark.usefixtures("no_build")
def test_the_library_is_taken_where_the_binary_has_no_build() -> None:
    assert choose_engine() is library


@pytest.mark.usefixtures("no_library")
def test_a_library_that_is_asked_for_but_missing_is_named_with_the_cure() -> None:
    with pytest.raises(SetupError) as raised:
        choose_engine("library")
    assert str(raised.value) == (
        "cfn-guard-rs, the library that judges rules, is not installed; it has wheels for Python 3.11 and 3.12 on "
        "Linux (glibc) and Windows, 3.11 on macOS: pip install --no-deps cfn-guard-rs==0.3.3, "
        "or leave out --engine library"
    )


@pytest.mark.usefixtures("no_build", "no_library")
def test_where_neither_exists_the_message_says_what_does() -> None:
    with pytest.raises(
        SetupError,
        match=r"has no build for Linux riscv64, only for Linux x86_64, .*; cfn-guard-rs, .* is not installed",
    ):
        choose_engine()
