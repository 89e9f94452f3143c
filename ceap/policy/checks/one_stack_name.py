"""All names of a workflow begin with the name of its stack, `{StackName}-${Environment}`.

People find resources by it, grants spell it out, and two stacks share no name. P38_NAMES, a Guard rule, rejects fixed
names.
Source: property 38; requirements 1.1 and 10.2.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from ceap.cfn.lookup import (
    ALARM,
    EVENT_RULE,
    FUNCTION,
    JOB,
    MACHINE,
    NAME_PROPERTY,
    PIPE,
    QUEUE,
    at,
    handler_of,
    resources,
)
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at

RULE: Final = "P38_ONE_STACK_NAME"

_NAMED: Final = (FUNCTION, JOB, MACHINE, PIPE, QUEUE, ALARM, EVENT_RULE)
_ENVIRONMENT: Final = "-${Environment}"
_SERVICE: Final = ("Environment", "Variables", "POWERTOOLS_SERVICE_NAME")


def check(template: Template) -> list[Finding]:
    named = [(resource, resource.name) for resource in resources(template, *_NAMED) if resource.name is not None]
    bases = Counter(name.partition(_ENVIRONMENT)[0] for _, name in named if _ENVIRONMENT in name)
    if len(list(resources(template, MACHINE))) != 1 or not bases:
        return []  # no workflow, or several
    base = bases.most_common(1)[0][0]
    stack = base + _ENVIRONMENT
    findings = []
    for resource, name in named:
        is_whole = resource.type in (MACHINE, PIPE)
        if not (name == stack if is_whole else name.startswith(f"{stack}-")):
            message = (
                f"[P38] {name} is not named after its stack | fix: {stack}{'' if is_whole else '- and what it is'}"
            )
            findings.append(finding_at(template, RULE, message, resource.path(NAME_PROPERTY[resource.type])))
        service = at(resource.properties, *_SERVICE)
        if handler_of(resource) and (service is None or isinstance(service, str)) and service != base:
            message = f"[P38] the function logs as {service or 'no service'} | fix: {_SERVICE[-1]}: {base}"
            findings.append(finding_at(template, RULE, message, resource.path(*_SERVICE)))
    return findings
