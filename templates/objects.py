"""troposphere's and awacs' objects: what they stand for, validated, each visited once.

`Template.to_dict` encodes a value again at each level above it, which is half of the time that a large project takes.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final, ParamSpec, TypeVar

from troposphere import AWSHelperFn, BaseAWSObject, Template

P = ParamSpec("P")
T = TypeVar("T")

SHARED: Final[dict[int, Any]] = {}
"""The objects that many templates hold, by their `id`; kept, so that no other object gets one of these."""


def shared(build: Callable[P, T]) -> Callable[P, T]:
    """Let a function build each object once, for all templates: nobody may change what it returns."""

    @cache
    def built(*args: P.args, **kwargs: P.kwargs) -> T:
        value = build(*args, **kwargs)
        SHARED[id(value)] = value
        return value

    return built  # type: ignore[return-value]  # a cached function has the arguments of the one below it


def sections(template: Template) -> dict[str, Any]:
    """Return the sections of a template, with objects in them; each resource is a mapping, validated."""
    found = {
        "AWSTemplateFormatVersion": template.version,
        "Transform": template.transform,
        "Description": template.description,
        "Metadata": template.metadata,
        "Parameters": template.parameters,
        "Mappings": template.mappings,
        "Conditions": template.conditions,
        "Rules": template.rules,
        "Globals": template.globals,
        "Outputs": template.outputs,
    }
    resources = {name: unfolded(resource) for name, resource in template.resources.items()}
    return {name: value for name, value in found.items() if value} | {"Resources": resources}


def plain(value: Any) -> Any:
    """Return a value without objects, as CloudFormation takes it; those who change it change nothing else.

    Raises:
        ValueError: troposphere refuses an object: a required property is missing, or a value cannot be.
    """
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    inner = unfolded(value)
    return value if inner is value else plain(inner)


def unfolded(value: Any) -> Any:
    """Return what an object stands for, which may hold objects, and what is no object itself; raises as `plain`."""
    return _unfolder(value.__class__)(value)


@cache
def _unfolder(kind: type) -> Callable[[Any], Any]:
    """Return the function that unfolds the objects of a class, as troposphere's `encode_to_dict` would."""
    method = getattr(kind, "to_dict", None)
    if method is BaseAWSObject.to_dict:
        return _body
    if method is AWSHelperFn.to_dict:
        return _data
    return method or getattr(kind, "JSONrepr", None) or _itself


def _body(value: Any) -> Any:
    # What `to_dict` does first; it would go on to encode all that is below.
    if value.do_validation:
        value._validate_props()
        value.validate()
    return value.resource if value.properties else {k: v for k, v in value.resource.items() if k != "Properties"}


def _data(value: Any) -> Any:
    return value.data


def _itself(value: Any) -> Any:
    return value
