from __future__ import annotations

import functools
import json
from collections import Counter

import pytest

from ceap.policy.checks import load_checks
from ceap.policy.finding import Finding
from ceap.policy.template import Template, parse_template
from templates.render import render
from templates.stacks import workflow_stack
from tests.policy.changes import Change, Mutant, of
from tests.policy.check_mutants import CHECK_MUTANTS
from tests.policy.samples import TEMPLATES, Json, golden
from tests.strategies import workflow_of

CHECKS = {check.rule: check.check for check in load_checks()}
JOB_FIRST = {
    "name": "nightly",
    "type": "STANDARD",
    "steps": [
        {"stage": "HeavyETLStage", "glue": "heavy_etl", "timeout_min": 60},
        {"stage": "StoreStage", "handler": "store"},
    ],
}


@functools.cache
def base(kind: str) -> Template:
    """Return what mutants of a kind are made of: a committed template, or the one that begins with a job."""
    if kind in TEMPLATES:
        return golden(kind)
    return parse_template(render(workflow_stack(workflow_of(JOB_FIRST))), "job_first.template.yaml")


def found(rule: str, kind: str, change: Change) -> list[Finding]:
    """Return what a check finds in a changed template.

    Raises:
        ValueError: the change changes nothing, or the check finds something without it: then it would prove nothing.
    """
    text = json.dumps(base(kind).data)
    data: Json = json.loads(text)
    change(data)
    if json.dumps(data) == text:
        raise ValueError(f"the change for {rule} changes nothing")
    if CHECKS[rule](base(kind)):
        raise ValueError(f"{rule} finds something in the unchanged template too")
    return CHECKS[rule](parse_template(json.dumps(data, indent=1), "mutant.json"))


@pytest.mark.property(2)
@pytest.mark.property(3)
@pytest.mark.property(4)
@pytest.mark.property(15)
@pytest.mark.property(23)
@pytest.mark.property(25)
@pytest.mark.property(33)
@pytest.mark.parametrize("mutant", CHECK_MUTANTS, ids=lambda mutant: f"{mutant.rule}, {mutant.kind}: {mutant.name}")
def test_the_check_notices_the_change_and_says_where_and_what_to_do(mutant: Mutant) -> None:
    findings = found(mutant.rule, mutant.kind, mutant.change)
    assert findings != []
    prefix = f"[{mutant.rule.partition('_')[0]}] "
    for finding in findings:
        assert finding.rule == mutant.rule
        assert finding.message.startswith(prefix)
        assert finding.message.count(" | fix: ") == 1
        assert finding.path.startswith("/")
        assert finding.line > 1


def test_every_check_has_at_least_three_mutants() -> None:
    counts = Counter(mutant.rule for mutant in CHECK_MUTANTS)
    assert {rule: counts[rule] for rule in CHECKS if counts[rule] < 3} == {}


def test_a_change_that_changes_nothing_is_no_mutant() -> None:
    with pytest.raises(ValueError, match="changes nothing"):
        found("P33_REDELIVERY", "express", of("Queue", "VisibilityTimeout", 1800))


def test_a_check_that_finds_something_anyway_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHECKS, "CFN01_NO_NULL", lambda template: [template.finding("CFN01_NO_NULL", "always")])
    with pytest.raises(ValueError, match="in the unchanged template too"):
        found("CFN01_NO_NULL", "express", of("Queue", "VisibilityTimeout", None))
