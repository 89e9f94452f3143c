"""A Glue job runs a script of `glue/`, from where `ceap package` puts it.

Source: requirement 5.6; docs/reference/package.md; AWS::Glue::Job Command.
"""

from __future__ import annotations

from typing import Final

from ceap.cfn.lookup import JOB, at, resources, text
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at
from templates import discovery, naming

RULE: Final = "WIRE09_JOB_SCRIPT"


def check(template: Template) -> list[Finding]:
    if at(template.data, "Parameters", naming.GLUE_PREFIX_PARAMETER) is None:
        return []  # not what `ceap package` has put there
    scripts = [f"s3://{naming.ARTIFACT_BUCKET}/{naming.script_key(name)}" for name in discovery.job_names()]
    findings = []
    for job in resources(template, JOB):
        location = text(at(job.properties, "Command", "ScriptLocation"))
        if location is not None and location not in scripts:
            message = f"[WIRE09] {location} is no script of the package | fix: !Sub {', or '.join(scripts)}"
            findings.append(finding_at(template, RULE, message, job.path("Command", "ScriptLocation")))
    return findings
