"""A Lambda task names the stage before it, whose output it reads; the first names none.

Source: property 3; requirements 2.3, 2.4 and 3.1.
"""

from __future__ import annotations

import json
from typing import Final, assert_never

from ceap.cfn.lookup import Machine, at, machines
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at
from templates.model import StepKind

RULE: Final = "P03_PREVIOUS_STAGE"


def check(template: Template) -> list[Finding]:
    findings = []
    for machine in machines(template):
        for previous, name in machine.steps():
            if not _takes_our_payload(machine, name):
                continue
            said = at(machine.states, name, "Parameters", "Payload", "previousStage")
            if said != previous:
                wrong = "reads the message" if said is None else f"reads the output of {said}"
                right = "it is the first stage" if previous is None else f"the stage before it is {previous}"
                message = f'[P03] the stage {wrong}, and {right} | fix: "previousStage": {json.dumps(previous)}'
                path = machine.path("States", name, "Parameters", "Payload", "previousStage")
                findings.append(finding_at(template, RULE, message, path))
    return findings


def _takes_our_payload(machine: Machine, name: str) -> bool:
    match kind := machine.kind(name):
        case StepKind.LAMBDA:
            # P08 reports a missing one.
            return at(machine.states, name, "Parameters", "Payload", "currentStage") is not None
        case StepKind.GLUE | None:
            return False  # P23 checks the keys of a job
        case _:
            assert_never(kind)
