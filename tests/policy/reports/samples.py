"""A report with one of each: findings of a rule, a check and cfn-lint, waived ones, and a waiver that matches none."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ceap.policy.finding import Finding
from ceap.policy.guard.engine import Verdict
from ceap.policy.reports.report import Report
from ceap.policy.verdict import Judgement
from ceap.policy.waiver import Waived, Waiver

LINT_PAGE = "https://lint.example/rules.md#"
RETRY = Finding("a b.yaml", 12, "P16_LAMBDA_RETRY", "too few", "2", "/Resources/Machine/MaxAttempts", "1")
NULL = Finding("a b.yaml", 20, "CFN01_NO_NULL", "null", "a value", "/Resources/Queue/Name")
LINT = Finding("a b.yaml", 1, "W2001", "Parameter X not used.", source=LINT_PAGE + "W2001")
QUEUE = Finding("a b.yaml", 7, "SEC01_QUEUE_TLS", "no TLS", "deny", "/Resources/Queue")
SCHEMA = Finding(
    "a b.yaml", 8, "E3034", "too large", "", "/Resources/Queue/Properties/DelaySeconds", "901", LINT_PAGE + "E3034"
)

VERDICTS: dict[str, Verdict] = {
    "P16_LAMBDA_RETRY": "FAIL",
    "P41_PIPE": "PASS",
    "P07_EXECUTIONS_EXPIRE": "SKIP",
    "SEC01_QUEUE_TLS": "FAIL",
}


def waiver(finding: Finding, file: str, line: int, expires: date | None = None) -> Waiver:
    return Waiver(
        file=file,
        line=line,
        rule=finding.rule,
        template=Path(finding.file).resolve(),
        place=finding.path,
        reason="a sandbox",
        expires=expires,
    )


WAIVED = [
    Waived(QUEUE, waiver(QUEUE, "a b.yaml", 5)),
    Waived(SCHEMA, waiver(SCHEMA, "waivers.yaml", 2, date(2027, 1, 31))),
]
REPORT = Report(
    judgements=[Judgement("a b.yaml", VERDICTS, [RETRY, NULL, LINT, QUEUE, SCHEMA])],
    findings=sorted([RETRY, NULL, LINT]),
    waived=WAIVED,
    unused=[waiver(RETRY, "waivers.yaml", 9)],
)
CLEAN = Report(judgements=[Judgement("a b.yaml", {"P41_PIPE": "PASS"}, [])], findings=[], generated=4)
