"""A workflow with all that a declaration can want of all resources is clean, but for what it gives reasons for."""

from __future__ import annotations

from datetime import date

from ceap.policy.verdict import judge, load_all_rules
from ceap.policy.waiver import apply_waivers, read_waivers
from tests.policy.broken import base
from tests.policy.engines import FASTEST
from tests.policy.samples import entries

REASONS = {
    "P35_LOG_RETENTION": "The audit keeps logs for ninety days",
    "P16_LAMBDA_RETRY": "The vendor's maintenance takes minutes",
    "P24_GLUE_RETRY": "The source is free again after a minute",
}


def test_a_governed_workflow_has_no_finding_but_those_with_declared_reasons() -> None:
    template = base("governed")
    [judgement] = judge([template], load_all_rules(), engine=FASTEST)
    applied = apply_waivers(judgement.findings, read_waivers(template, entries()), date(2026, 1, 2))
    assert applied.findings == []
    assert applied.unused == []
    assert {waived.finding.rule: waived.waiver.reason for waived in applied.waived} == REASONS
