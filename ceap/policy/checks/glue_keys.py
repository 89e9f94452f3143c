"""A Glue task's keys name the stage before it, whose output the job reads, and its own, under which it writes.

The first job reads what StageInput put on S3 for it. Source: property 23; requirements 5.6, 7.3 and 7.4.
"""

from __future__ import annotations

from typing import Final

from ceap.cfn.lookup import RUN_JOB, at, key_path, machines
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at
from handlers.runtime.contract import INITIAL_FOLDER

RULE: Final = "P23_GLUE_KEYS"


def check(template: Template) -> list[Finding]:
    findings = []
    for machine in machines(template):
        for previous, name in machine.steps():
            if machine.states[name].get("Resource") != RUN_JOB:
                continue
            for argument, folder in (("--input-key.$", previous or INITIAL_FOLDER), ("--output-key.$", name)):
                place = ("States", name, "Parameters", "Arguments", argument)
                said, right = at(machine.definition, *place), key_path(folder)
                if said is not None and said != right:  # a missing one is P22's
                    message = f'[P23] {argument[2:-2]} is not that of {folder} | fix: "{argument}": "{right}"'
                    findings.append(finding_at(template, RULE, message, machine.path(*place)))
    return findings
