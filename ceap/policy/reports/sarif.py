"""Findings in SARIF 2.1.0, as code scanning takes them: one run of ceap, one of cfn-lint.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0; GitHub, "SARIF support for code scanning".
"""

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from ceap.policy.catalogue import Entry
from ceap.policy.finding import Finding
from ceap.policy.reports.report import Report, to_json
from ceap.policy.waiver import LINT, Waiver

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT: Final = "ceap/v1"
"""Not GitHub's primaryLocationLineHash: its upload works that out, and warns of any other value."""

Json: TypeAlias = dict[str, Any]


def format_sarif(report: Report, entries: Mapping[str, Entry], root: Path) -> str:
    """Return the report in SARIF.

    `entries` are all rules and checks by id, `root` is the folder that addresses of files are relative to.
    """
    findings: list[tuple[Finding, Waiver | None]] = [(finding, None) for finding in report.findings]
    findings += [(waived.finding, waived.waiver) for waived in report.waived]
    findings.sort(key=lambda pair: pair[0])
    ours = [pair for pair in findings if not LINT.fullmatch(pair[0].rule)]
    lint = [pair for pair in findings if LINT.fullmatch(pair[0].rule)]
    descriptors = [_descriptor(rule, entry) for rule, entry in sorted(entries.items())]
    sources = {finding.rule: finding.source for finding, _ in lint}
    lint_descriptors = [_descriptor(rule, _lint_entry(rule, source)) for rule, source in sorted(sources.items())]
    runs = [_run("ceap", descriptors, ours, root), _run("cfn-lint", lint_descriptors, lint, root)]
    return to_json({"$schema": SCHEMA, "version": "2.1.0", "runs": runs})


def _run(name: str, rules: Sequence[Json], findings: Sequence[tuple[Finding, Waiver | None]], root: Path) -> Json:
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    seen: Counter[str] = Counter()
    results = []
    for finding, waiver in findings:
        result = _result(finding, waiver, root)
        fingerprint = _fingerprint(result, finding)
        seen[fingerprint] += 1  # clauses of one rule may fail at one place
        result |= {
            "ruleIndex": index[finding.rule],
            "partialFingerprints": {FINGERPRINT: f"{fingerprint}:{seen[fingerprint]}"},
        }
        results.append(result)
    return {"tool": {"driver": {"name": name, "version": version(name), "rules": rules}}, "results": results}


def _result(finding: Finding, waiver: Waiver | None, root: Path) -> Json:
    location: Json = {
        "physicalLocation": {"artifactLocation": _address(finding.file, root), "region": {"startLine": finding.line}}
    }
    if finding.path:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.path}]
    return {
        "ruleId": finding.rule,
        "level": _level(finding.rule),
        "message": {"text": finding.text},
        "locations": [location],
        # An empty list says that nothing was suppressed; without the list it would be unknown.
        "suppressions": [_suppression(waiver)] if waiver else [],
    }


def _address(file: str, root: Path) -> Json:
    path = Path(file).resolve()
    if not path.is_relative_to(root):
        return {"uri": path.as_uri()}
    return {"uri": quote(os.fsencode(path.relative_to(root))), "uriBaseId": "%SRCROOT%"}


def _suppression(waiver: Waiver) -> Json:
    until = f" (until {waiver.expires})" if waiver.expires else ""
    return {
        "kind": "inSource" if waiver.is_in_source else "external",
        "status": "accepted",
        "justification": f"{waiver.reason}{until}",
    }


def _fingerprint(result: Json, finding: Finding) -> str:
    address = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    return hashlib.sha256(
        "\0".join((finding.rule, address, finding.path)).encode("utf-8", "surrogatepass")
    ).hexdigest()[:32]


def _level(rule: str) -> str:
    if not LINT.fullmatch(rule) or rule.startswith("E"):
        return "error"
    return "warning" if rule.startswith("W") else "note"


def _lint_entry(rule: str, source: str) -> Entry:
    why = f"A rule of cfn-lint: {source}"
    return Entry(title=f"cfn-lint {rule}", why=why, fix="Do what the finding says.", source=source)


def _descriptor(rule: str, entry: Entry) -> Json:
    descriptor = {
        "id": rule,
        "defaultConfiguration": {"level": _level(rule)},
        "shortDescription": {"text": entry.title},
        "fullDescription": {"text": entry.why},
        "help": {
            "text": f"{entry.why} Fix: {entry.fix}",
            "markdown": f"**Why.** {entry.why}\n\n**Fix.** {entry.fix}",
        },
    }
    # A page of the project has no address outside of it.
    return descriptor | ({"helpUri": entry.source} if entry.source.startswith("https://") else {})
