"""A role belongs to one function, job, state machine, pipe or schedule, and trusts only that one.

A shared role gives each of its owners what the others need. Source: property 42; requirement 11.9; IAM User Guide,
"The confused deputy problem".
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from ceap.cfn.lookup import (
    FUNCTION,
    JOB,
    MACHINE,
    PIPE,
    ROLE,
    ROLE_PROPERTY,
    SCHEDULE,
    SCHEDULE_GROUP,
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
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates.document import walk_scalars

RULE: Final = "WIRE01_OWN_ROLE"
ENTRY: Final = Entry(
    title="A role belongs to one function, job, state machine, pipe or schedule, and trusts only that one",
    why=(
        "A shared role gives each of its owners what the others need. A service that the role does not trust "
        "cannot assume it."
    ),
    fix=(
        "Give each owner a role of its own that trusts its service, for a state machine or pipe with its ARN as "
        "`aws:SourceArn`, for a schedule with that of its group."
    ),
    requirement=("11.9",),
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",
)

_SERVICES: Final = {FUNCTION: "lambda", JOB: "glue", MACHINE: "states", PIPE: "pipes", SCHEDULE: "scheduler"}
_IN_TEXT: Final = re.compile(r"\$\{(\w+)")
_ARN_ENDINGS: Final = {MACHINE: ":stateMachine:", PIPE: ":pipe/", SCHEDULE_GROUP: ":schedule-group/"}


def check(template: Template) -> Iterator[Fault]:
    yield from _owner_faults(template)
    yield from _idle_roles(template)


def _owner_faults(template: Template) -> Iterator[Fault]:
    for owner in resources(template, *ROLE_PROPERTY):
        named = ROLE_PROPERTY[owner.type]
        value = at(owner.properties, *named)
        found = pointed_at(template, value)
        if found and (found.type != ROLE or (reference(value) or ("", ""))[1] not in _arns(owner)):
            yield Fault(owner.path(*named), f"{named[-1]} is not the ARN of a role", "!GetAtt of its role's Arn")
    first: dict[str, str] = {}
    for owner, role in owners(template):
        other = first.setdefault(role.logical_id, owner.logical_id)
        if other != owner.logical_id:
            what = f"{role.logical_id} is also the role of {other}"
            yield Fault(owner.path(*ROLE_PROPERTY[owner.type]), what, "give it a role of its own")
        yield from _trust_faults(template, owner, role)


def _arns(owner: Resource) -> tuple[str, ...]:
    """Return the attributes by which an owner may name its role: Glue takes the name as well."""
    return ("Arn", "") if owner.type == JOB else ("Arn",)


def _trust_faults(template: Template, owner: Resource, role: Resource) -> Iterator[Fault]:
    place = ("AssumeRolePolicyDocument", "Statement")
    service = _SERVICES[owner.type]
    statements = items(at(role.properties, *place))
    services = [text(value) for statement in statements for value in items(at(statement, "Principal", "Service"))]
    if services and not any(value is None or value.startswith(f"{service}.") for value in services):
        what = f"{owner.logical_id} cannot assume its role"
        yield Fault(role.path(*place), what, f"Principal: {{Service: {service}.amazonaws.com}}")
    trusted = _trusted(template, owner)
    for index, statement in enumerate(statements):
        for path, value in source_arns(statement) if trusted.type in _ARN_ENDINGS else ():
            arn, right = text(value), f"{_ARN_ENDINGS[trusted.type]}{trusted.name}"
            if arn is not None and not (trusted.name and arn.endswith(right)):
                cure = f"aws:SourceArn that ends in {right}" if trusted.name else f"give {trusted.logical_id} a name"
                what = f"aws:SourceArn is not the ARN of {trusted.logical_id}"
                yield Fault(role.path(*place, index, path), what, cure)


def _trusted(template: Template, owner: Resource) -> Resource:
    """Return what a role trusts: its owner, or the group of a schedule, which WIRE14_SCHEDULE demands."""
    group = pointed_at(template, owner.properties.get("GroupName")) if owner.type == SCHEDULE else None
    return group or owner


def _idle_roles(template: Template) -> Iterator[Fault]:
    named: dict[str, set[str]] = {}
    for path, value in walk_scalars(template.data):
        for name in _names(path, value):
            named.setdefault(name, set()).add(path.split("/")[2] if path.startswith("/Resources/") else "")
    for role in resources(template, ROLE):
        if role.name is None and not named.get(role.logical_id, set()) - {role.logical_id}:
            what = "no resource of the template uses the role"
            yield Fault(role.path(), what, "set it as the Role of its resource, or remove it")


def _names(path: str, value: Any) -> list[str]:
    """Return the logical ids that a scalar names."""
    if not isinstance(value, str):
        return []
    if path.endswith(("/Ref", "/Fn::GetAtt", "/Fn::GetAtt/0")):
        return [value.partition(".")[0]]
    return _IN_TEXT.findall(value)
