"""Findings as people and as programs read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from ceap.policy.finding import Finding
from ceap.policy.verdict import Judgement


def format_text(findings: Sequence[Finding]) -> str:
    """Return one line per finding, `file:line: RULE: message [path]`."""
    return "".join(f"{finding}\n" for finding in findings)


def format_json(judgements: Sequence[Judgement], findings: Sequence[Finding]) -> str:
    """Return `{"templates": [{"file", "rules": {RULE: verdict}}], "findings": [{"file", "line", "rule", ...}]}`."""
    templates = [{"file": judgement.file, "rules": judgement.verdicts} for judgement in judgements]
    report = msgspec.json.encode({"templates": templates, "findings": findings})
    return msgspec.json.format(report, indent=2).decode() + "\n"


def summarize(judgement: Judgement) -> str:
    """Return the verdict on a template in one line."""
    counts = Counter(judgement.verdicts.values())
    found = len(judgement.findings)
    rules = f"rules: {counts['PASS']} pass, {counts['FAIL']} fail, {counts['SKIP']} not applicable"
    return f"{judgement.file}: {rules}; {found} finding{'' if found == 1 else 's'}"
