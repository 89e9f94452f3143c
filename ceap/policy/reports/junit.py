"""Findings in JUnit's XML: a suite per template, a case per rule and check.

cfn-lint has a case for each of its rules that found something, or one in all.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from xml.etree import ElementTree as ET

from ceap.policy.checks import load_checks
from ceap.policy.finding import Finding
from ceap.policy.freshness import FRESH, SIZE
from ceap.policy.reports.report import Report
from ceap.policy.waiver import LINT, Waived

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""


def format_junit(report: Report) -> str:
    """Return the report in JUnit's XML, in ASCII; a rule is skipped where it does not apply or was waived."""
    suites = ET.Element("testsuites", name="ceap check")
    if report.generated is not None:
        _add_suite(suites, "generated/", {FRESH: "PASS", SIZE: "PASS"}, report.findings, [])
    for judgement in report.judgements:
        file = judgement.file
        findings = [finding for finding in report.findings if finding.file == file]
        waived = [one for one in report.waived if one.finding.file == file]
        lint = {one.rule for one in (*findings, *(one.finding for one in waived)) if LINT.fullmatch(one.rule)}
        found = {finding.rule for finding in judgement.findings}
        checks = {check.rule: "FAIL" if check.rule in found else "PASS" for check in load_checks()}
        verdicts = judgement.verdicts | checks
        _add_suite(suites, file, verdicts | dict.fromkeys(sorted(lint) or ["cfn-lint"], "PASS"), findings, waived)
    ET.indent(suites)
    document: bytes = ET.tostring(suites, encoding="us-ascii", xml_declaration=True)
    return document.decode("ascii") + "\n"


def _add_suite(
    suites: ET.Element, name: str, verdicts: Mapping[str, str], findings: Sequence[Finding], waived: Sequence[Waived]
) -> None:
    suite = ET.SubElement(suites, "testsuite", name=_text(name))
    for rule, verdict in verdicts.items():
        case = ET.SubElement(suite, "testcase", classname=_text(name), name=_text(rule))
        failures = [finding for finding in findings if finding.rule == rule]
        reasons = [
            one.finding.at(f"{one.finding.what}; waived: {one.waiver.reason}")
            for one in waived
            if one.finding.rule == rule
        ]
        if failures:
            failure = ET.SubElement(case, "failure", type=_text(rule), message=_text(failures[0].what))
            failure.text = _text("\n".join([*map(str, failures), *reasons]))
        elif reasons:
            ET.SubElement(case, "skipped", message=_text("\n".join(reasons)))
        elif verdict == "SKIP":
            ET.SubElement(case, "skipped", message="does not apply")
        elif verdict == "FAIL":
            ET.SubElement(case, "skipped", message="what it finds follows from another finding")
    for attribute, tag in (("tests", "testcase"), ("failures", "testcase/failure"), ("skipped", "testcase/skipped")):
        suite.set(attribute, str(len(suite.findall(tag))))
    suite.set("errors", "0")


def _text(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
