"""What CloudFormation does to each type of resource in the local engine: create, update in place, delete, find.

The models are moto's or the engine's own; what their properties say is then so in the backends that serve the APIs.
Source: CloudFormation Command Line Interface User Guide, "Handler contract" and "Handler error codes".
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

from moto.cloudformation import parsing

from ceap.local import role_policies
from ceap.local.patterns import PolicyError
from ceap.local.stack_models import ResourceError


class Given(NamedTuple):
    """A resource as a template has it, without intrinsic functions; `name` is what `choose_name` returned for it."""

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    name: str
    account: str
    region: str
    stack_id: str


class Model(Protocol):
    """A resource that exists."""

    @property
    def physical_resource_id(self) -> str:
        """What `Ref` returns."""

    def get_cfn_attribute(self, attribute_name: str) -> Any:
        """Return what `Fn::GetAtt` does; raises an error of moto's for an attribute that the type lacks."""


def choose_name(resource_type: str, stack_name: str, logical_id: str, properties: Mapping[str, Any]) -> str:
    """Return the name that the properties give a new resource, or else one that no other has."""
    return str(properties.get(name_property(resource_type)) or _new_name(resource_type, stack_name, logical_id))


def name_property(resource_type: str) -> str:
    """Return the property that names resources of a type; empty if none does."""
    return parsing.get_name_type_map().get(resource_type) or ""


def create(given: Given) -> Model:
    """Create a resource; ResourceError, in AWS's words, if it cannot be, and then nothing is left of it."""
    try:
        model: Any = parsing.resource_class_from_type(given.type).create_from_cloudformation_json(
            given.name,
            {"Type": given.type, "Properties": dict(given.properties)},
            given.account,
            given.region,
            LogicalId=given.logical_id,
            StackId=given.stack_id,
            ResourceType=given.type,
        )
        role_policies.check_policies({given.logical_id: model}, given.account)
    except Exception as error:  # moto raises whatever its services raise
        raise _refusal(error) from error
    model.cf_resource_type = given.type
    model.logical_resource_id = given.logical_id
    created: Model = model
    return created


def update(model: Model, given: Given) -> Model:
    """Make an existing resource what its properties now say, under its name; ResourceError leaves it as it was."""
    raise ResourceError(f"the local engine does not update {model.physical_resource_id}, an {given.type}")


def delete(model: Model, given: Given) -> None:
    """Delete a resource, as it was last given, with what it holds; ResourceError if AWS refuses that.

    One that is gone already is no error.
    """
    raise ResourceError(f"the local engine does not delete {model.physical_resource_id}, an {given.type}")


def find(given: Given, identifier: Mapping[str, str]) -> Model:
    """Return an existing resource by its primary identifier, as an import gives it; ResourceError if there is none."""
    raise ResourceError(f"the local engine does not import {', '.join(identifier.values())}, an {given.type}")


_LONGEST: Final = {"AWS::IAM::Role": 64, "AWS::S3::Bucket": 63, "AWS::Lambda::Function": 64, "AWS::SQS::Queue": 80}


def _new_name(resource_type: str, stack_name: str, logical_id: str) -> str:
    """Return a name as AWS makes one: of the stack and the resource, shortened, and of random letters."""
    suffix = secrets.token_hex(6)
    longest = _LONGEST.get(resource_type, 255) - len(suffix) - 1
    name = f"{stack_name}-{logical_id}"[:longest].rstrip("-") + f"-{suffix}"
    return name.lower() if resource_type == "AWS::S3::Bucket" else name


def _refusal(error: Exception) -> ResourceError:
    if isinstance(error, ResourceError):
        return error
    if isinstance(error, PolicyError):
        return ResourceError(str(error))
    # moto's errors carry their text in `message`, some as HTML.
    text = re.sub(r"<[^>]+>", "", str(getattr(error, "message", "") or error)).strip()
    return ResourceError(f"{type(error).__name__}: {text}")
