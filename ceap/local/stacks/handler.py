"""What each handler of a resource type takes and does."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

from moto.cloudformation import parsing


class Given(NamedTuple):
    """A resource as a template has it, without intrinsic functions; `name` is what `choose_name` returned for it."""

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    name: str
    account: str
    region: str
    stack_id: str


def make(given: Given) -> Any:
    """Return the model that moto's CloudFormation makes of a resource."""
    return parsing.resource_class_from_type(given.type).create_from_cloudformation_json(
        given.name,
        # moto changes the properties that it is given.
        {"Type": given.type, "Properties": deepcopy(dict(given.properties))},
        given.account,
        given.region,
        LogicalId=given.logical_id,
        StackId=given.stack_id,
        ResourceType=given.type,
    )


class Handler(NamedTuple):
    """What can be done to resources of a type.

    `find` returns the model of a name or of what identifies a resource on AWS, None if there is none; `apply` makes a
    model what the properties say and returns it, or another that took its place; `delete` is harmless if it is gone.
    """

    find: Callable[[Given, str], Any]
    apply: Callable[[Any, Given], Any]
    delete: Callable[[Any, Given], None]
    create: Callable[[Given], Any] = make


def tags_of(given: Given) -> dict[str, str]:
    """Return the tags of a resource, which some types have as a list and some as a map."""
    tags = given.properties.get("Tags", {})
    return dict(tags) if isinstance(tags, Mapping) else {tag["Key"]: str(tag["Value"]) for tag in tags}
