from __future__ import annotations

import functools
import json
import re
import subprocess
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from ceap import project
from ceap.cfn.forms import unify
from ceap.cfn.lookup import FUNCTION, QUEUE, resources
from ceap.cfn.template import load_template, parse_template
from ceap.policy.checks import Check, load_checks
from ceap.policy.guard.cfn_guard import find_engine
from ceap.policy.guard.rule_files import RuleFile, evaluate
from ceap.policy.verdict import GUARD_RULES, Judgement, judge
from ceap.policy.waiver import apply_waivers, read_waivers
from templates.model import GlueStep, Workflow
from templates.render import render
from templates.stacks import workflow_stack
from tests.policy.engines import FASTEST
from tests.policy.samples import KINDS, cases, catalogue, entries, golden, rules
from tests.proofs.rules import proves
from tests.strategies import whole_workflows

RULES = {rule: rule_file for rule_file in rules() for rule in rule_file.rules}


def expected(kind: str) -> dict[str, str]:
    return {rule: entry["expect"][kind] for rule, entry in catalogue()["rules"].items()}


def expected_of(workflow: Workflow) -> dict[str, str]:
    """Return the verdicts of the workflow's type; a rule on a kind of step applies where there is such a step."""
    present = {
        "lambda": bool(workflow.lambda_steps),
        "glue": bool(workflow.glue_steps),
        "glue-first": isinstance(workflow.steps[0], GlueStep),
    }
    steps = {rule: entry["steps"] for rule, entry in catalogue()["rules"].items() if "steps" in entry}
    found = expected(workflow.type.lower()) | {
        rule: "PASS" if present[kind] else "SKIP" for rule, kind in steps.items()
    }
    if workflow.s3_events:
        found |= {"SEC04_SERVICES": "PASS"}
    if workflow.adopt.queue:
        queues = resources(parse_template(render(workflow_stack(workflow)), "workflow.template.yaml"), QUEUE)
        found |= dict.fromkeys(OF_THE_QUEUE if any(queues) else OF_THE_QUEUE | OF_ANY_QUEUE, "SKIP")
    return found


@pytest.mark.parametrize("rule_file", rules(), ids=lambda rule_file: Path(rule_file.file).stem)
def test_the_rules_decide_each_case_as_their_test_file_says(rule_file: RuleFile) -> None:
    given = {case["name"]: case for case in cases(rule_file)}
    results = evaluate([json.dumps(case["input"]) for case in given.values()], [rule_file], list(given))
    verdicts = {name: result.verdicts for name, result in zip(given, results, strict=True)}
    assert verdicts == {name: case["expectations"]["rules"] for name, case in given.items()}
    faults = [failure.fault for result in results for failure in result.failures]
    assert [fault for fault in faults if not (fault.what and fault.fix)] == []


def test_every_rule_has_a_case_that_passes_one_that_fails_and_one_that_it_skips() -> None:
    seen = defaultdict(set)
    for rule_file in rules():
        for case in cases(rule_file):
            for rule, verdict in case["expectations"]["rules"].items():
                seen[rule].add(verdict)
    assert dict(seen) == {rule: {"PASS", "FAIL", "SKIP"} for rule in RULES}


def test_no_test_file_is_left_over() -> None:
    stems = {f"{Path(rule_file.file).stem}_tests.yaml" for rule_file in rules()}
    assert stems == {path.name for path in (GUARD_RULES / "tests").iterdir()}


def test_the_catalogue_has_every_rule_and_nothing_else() -> None:
    assert catalogue().keys() == {"rules"}
    assert set(catalogue()["rules"]) == set(RULES)


def test_every_entry_of_the_catalogue_is_complete() -> None:
    texts = {"title", "why", "fix"}
    for rule, entry in catalogue()["rules"].items():
        number = re.match(r"P(\d\d)_", rule)
        assert set(entry) - {"property", "shares", "steps"} == texts | {"requirement", "expect"}, rule
        assert entry.get("property") == (int(number[1]) if number else None), rule
        assert set(entry["expect"]) == set(KINDS), rule


@pytest.mark.parametrize("check", load_checks(), ids=lambda check: check.rule)
def test_every_check_says_what_it_demands_why_and_on_which_page_that_rests(check: Check) -> None:
    number = re.match(r"P(\d\d)_", check.rule)
    assert check.entry.property == (int(number[1]) if number else None)
    assert all((check.entry.title, check.entry.why, check.entry.fix))
    assert check.entry.source.startswith(("https://", "docs/"))


@pytest.mark.parametrize("rule_file", rules(), ids=lambda rule_file: Path(rule_file.file).stem)
def test_every_message_names_its_rule_the_fault_and_the_fix(rule_file: RuleFile) -> None:
    messages = re.findall(r"<<(.*?)>>", rule_file.text, re.DOTALL)
    [number] = {rule.partition("_")[0] for rule in rule_file.rules}
    assert [m for m in messages if not re.fullmatch(rf"\[{number}\] [^|]+ \| fix: [^|]+", m)] == []
    assert messages != []


@functools.cache
def judged(kind: str) -> Judgement:
    """Return the verdicts of all rules on a template of the reference."""
    [judgement] = judge([golden(kind)], rules(), lint=False)
    return judgement


@pytest.mark.parametrize("kind", KINDS)
def test_a_generated_template_has_no_finding_and_a_verdict_of_every_rule(kind: str) -> None:
    assert judged(kind).findings == []
    assert set(judged(kind).verdicts) == set(RULES)


@pytest.mark.usefixtures("own_project")
def test_no_committed_template_has_a_finding() -> None:
    committed = [load_template(file) for file in sorted(project.GENERATED.glob("*.template.yaml"))]
    judgements = judge(committed, rules(), lint=False)
    assert {judgement.file: judgement.findings for judgement in judgements} == {each.file: [] for each in committed}
    assert judgements != []


@pytest.mark.parametrize("rule", [pytest.param(rule, marks=proves(rule)) for rule in RULES])
def test_the_rule_gives_the_verdicts_on_the_templates_that_the_catalogue_expects(rule: str) -> None:
    assert {kind: judged(kind).verdicts[rule] for kind in KINDS} == catalogue()["rules"][rule]["expect"]


def cfn_guard(*arguments: object) -> tuple[int, Any]:
    """Run AWS's program as anybody would, without ceap; return its exit code and its report."""
    done = subprocess.run([find_engine(), *map(str, arguments), "-o", "json"], capture_output=True, check=False)
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("kind", KINDS)
def test_cfn_guard_alone_gives_the_expected_verdicts_on_a_generated_file(kind: str, tmp_path: Path) -> None:
    file = tmp_path / golden(kind).file
    file.write_text(golden(kind).text, encoding="utf-8")
    code, [report] = cfn_guard("validate", "-r", GUARD_RULES, "-d", file, "-z", "-S", "none")
    verdicts = dict.fromkeys(report["compliant"], "PASS") | dict.fromkeys(report["not_applicable"], "SKIP")
    assert (code, verdicts, report["not_compliant"]) == (0, expected(kind), [])


def test_cfn_guard_alone_finds_and_passes_every_case_of_every_rule_file() -> None:
    code, reports = cfn_guard("test", "-d", GUARD_RULES)
    passed = {
        Path(report["rule_file"]).stem: {
            case["name"]: {rule["name"]: rule["evaluated"] for rule in case["passed_rules"]}
            for case in report["test_cases"]
        }
        for report in reports
    }
    assert code == 0
    assert passed == {
        Path(rule_file.file).stem: {case["name"]: case["expectations"]["rules"] for case in cases(rule_file)}
        for rule_file in rules()
    }


OF_THE_QUEUE = {"P32_DEAD_LETTER_QUEUE", "SEC01_VISIBILITY", "SEC01_MESSAGE_SIZE", "SEC01_DEAD_LETTER_SOURCES"}
"""The rules on attributes of the queue: they skip an adopted one, which `ceap deploy` asks SQS about."""
OF_ANY_QUEUE = {
    *("SEC01_QUEUE_ENCRYPTION", "SEC01_QUEUE_TLS", "SEC01_RETENTION", "SEC04_NOBODY_ELSE", "SEC06_DATA_STAYS"),
}
"""The rules that also judge the queue of undelivered alerts, which a STANDARD workflow has."""


# One test of all kinds of workflows: Guard takes half a second for each.
@settings(max_examples=100)
@given(workflow=whole_workflows())
def test_each_rule_gives_the_expected_verdict_on_every_valid_workflow(workflow: Workflow) -> None:
    stack = workflow_stack(workflow)
    template = parse_template(render(stack), "workflow.template.yaml")
    [judgement] = judge([template], rules(), lint=False, engine=FASTEST)
    applied = apply_waivers(judgement.findings, read_waivers(template, entries()), date(2026, 1, 2))
    assert (applied.findings, applied.unused) == ([], [])
    reasoned = {waived.finding.rule for waived in applied.waived}
    assert judgement.verdicts == expected_of(workflow) | dict.fromkeys(reasoned, "FAIL")
    assert template.data == unify(stack)


def test_a_workflow_with_both_kinds_of_names_is_clean_for_cfn_lint_too() -> None:
    template = golden("mixed")
    named = {each.logical_id: each.name for each in resources(template, FUNCTION)}
    assert named == {"TakeFunction": "ceap-mixed-${Environment}-Take", "SiftFunction": None, "KeepFunction": None}
    [judgement] = judge([template], rules(), engine=FASTEST)
    assert judgement.findings == []
