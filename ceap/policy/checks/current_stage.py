"""currentStage of a Lambda task is its own name: the stage writes its output below it.

Source: property 2; requirements 2.2 and 3.2.
"""

from __future__ import annotations

from typing import Any, Final, assert_never

from ceap.cfn.lookup import at, machines
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at
from templates.model import StepKind

RULE: Final = "P02_CURRENT_STAGE"

_PLACE: Final = ("Parameters", "Payload", "currentStage")


def check(template: Template) -> list[Finding]:
    findings = []
    for machine in machines(template):
        for name, state in machine.states.items():
            said = _said(machine.kind(name), state)
            if isinstance(said, str) and said != name:
                message = f'[P02] the stage writes its output as {said} | fix: "currentStage": "{name}"'
                findings.append(finding_at(template, RULE, message, machine.path("States", name, *_PLACE)))
    return findings


def _said(kind: StepKind | None, state: Any) -> Any:
    match kind:
        case StepKind.LAMBDA:
            return at(state, *_PLACE)
        case StepKind.GLUE | None:
            return None  # P23 checks the keys of a job
        case _:
            assert_never(kind)
