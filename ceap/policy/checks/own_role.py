"""A role belongs to one function, job, state machine or pipe, and trusts only that one.

A shared role gives each of its owners what the others need. Source: property 42; requirement 11.9; IAM User Guide,
"The confused deputy problem".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from ceap.cfn.document import walk_scalars
from ceap.cfn.lookup import (
    FUNCTION,
    JOB,
    MACHINE,
    PIPE,
    ROLE,
    ROLE_PROPERTY,
    Resource,
    at,
    items,
    owners,
    pointed_at,
    reference,
    resources,
    source_arns,
    text,
)
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at

RULE: Final = "WIRE01_OWN_ROLE"

_SERVICES: Final = {FUNCTION: "lambda", JOB: "glue", MACHINE: "states", PIPE: "pipes"}
_IN_TEXT: Final = re.compile(r"\$\{(\w+)")
_ARN_ENDINGS: Final = {MACHINE: ":stateMachine:", PIPE: ":pipe/"}


def check(template: Template) -> list[Finding]:
    faults = [*_owner_faults(template), *_idle_roles(template)]
    return [finding_at(template, RULE, f"[WIRE01] {message}", path) for message, path in faults]


def _owner_faults(template: Template) -> Iterator[tuple[str, str]]:
    for owner in resources(template, *ROLE_PROPERTY):
        named = ROLE_PROPERTY[owner.type]
        value = owner.properties.get(named)
        found = pointed_at(template, value)
        if found and (found.type != ROLE or (reference(value) or ("", ""))[1] not in _arns(owner)):
            yield f"{named} is not the ARN of a role | fix: !GetAtt of its role's Arn", owner.path(named)
    first: dict[str, str] = {}
    for owner, role in owners(template):
        other = first.setdefault(role.logical_id, owner.logical_id)
        if other != owner.logical_id:
            message = f"{role.logical_id} is also the role of {other} | fix: give it a role of its own"
            yield message, owner.path(ROLE_PROPERTY[owner.type])
        yield from _trust_faults(owner, role)


def _arns(owner: Resource) -> tuple[str, ...]:
    """Return the attributes by which an owner may name its role: Glue takes the name as well."""
    return ("Arn", "") if owner.type == JOB else ("Arn",)


def _trust_faults(owner: Resource, role: Resource) -> Iterator[tuple[str, str]]:
    place = ("AssumeRolePolicyDocument", "Statement")
    service = _SERVICES[owner.type]
    statements = items(at(role.properties, *place))
    services = [text(value) for statement in statements for value in items(at(statement, "Principal", "Service"))]
    if services and not any(value is None or value.startswith(f"{service}.") for value in services):
        message = f"{owner.logical_id} cannot assume its role | fix: Principal: {{Service: {service}.amazonaws.com}}"
        yield message, role.path(*place)
    for index, statement in enumerate(statements):
        for path, value in source_arns(statement) if owner.type in _ARN_ENDINGS else ():
            arn, right = text(value), f"{_ARN_ENDINGS[owner.type]}{owner.name}"
            if arn is not None and not (owner.name and arn.endswith(right)):
                cure = f"aws:SourceArn that ends in {right}" if owner.name else f"give {owner.logical_id} a name"
                message = f"aws:SourceArn is not the ARN of {owner.logical_id} | fix: {cure}"
                yield message, role.path(*place, index, path)


def _idle_roles(template: Template) -> Iterator[tuple[str, str]]:
    named: dict[str, set[str]] = {}
    for path, value in walk_scalars(template.data):
        for name in _names(path, value):
            named.setdefault(name, set()).add(path.split("/")[2] if path.startswith("/Resources/") else "")
    for role in resources(template, ROLE):
        if role.name is None and not named.get(role.logical_id, set()) - {role.logical_id}:
            yield (
                "no resource of the template uses the role | fix: set it as the Role of its resource, or remove it",
                role.path(),
            )


def _names(path: str, value: Any) -> list[str]:
    """Return the logical ids that a scalar names."""
    if not isinstance(value, str):
        return []
    if path.endswith(("/Ref", "/Fn::GetAtt", "/Fn::GetAtt/0")):
        return [value.partition(".")[0]]
    return _IN_TEXT.findall(value)
