"""Which IAM actions on which ARNs CloudFormation needs for each operation on a resource of each type.

Derived from the handlers of CloudFormation's resource schemas. Source: CloudFormation User Guide, "CloudFormation
service role"; CloudFormation Command Line Interface User Guide, "Resource type definition schema", `handlers`.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

Operation: TypeAlias = Literal["create", "read", "update", "delete"]


class Place(NamedTuple):
    """Where resources are: texts of an ARN, by default those of `Fn::Sub`."""

    partition: str = "${AWS::Partition}"
    region: str = "${AWS::Region}"
    account: str = "${AWS::AccountId}"


SUB: Final = Place()


class Need(NamedTuple):
    """An action that must be allowed on an ARN, or on `*` if it takes none; `passed_to` is iam:PassedToService."""

    action: str
    resource: str
    passed_to: str = ""


def actions(resource_type: str, operation: Operation) -> tuple[str, ...]:
    """Return the IAM actions that an operation on a resource of a type needs, in order; KeyError for other types."""
    raise NotImplementedError


def arns(action: str, resource_type: str, name: str, place: Place = SUB) -> tuple[str, ...]:
    """Return the ARNs that an action on a resource of a type is for, by its name or a pattern for it, or `*`."""
    raise NotImplementedError


def needs(
    resource_type: str, operation: Operation, name: str, properties: Mapping[str, Any], place: Place = SUB
) -> tuple[Need, ...]:
    """Return all that an operation on one resource must be allowed.

    Roles, objects and other resources that the properties name (as ARNs and names, without intrinsic functions) are
    asked for by those; without properties the name, then a pattern, stands for these, too.
    """
    raise NotImplementedError
