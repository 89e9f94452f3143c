"""A workflow with all that a declaration can want of all resources is clean, but for what it gives reasons for."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings

from ceap.cfn.template import parse_template
from ceap.policy.verdict import judge, load_all_rules
from ceap.policy.waiver import apply_waivers, read_waivers
from templates.model import Workflow
from templates.render import render
from templates.stacks import workflow_stack
from tests.policy.broken import base
from tests.policy.engines import FASTEST
from tests.policy.samples import entries
from tests.strategies import reasoned_workflows

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


@settings(max_examples=10)
@given(workflow=reasoned_workflows())
def test_a_declared_reason_answers_each_finding_on_other_retriers_and_days_of_logs(workflow: Workflow) -> None:
    template = parse_template(render(workflow_stack(workflow)), "workflow.template.yaml")
    [judgement] = judge([template], load_all_rules(), lint=False, engine=FASTEST)
    applied = apply_waivers(judgement.findings, read_waivers(template, entries()), date(2026, 1, 2))
    assert (applied.findings, applied.unused) == ([], [])
    assert {waived.finding.rule for waived in applied.waived} == set(REASONS)
