"""What the checks in Python find in templates that a change has made wrong."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable

from ceap import project
from ceap.cfn.template import Template, parse_template
from ceap.policy.checks import load_checks
from ceap.policy.finding import Finding
from templates.render import render
from templates.stacks import workflow_stack
from tests import reference
from tests.policy.changes import Change
from tests.policy.samples import KINDS, MORE, Json, golden
from tests.strategies import workflow_of

OTHERS = {"outside": reference.OUTSIDE, "governed": reference.GOVERNED, "owned": reference.OWNED}
CHECKS = {check.rule: check.check for check in load_checks()}
JOB_FIRST = {
    "name": "nightly",
    "type": "STANDARD",
    "steps": [
        {"stage": "HeavyStage", "glue": "heavy", "timeout_min": 60},
        {"stage": "KeepStage", "handler": "keep"},
    ],
}
LEGACY = {
    "name": "moved",
    "type": "EXPRESS",
    "steps": [
        {"stage": "TakeStage", "legacy": "TakeFunctionArn"},
        {"stage": "SiftStage", "handler": "sift"},
        {"stage": "RateStage", "legacy": "RateFunctionArn"},
    ],
}
DECLARED: dict[str, Json] = {"job_first": JOB_FIRST, "legacy": LEGACY}


@functools.cache
def base(kind: str) -> Template:
    """Return what mutants of a kind are made of: a template of the reference, or another with more kinds of steps."""
    if kind in (*KINDS, *MORE):
        return golden(kind)
    if kind in OTHERS:
        return parse_template(render(workflow_stack(project.load_workflows([OTHERS[kind]])[0])), f"{kind}.yaml")
    return parse_template(render(workflow_stack(workflow_of(DECLARED[kind]))), f"{kind}.template.yaml")


def as_text(data: Json) -> str:
    """Return a template as JSON, nothing on its first line, which findings name that know no better."""
    return "\n" + json.dumps(data, separators=(",\n", ": "))


@functools.cache
def text(kind: str) -> str:
    return as_text(base(kind).data)


@functools.cache
def is_clean(check: Callable[[Template], list[Finding]], kind: str) -> bool:
    """Tell whether a check finds nothing in what mutants of a kind are made of."""
    return not check(base(kind))


def found(rule: str, kind: str, change: Change) -> list[Finding]:
    """Return what a check finds in a changed template.

    Raises:
        ValueError: the change changes nothing, or the check finds something without it: then it would prove nothing.
    """
    data: Json = json.loads(text(kind))
    change(data)
    changed = as_text(data)
    if changed == text(kind):
        raise ValueError(f"the change for {rule} changes nothing")
    if not is_clean(CHECKS[rule], kind):
        raise ValueError(f"{rule} finds something in the unchanged template too")
    return CHECKS[rule](parse_template(changed, "mutant.json"))


def said(rule: str, kind: str, change: Change) -> list[tuple[str, str]]:
    """Return what a check says of a changed template: fault with fix, and place."""
    return [(f"{finding.what} | fix: {finding.fix}", finding.path) for finding in found(rule, kind, change)]
