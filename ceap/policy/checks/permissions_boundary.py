"""Every role has the permissions boundary that the parameter names, or none has one.

An account that demands a boundary may refuse roles without it. The parameter names it, as its ARN differs by account.
Source: IAM User Guide, "Permissions boundaries for IAM entities".
"""

from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import ROLE, at, resources
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from ceap.policy.vocabulary.kinds import kind_of
from templates import naming
from templates.resources.governance import BOUNDARY_PATTERN

RULE: Final = "SEC12_PERMISSIONS_BOUNDARY"
ENTRY: Final = Entry(
    title="Every role has the permissions boundary that the parameter names, or none has one",
    why="A role without the boundary can do what the others cannot, and many accounts refuse to create it.",
    fix="Set `permissions_boundary: true` in the declaration, and run `make templates`.",
    requirement=("11.9",),
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html",
)

_PROPERTY: Final = "PermissionsBoundary"
_DECLARED: Final = "as `permissions_boundary: true` in the declaration makes it"


def check(template: Template) -> Iterator[Fault]:
    if kind_of(template) is None:
        return
    roles = list(resources(template, ROLE))
    parameter = at(template.data, "Parameters", naming.BOUNDARY_PARAMETER)
    if parameter is None and all(at(role.properties, _PROPERTY) is None for role in roles):
        return
    for role in roles:
        if at(role.properties, _PROPERTY) != {"Ref": naming.BOUNDARY_PARAMETER}:
            what = f"{role.logical_id} lacks the permissions boundary of the parameter"
            path = role.path(_PROPERTY) if _PROPERTY in role.properties else role.path()
            yield Fault(path, what, f"PermissionsBoundary: !Ref {naming.BOUNDARY_PARAMETER}, {_DECLARED}")
    if at(parameter, "AllowedPattern") != BOUNDARY_PATTERN:
        path = f"/Parameters/{naming.BOUNDARY_PARAMETER}"
        yield Fault(path, "a deployment may leave the boundary out", f"AllowedPattern: {BOUNDARY_PATTERN}")
