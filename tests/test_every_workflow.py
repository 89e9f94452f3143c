"""No template that ceap makes of a valid declaration is one that `ceap check` with cfn-lint rejects.

The rules and checks alone judge 100 of them in `tests/policy/test_rules.py`.
"""

from __future__ import annotations

import os
from datetime import date

from hypothesis import Phase, given, settings

from ceap.cfn.template import parse_template
from ceap.policy.finding import Finding
from ceap.policy.verdict import judge
from ceap.policy.waiver import apply_waivers, read_waivers
from templates.model import Workflow
from templates.render import render
from templates.stacks import workflow_stack
from tests.policy.engines import FASTEST
from tests.policy.samples import entries, rules
from tests.strategies import whole_workflows

LINTED = int(os.environ.get("CEAP_LINTED", "5"))
"""How many templates cfn-lint judges, which takes more than a second for each."""


def rejected(workflow: Workflow) -> list[Finding]:
    """Return what `ceap check` finds in the template of a workflow, but for what the declaration gives reasons for."""
    template = parse_template(render(workflow_stack(workflow)), "workflow.template.yaml")
    [judgement] = judge([template], rules(), engine=FASTEST)
    assert "PASS" in judgement.verdicts.values()
    applied = apply_waivers(judgement.findings, read_waivers(template, entries()), date(2026, 1, 2))
    return applied.findings


@settings(max_examples=LINTED, phases=[Phase.explicit, Phase.generate])
@given(workflow=whole_workflows())
def test_cfn_lint_finds_nothing_in_the_template_of_any_workflow(workflow: Workflow) -> None:
    assert rejected(workflow) == []
