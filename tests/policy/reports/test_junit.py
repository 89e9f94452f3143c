from __future__ import annotations

from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceap.policy.checks import load_checks
from ceap.policy.finding import Finding
from ceap.policy.reports.junit import format_junit
from ceap.policy.reports.report import Report
from tests.policy.reports.samples import CLEAN, NULL, REPORT, RETRY

CHECKS = {check.rule for check in load_checks()}


def outcomes(report: Report, suite: str) -> dict[str, tuple[str, str | None]]:
    """Return tag and message of what stands in each case of a suite; ("", "") where it passed."""
    [found] = [found for found in ET.fromstring(format_junit(report)) if found.get("name") == suite]
    cases = {case.attrib["name"]: next(iter(case), None) for case in found}
    assert len(cases) == len(found)
    return {name: ("", "") if child is None else (child.tag, child.get("message")) for name, child in cases.items()}


def test_every_rule_and_check_is_a_case_of_its_template() -> None:
    found = outcomes(REPORT, "a b.yaml")
    assert found == dict.fromkeys(CHECKS, ("", "")) | {
        "P41_PIPE": ("", ""),
        "P07_EXECUTIONS_EXPIRE": ("skipped", "does not apply"),
        "P16_LAMBDA_RETRY": ("failure", "too few"),
        "CFN01_NO_NULL": ("failure", "null"),
        "W2001": ("failure", "Parameter X not used."),
        "SEC01_QUEUE_TLS": (
            "skipped",
            "a b.yaml:7: SEC01_QUEUE_TLS: no TLS; waived: a sandbox [/Resources/Queue]",
        ),
        "E3034": (
            "skipped",
            "a b.yaml:8: E3034: too large; waived: a sandbox [/Resources/Queue/Properties/DelaySeconds]",
        ),
    }


def test_a_failure_lists_every_finding_of_its_rule_and_what_of_it_is_waived() -> None:
    again = msgspec.structs.replace(RETRY, line=30)
    of_rule = [msgspec.structs.replace(one, finding=msgspec.structs.replace(RETRY, line=40)) for one in REPORT.waived]
    report = msgspec.structs.replace(REPORT, findings=[RETRY, again], waived=of_rule[:1])
    [failure] = ET.fromstring(format_junit(report)).iter("failure")
    waived = "a b.yaml:40: P16_LAMBDA_RETRY: too few; waived: a sandbox [/Resources/Machine/MaxAttempts]"
    assert failure.text == f"{RETRY}\n{again}\n{waived}"


def test_a_rule_whose_findings_follow_from_another_has_not_passed() -> None:
    follower = msgspec.structs.replace(NULL, rule="P42_GRANTS_ARE_USES")
    verdicts = {"P42_STATE_MACHINE_GRANTS": "FAIL"}
    judgement = msgspec.structs.replace(CLEAN.judgements[0], verdicts=verdicts, findings=[follower, NULL])
    found = outcomes(msgspec.structs.replace(CLEAN, judgements=[judgement], findings=[NULL]), "a b.yaml")
    for rule in ("P42_STATE_MACHINE_GRANTS", "P42_GRANTS_ARE_USES"):
        assert found[rule] == ("skipped", "what it finds follows from another finding")


def test_a_suite_counts_its_cases() -> None:
    [suite] = ET.fromstring(format_junit(REPORT))
    counts = {name: suite.get(name) for name in ("tests", "failures", "skipped", "errors")}
    assert counts == {"tests": str(len(suite)), "failures": "3", "skipped": "3", "errors": "0"}


def test_cfn_lint_is_one_case_where_it_found_nothing() -> None:
    assert outcomes(CLEAN, "a b.yaml") == dict.fromkeys({"P41_PIPE", "cfn-lint", *CHECKS}, ("", ""))


def test_each_case_stands_on_a_line_of_its_own() -> None:
    first, second, suite, case, *_ = format_junit(CLEAN).splitlines()
    assert first == "<?xml version='1.0' encoding='us-ascii'?>"
    assert second == '<testsuites name="ceap check">'
    assert suite.startswith('  <testsuite name="generated/" ')
    assert case == '    <testcase classname="generated/" name="GEN01_FRESH" />'


def test_freshness_is_a_suite_of_its_own() -> None:
    assert outcomes(CLEAN, "generated/") == {"GEN01_FRESH": ("", ""), "GEN02_SIZE": ("", "")}
    stale = Finding("a b.yaml", 3, "GEN01_FRESH", "differs", "make templates")
    report = msgspec.structs.replace(CLEAN, findings=[stale])
    assert outcomes(report, "generated/")["GEN01_FRESH"] == ("failure", "differs")
    assert outcomes(report, "a b.yaml") == outcomes(CLEAN, "a b.yaml")


@given(text=st.text(st.characters(codec=None), max_size=20))
def test_any_message_name_and_path_is_well_formed_xml(text: str) -> None:
    wrong = msgspec.structs.replace(NULL, file=text, what=text, path=f"/{text}")
    judgement = msgspec.structs.replace(REPORT.judgements[0], file=text)
    document = format_junit(Report(judgements=[judgement], findings=[wrong]))
    assert document.isascii()
    [failure] = ET.fromstring(document).iter("failure")
    assert failure.get("type") == "CFN01_NO_NULL"


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\ud800", "\ufffe"])
def test_what_xml_cannot_hold_is_replaced(sign: str) -> None:
    wrong = msgspec.structs.replace(NULL, what=f"a{sign}b")
    report = msgspec.structs.replace(REPORT, findings=[wrong], waived=())
    assert outcomes(report, "a b.yaml")["CFN01_NO_NULL"] == ("failure", "a\N{REPLACEMENT CHARACTER}b")
