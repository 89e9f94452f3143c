"""The page of the properties, and that nothing it says can be taken away without a test failing."""

from __future__ import annotations

import ast
import copy
from collections import Counter

from tests.policy.check_mutants import CHECK_MUTANTS
from tests.policy.mutants import MUTANTS
from tests.proofs.claims import faults, holders, missing, of_rules
from tests.proofs.page import PAGE, properties_page
from tests.proofs.promises import KINDS, REQUIREMENTS, load_properties, read_properties, read_requirements
from tests.proofs.rules import proves, rules_by_property
from tests.proofs.sources import Case, Sources

SOURCES = Sources.load()
PROPERTIES = load_properties()
HOLDERS = holders(SOURCES)
HELD = {(holder.property, holder.kind) for holder in HOLDERS} | {
    (number, "G") for number, rules in rules_by_property().items() if rules
}
RULE_TESTS = [case for case in SOURCES.tests() if of_rules(case)]


class Silenced(ast.NodeTransformer):
    """Takes what a test compares out of it: assertions, expected failures and refusals."""

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        return ast.Pass()

    def visit_With(self, node: ast.With) -> ast.stmt:
        self.generic_visit(node)
        kept = [item for item in node.items if "pytest.raises" not in ast.unparse(item.context_expr)]
        return ast.With(kept, node.body) if kept else ast.If(ast.Constant(value=True), node.body, [])

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        return ast.Pass() if "pytest.raises" in ast.unparse(node) else node


def silenced(case: Case) -> str:
    """Return the text of a test's module in which that test compares nothing."""
    lines = SOURCES.module(case.path).text.splitlines()
    function = copy.deepcopy(case.function)
    function.body = [Silenced().visit(each) for each in function.body]
    first, last = case.function.decorator_list[0].lineno - 1, case.function.end_lineno
    return "\n".join([*lines[:first], ast.unparse(ast.fix_missing_locations(function)), *lines[last:]])


def test_the_page_is_what_the_marks_and_rules_say() -> None:
    text = properties_page(PROPERTIES, HOLDERS, rules_by_property())
    assert PAGE.read_text(encoding="utf-8") == text, "run `make docs`"


def test_the_requirements_promise_a_proof_of_each_of_42_properties_for_requirements_that_exist() -> None:
    assert list(PROPERTIES) == list(range(1, 43))
    assert {number: each.kinds for number, each in PROPERTIES.items() if not each.kinds} == {}
    known = read_requirements(REQUIREMENTS.read_text(encoding="utf-8"))
    assert {each for promised in PROPERTIES.values() for each in promised.requirements} - known == set()


def test_every_promise_is_kept() -> None:
    assert missing(HELD, PROPERTIES) == []


def test_every_mark_is_one_that_the_requirements_promise_and_the_test_can_keep() -> None:
    assert faults(SOURCES, PROPERTIES) == []


def test_a_promise_without_its_last_holder_is_missed() -> None:
    for number, promised in PROPERTIES.items():
        for kind in promised.kinds:
            [fault] = missing(HELD - {(number, kind)}, PROPERTIES)
            assert fault.startswith(f"property {number}: no {KINDS[kind]} ({kind}) holds it")


def test_a_holder_that_compares_nothing_any_more_is_a_fault() -> None:
    cases = {holder.case.id: holder.case for holder in HOLDERS} | {case.id: case for case in RULE_TESTS}
    unnoticed = [
        name
        for name, case in cases.items()
        if f"{name}: it holds a property, and its body compares nothing"
        not in faults(SOURCES.changed(case.path, silenced(case)), PROPERTIES, case.path)
    ]
    assert unnoticed == []
    assert len(cases) > len(PROPERTIES)


def test_every_rule_that_holds_a_property_is_seen_to_notice_faults() -> None:
    noticed = Counter(mutant.rule for mutant in (*MUTANTS, *CHECK_MUTANTS))
    rules = {rule for named in rules_by_property().values() for rule in named}
    assert {rule: noticed[rule] for rule in rules if noticed[rule] < 3} == {}
    assert [case.name for case in RULE_TESTS] == [
        "test_the_check_notices_the_change_and_says_where_and_what_to_do",
        "test_the_rule_notices_each_change_and_says_what_to_do",
        "test_the_rule_gives_the_verdicts_on_the_templates_that_the_catalogue_expects",
        "test_what_ceap_does_not_write_is_one_fault_that_a_waiver_can_answer",
    ]


def test_the_marks_of_a_rule_name_its_properties_and_what_it_shares() -> None:
    assert [mark.args for mark in proves("P35_EXECUTION_LOGS")] == [
        (12, "G", "P35_EXECUTION_LOGS"),
        (18, "G", "P35_EXECUTION_LOGS"),
        (35, "G", "P35_EXECUTION_LOGS"),
    ]
    assert proves("P33_REDELIVERY") == ()  # of 33 the requirements promise runs, no rule


def test_a_row_of_the_requirements_is_read_with_its_note() -> None:
    [row] = read_properties("| 7 | rule: prefix `a/` | 2.7, 11.8 | G E (time travel) |\n").values()
    assert row == (7, "rule: prefix `a/`", ("2.7", "11.8"), ("G", "E"), "time travel")
