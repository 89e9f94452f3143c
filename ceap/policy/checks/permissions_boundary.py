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
from ceap.policy.vocabulary.kinds import StackKind, kind_of
from templates import naming
from templates.deploy_role import HAS_BOUNDARY
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
_DEMANDED: Final = (
    f"{_PROPERTY}: !Ref {naming.BOUNDARY_PARAMETER}, as `permissions_boundary: true` in the declaration makes it"
)
_OPTIONAL: Final = f"{_PROPERTY}: !If [{HAS_BOUNDARY}, !Ref {naming.BOUNDARY_PARAMETER}, !Ref AWS::NoValue]"


def check(template: Template) -> Iterator[Fault]:
    kind = kind_of(template)
    if kind is None:
        return
    roles = list(resources(template, ROLE))
    parameter = at(template.data, "Parameters", naming.BOUNDARY_PARAMETER)
    if parameter is None and all(at(role.properties, _PROPERTY) is None for role in roles):
        return
    is_optional = kind is StackKind.DEPLOY  # who deploys the roles chooses for each account: SEC13_DEPLOY_ROLES
    boundary = {"Ref": naming.BOUNDARY_PARAMETER}
    wanted = {"Fn::If": [HAS_BOUNDARY, boundary, {"Ref": "AWS::NoValue"}]} if is_optional else boundary
    for role in roles:
        if at(role.properties, _PROPERTY) != wanted:
            what = f"{role.logical_id} lacks the permissions boundary of the parameter"
            path = role.path(_PROPERTY) if _PROPERTY in role.properties else role.path()
            yield Fault(path, what, _OPTIONAL if is_optional else _DEMANDED)
    if at(parameter, "AllowedPattern") != BOUNDARY_PATTERN and not is_optional:
        path = f"/Parameters/{naming.BOUNDARY_PARAMETER}"
        yield Fault(path, "a deployment may leave the boundary out", f"AllowedPattern: {BOUNDARY_PATTERN}")
