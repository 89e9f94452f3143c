"""What the intrinsic functions of a stack's template refer to: its parameters, its resources, and exports."""

from collections.abc import Callable, Mapping
from typing import Any

from ceap.local.sessions import REGION
from ceap.local.stack_models import ResourceError
from ceap.local.stacks.intrinsics import Scope
from ceap.local.stacks.parameters import referred_values
from ceap.local.stacks.records import Held


def make_scope(
    template: Mapping[str, Any],
    values: Mapping[str, str],
    arn: str,
    attribute: Callable[[str, str], Any],
    imported: Callable[[str], str],
) -> Scope:
    """Return the scope of a template with the values of its parameters, in the stack with an ARN."""
    _, _, _, _, account, stack = arn.split(":", 5)
    pseudo = {
        "AWS::AccountId": account,
        "AWS::Partition": "aws",
        "AWS::Region": REGION,
        "AWS::StackId": arn,
        "AWS::StackName": stack.split("/")[1],
        "AWS::URLSuffix": "amazonaws.com",
    }
    return Scope(
        names={**referred_values(template.get("Parameters", {}), values), **pseudo},
        mappings=template.get("Mappings", {}),
        conditions=template.get("Conditions", {}),
        attribute=attribute,
        imported=imported,
    )


def read_attribute(resources: Mapping[str, Held], logical_id: str, attribute: str) -> Any:
    """Return what `Ref` (no attribute) or `Fn::GetAtt` gives for a resource that exists; else ResourceError."""
    held = resources.get(logical_id)
    if held is None or held.made is None:
        raise ResourceError(f"Template error: the resource {logical_id} does not exist in the stack")
    if not attribute:
        return held.physical_id
    try:
        return held.made.model.get_cfn_attribute(attribute)
    except Exception as error:  # moto has an error of its own for each service
        raise ResourceError(
            f"Template error: resource {logical_id} does not support attribute type {attribute} in Fn::GetAtt"
        ) from error


def nothing_yet(logical_id: str, _: str) -> Any:
    """Stand for the resources where only conditions are decided, which refer to none."""
    raise ResourceError(f"Template error: conditions may not refer to the resource {logical_id}")


def nothing_imported(_: str) -> str:
    raise ResourceError("Template error: Fn::ImportValue cannot be used in conditions")
