"""No two resources of a type have the same name: CloudFormation makes the first and fails at the second.

Source: CloudFormation User Guide, "Name type".
"""

from __future__ import annotations

import json
from typing import Final

from ceap.cfn.lookup import NAME_PROPERTY, at, resources
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at

RULE: Final = "CFN02_NAMES_UNIQUE"


def check(template: Template) -> list[Finding]:
    first: dict[tuple[str, str], str] = {}
    findings = []
    for resource in resources(template, *NAME_PROPERTY):
        name = resource.properties.get(NAME_PROPERTY[resource.type])
        if name is None or at(template.data["Resources"], resource.logical_id, "Condition") is not None:
            continue  # of two under conditions one may be there
        other = first.setdefault((resource.type, json.dumps(name, sort_keys=True)), resource.logical_id)
        if other != resource.logical_id:
            message = f"[CFN02] {other} has the same name | fix: give it a name of its own"
            findings.append(finding_at(template, RULE, message, resource.path(NAME_PROPERTY[resource.type])))
    return findings
