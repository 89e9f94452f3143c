"""A template with the values of its parameters: the resources that a stack is to have, in the order of their creation.

Source: CloudFormation User Guide, "Template anatomy", "DependsOn attribute" and "Acknowledging IAM resources".
"""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

import msgspec
from moto.cloudformation import parsing

from ceap.cfn.lookup import references
from ceap.local.stacks.api_errors import InsufficientCapabilitiesError, StackApiError, UnmodelledError
from ceap.local.stacks.intrinsics import Scope, holds
from ceap.local.stacks.resources import name_property
from templates.document import DocumentError, parse_document, walk_scalars

_RESOURCE_KEYS: Final = frozenset(
    {
        "Condition",
        "CreationPolicy",
        "DeletionPolicy",
        "DependsOn",
        "Metadata",
        "Properties",
        "Type",
        "UpdatePolicy",
        "UpdateReplacePolicy",
    }
)
_UNMODELLED: Final = frozenset({"Hooks", "Rules", "Transform"})
_POLICIES: Final = {
    "DeletionPolicy": frozenset({"Delete", "Retain", "RetainExceptOnCreate", "Snapshot"}),
    "UpdateReplacePolicy": frozenset({"Delete", "Retain", "Snapshot"}),
}
_IAM: Final = frozenset(
    f"AWS::IAM::{name}" for name in ("AccessKey", "Group", "InstanceProfile", "ManagedPolicy", "Policy", "Role", "User")
)


class Declared(msgspec.Struct, frozen=True):
    """A resource as the template declares it; `needs` are the resources that must be there before it."""

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    needs: frozenset[str]
    deletion_policy: str
    update_replace_policy: str


class Blueprint(msgspec.Struct, frozen=True):
    """What a stack is to be: `resources` in the order of creation, without those whose condition does not hold."""

    text: str
    data: Mapping[str, Any]
    parameters: Mapping[str, str]
    resources: Mapping[str, Declared]
    outputs: Mapping[str, Any]


def parse_template(text: str) -> dict[str, Any]:
    """Return a template with long-form intrinsics, from YAML or JSON; StackApiError if the text is neither."""
    try:
        template = parse_document(text).data
    except DocumentError as error:
        raise StackApiError(f"Template format error: line {error.line}: {error}") from None
    if not isinstance(template, dict):
        raise StackApiError("Template format error: unsupported structure.")
    return template


def check_format(template: Mapping[str, Any]) -> None:
    """Raise StackApiError for a template that is not formed as CloudFormation needs it."""
    if unmodelled := sorted(_UNMODELLED & set(template)):
        raise UnmodelledError(f"the section {unmodelled[0]} of a template")
    resources = template.get("Resources")
    if not isinstance(resources, dict) or not resources:
        raise StackApiError("Template format error: At least one Resources member must be defined.")
    if place := next((path for path, value in walk_scalars(template) if value is None), None):
        raise StackApiError(f"[{place}] 'null' values are not allowed in templates")
    for logical_id, resource in resources.items():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise StackApiError(
                f"Template format error: [/Resources/{logical_id}] Every Resources object must contain a Type member."
            )
        if unknown := sorted(set(resource) - _RESOURCE_KEYS):
            raise StackApiError(f"Invalid template resource property '{unknown[0]}'")
        for key, known in _POLICIES.items():
            if (policy := resource.get(key, "Delete")) not in known:
                raise StackApiError(f"Template format error: Unrecognized {key} {policy} for resource {logical_id}")


def check_template(template: Mapping[str, Any]) -> None:
    """Raise StackApiError for what CloudFormation refuses in a template, or the engine does not know."""
    check_format(template)
    resources = template["Resources"]
    for name, output in template.get("Outputs", {}).items():
        if not isinstance(output, dict) or "Value" not in output:
            raise StackApiError(
                f"Template format error: [/Outputs/{name}] Every Outputs member must contain a Value object"
            )
    if strange := sorted({resource["Type"] for resource in resources.values()} - set(parsing.get_model_map())):
        raise StackApiError(f"the local engine does not know the resource type {', '.join(strange)}")
    known_names = {*resources, *template.get("Parameters", {})}
    explicit = {name for resource in resources.values() for name in _depends_on(resource)}
    for section, more in (("Resources", explicit), ("Outputs", set[str]())):
        named = more | {name for _, name, _ in references(template.get(section, {})) if not name.startswith("AWS::")}
        if lost := sorted(named - known_names):
            raise StackApiError(
                f"Template format error: Unresolved resource dependencies [{', '.join(lost)}] "
                f"in the {section} block of the template"
            )


def required_capabilities(template: Mapping[str, Any]) -> list[str]:
    """Return the capability that must be acknowledged to create what the template has; empty if none."""
    kinds = [resource for resource in template["Resources"].values() if resource["Type"] in _IAM]
    if not kinds:
        return []
    is_named = any(name_property(each["Type"]) in each.get("Properties", {}) for each in kinds)
    return ["CAPABILITY_NAMED_IAM" if is_named else "CAPABILITY_IAM"]


def check_capabilities(template: Mapping[str, Any], given: Iterable[str]) -> None:
    """Raise InsufficientCapabilitiesError unless those that the template requires were given."""
    required = required_capabilities(template)
    if required and not {*required, "CAPABILITY_NAMED_IAM"} & set(given):
        raise InsufficientCapabilitiesError(f"Requires capabilities : [{', '.join(required)}]")


def draw(text: str, template: Mapping[str, Any], parameters: Mapping[str, str], scope: Scope) -> Blueprint:
    """Return the blueprint of a checked template; StackApiError for resources that depend on each other."""
    kept = {
        logical_id: body
        for logical_id, body in template["Resources"].items()
        if "Condition" not in body or holds(body["Condition"], scope)
    }
    outputs = {
        name: body
        for name, body in template.get("Outputs", {}).items()
        if "Condition" not in body or holds(body["Condition"], scope)
    }
    declared = {logical_id: _declared(logical_id, body, kept) for logical_id, body in kept.items()}
    return Blueprint(text, template, parameters, {name: declared[name] for name in _in_order(declared)}, outputs)


def _declared(logical_id: str, body: Mapping[str, Any], kept: Mapping[str, Any]) -> Declared:
    named = {*_depends_on(body), *(name for _, name, _ in references(body.get("Properties", {})))}
    return Declared(
        logical_id=logical_id,
        type=body["Type"],
        properties=body.get("Properties", {}),
        needs=frozenset(named & set(kept)),
        deletion_policy=body.get("DeletionPolicy", "Delete"),
        update_replace_policy=body.get("UpdateReplacePolicy", "Delete"),
    )


def _depends_on(body: Mapping[str, Any]) -> list[str]:
    explicit = body.get("DependsOn", [])
    return [explicit] if isinstance(explicit, str) else list(explicit)


def _in_order(declared: Mapping[str, Declared]) -> list[str]:
    try:
        return list(TopologicalSorter({name: sorted(each.needs) for name, each in declared.items()}).static_order())
    except CycleError as error:
        raise StackApiError(f"Circular dependency between resources: [{', '.join(error.args[1][1:])}]") from None
