"""A Lambda task says its own name: the stage writes its output under it.

Source: property 2; requirements 2.2 and 3.2.
"""

from __future__ import annotations

from typing import Final

from ceap.cfn.lookup import INVOKE, at, machines
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at

RULE: Final = "P02_CURRENT_STAGE"


def check(template: Template) -> list[Finding]:
    findings = []
    for machine in machines(template):
        for name, state in machine.states.items():
            place = ("Parameters", "Payload", "currentStage")
            said = at(state, *place)
            if state.get("Resource") == INVOKE and isinstance(said, str) and said != name:
                message = f'[P02] the stage writes its output as {said} | fix: "currentStage": "{name}"'
                findings.append(finding_at(template, RULE, message, machine.path("States", name, *place)))
    return findings
