"""A Glue job runs a script of `glue/` with its library, from where `ceap package` puts them.

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
    library = f"s3://{naming.ARTIFACT_BUCKET}/{naming.library_key()}"
    findings = []
    for job in resources(template, JOB):
        location = text(at(job.properties, "Command", "ScriptLocation"))
        if location is not None and location not in scripts:
            message = f"[WIRE09] {location} is not a script of the package | fix: !Sub {', or '.join(scripts)}"
            findings.append(finding_at(template, RULE, message, job.path("Command", "ScriptLocation")))
        extra = at(job.properties, "DefaultArguments", naming.EXTRA_PY_FILES)
        if text(extra) != library:
            fix = f"DefaultArguments {naming.EXTRA_PY_FILES}: !Sub {library}"
            message = f"[WIRE09] the library of the package is not on the job's Python path | fix: {fix}"
            place = () if extra is None else ("DefaultArguments", naming.EXTRA_PY_FILES)
            findings.append(finding_at(template, RULE, message, job.path(*place)))
    return findings
