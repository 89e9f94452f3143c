"""The verdict on a template: all checks together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from ceap.policy.checks import definition_json, load_checks
from ceap.policy.finding import Finding
from ceap.policy.guard import RuleFile, Verdict, check_rules, load_rules, refuse_clashes
from ceap.policy.template import Template

GUARD_RULES: Final = Path(__file__).resolve().parents[2] / "guard_rules"


class Judgement(msgspec.Struct, frozen=True):
    """What was found in a template, sorted, and the verdict of every Guard rule on it."""

    file: str
    verdicts: dict[str, Verdict]
    findings: list[Finding]


def load_all_rules(more: Path | None = None) -> tuple[RuleFile, ...]:
    """Return the project's rule files, and those of one more folder.

    Raises:
        UsageError: a folder or file cannot be used, or two files declare the same rule.
    """
    files = load_rules(GUARD_RULES) + (load_rules(more) if more else ())
    refuse_clashes(files)
    return files


def judge(template: Template, rules: Sequence[RuleFile], *, lint: bool = True) -> Judgement:
    """Return the verdict on a template; without `lint`, cfn-lint, which takes a second, is left out.

    Raises:
        UsageError: a check could not be carried out; this is never a pass.
    """
    findings = [finding for check in load_checks() for finding in check.check(template)]
    verdicts: dict[str, Verdict] = {}
    if not any(finding.rule == definition_json.RULE for finding in findings):
        verdicts, of_rules = check_rules(template, rules)
        findings += of_rules
    if lint:
        from ceap.policy.lint import check_lint

        findings += check_lint(template)
    return Judgement(template.file, verdicts, sorted(findings))
