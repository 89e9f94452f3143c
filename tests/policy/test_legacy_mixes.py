"""All rules and checks on a workflow of five stages in each mix of what handlers and what existing functions do."""

from __future__ import annotations

import pytest

from ceap.cfn.template import Template, parse_template
from ceap.policy.verdict import judge, load_all_rules
from ceap.policy.vocabulary.kinds import kind_of
from templates.model import WorkflowType
from templates.render import render
from templates.stacks import workflow_stack
from tests.legacy_mixes import MIXES, mixed
from tests.policy.engines import FASTEST


def rendered(kind: WorkflowType, legacy: tuple[str, ...]) -> Template:
    return parse_template(render(workflow_stack(mixed(kind, legacy))), f"{'+'.join(legacy) or 'none'}.template.yaml")


@pytest.mark.parametrize("kind", WorkflowType)
def test_no_rule_or_check_finds_anything_in_any_mix(kind: WorkflowType) -> None:
    templates = [rendered(kind, legacy) for legacy in MIXES]
    assert {kind_of(template) for template in templates} == {kind.lower()}
    judgements = judge(templates, load_all_rules(), lint=False, engine=FASTEST)
    assert {each.file: each.findings for each in judgements} == {template.file: [] for template in templates}
    first, *others = [each.verdicts for each in judgements]
    assert all(verdicts == first for verdicts in others)


@pytest.mark.parametrize("kind", WorkflowType)
@pytest.mark.parametrize("legacy", [MIXES[0b10101], MIXES[-1]], ids="+".join)
def test_cfn_lint_finds_nothing_in_a_mix(legacy: tuple[str, ...], kind: WorkflowType) -> None:
    [judgement] = judge([rendered(kind, legacy)], load_all_rules(), engine=FASTEST)
    assert judgement.findings == []
