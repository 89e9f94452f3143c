"""Stacks: templates deployed into moto's resources, with nothing skipped.

moto's own CloudFormation creates the resources; where it only warns, this fails: an unknown resource type,
a null, a parameter that is missing or breaks its pattern. Create only: no update, rollback or drift.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from moto.cloudformation import parsing
from moto.cloudformation.models import Stack as MotoStack
from moto.cloudformation.models import cloudformation_backends
from moto.logs.models import LogGroup

from ceap.local import role_policies, schedules, stack_models
from ceap.local.hooks import replace
from ceap.local.own import modelled
from ceap.local.patterns import PolicyError
from ceap.local.sessions import REGION
from ceap.local.stacks import backend_models
from templates.document import DocumentError, parse_document, walk_scalars

DELETION_POLICIES: Final = {"Delete", "Retain", "Snapshot", "RetainExceptOnCreate"}


class DeployError(ValueError):
    """A template cannot be deployed; the message names the stack and the reason."""


class Stack:
    """A deployed stack; `notes` tell what was left out of it."""

    def __init__(
        self, name: str, outputs: Mapping[str, str], models: Mapping[str, Any], notes: Sequence[str] = ()
    ) -> None:
        self.name: Final = name
        self.notes: Final = notes
        self.outputs: Final = outputs
        self._models: Final = models

    def physical_id(self, logical_id: str) -> str:
        """Return what `Ref` gives for a resource; raises KeyError for one that was not created."""
        return str(self._models[logical_id].physical_resource_id)

    def of_type(self, resource_type: str) -> dict[str, Any]:
        """Return the models of a resource type by logical id."""
        return {key: model for key, model in self._models.items() if model.cf_resource_type == resource_type}


def deploy(account: str, text: str, name: str, parameters: Mapping[str, str]) -> Stack:
    """Create a stack from a template; DeployError if AWS would refuse it or the engine does not model it."""
    try:
        template = parse_template(text)
        _check_template(template)
        template, notes, refused = modelled(template)
        if refused:
            raise DeployError(refused)
        text = json.dumps(template) if notes else text
        _check_parameters(template.get("Parameters", {}), parameters)
        created = cloudformation_backends[account][REGION].create_stack(name, text, dict(parameters))
        role_policies.check_policies({key: created.resource_map[key] for key in template["Resources"]}, account)
        outputs = {output.key: output.value for output in created.output_map.values()}
    except Exception as error:  # moto raises whatever its services raise
        raise DeployError(f"stack {name}: {_reason(error)}") from error
    models = created.resource_map
    return Stack(name, outputs, {key: models[key] for key in template["Resources"] if models[key] is not None}, notes)


@lru_cache(maxsize=1)
def install() -> None:
    """Hook moto's CloudFormation, once per process; AttributeError if moto lacks a part."""
    for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        cached.cache_clear()
    known = parsing.get_model_map()
    for model in (*stack_models.TYPES, *backend_models.TYPES, *schedules.TYPES):
        if known.get(model.type_name) is not model:
            raise AttributeError(f"moto's CloudFormation does not take our {model.type_name}")
    backend_models.install()
    role_policies.install()
    replace(LogGroup, "get_cfn_attribute", _log_group_attribute(LogGroup.get_cfn_attribute))
    replace(MotoStack, "parse_template", staticmethod(parse_template))
    replace(parsing, "clean_json", _without_nothing(parsing.clean_json))
    replace(parsing, "resource_class_from_type", _strict(parsing.resource_class_from_type))


def _without_nothing(clean: Callable[..., Any]) -> Callable[..., Any]:
    def clean_json(value: Any, resources_map: Any) -> Any:
        # AWS::NoValue removes an item from a list as it removes a property; moto leaves a None there.
        cleaned = clean(value, resources_map)
        return [item for item in cleaned if item is not None] if isinstance(value, list) else cleaned

    return clean_json


def _strict(find: Callable[[str], Any]) -> Callable[[str], Any]:
    def find_or_fail(resource_type: str) -> Any:
        if (model := find(resource_type)) is None:
            raise stack_models.ResourceError(f"the local engine does not know the resource type {resource_type}")
        return model

    return find_or_fail


def _log_group_attribute(original: Callable[..., Any]) -> Callable[..., Any]:
    def attribute(self: Any, attribute_name: str) -> Any:
        # On AWS the Arn of a log group ends in `:*`; grants and log destinations depend on it.
        value = original(self, attribute_name)
        return f"{value}:*" if attribute_name == "Arn" else value

    return attribute


def parse_template(text: str) -> dict[str, Any]:
    """Return a template with long-form intrinsics, from YAML or JSON; DeployError if the text is neither."""
    try:
        template = parse_document(text).data
    except DocumentError as error:
        raise DeployError(f"line {error.line}: {error}") from None
    return template if isinstance(template, dict) else {}


def _check_template(template: Mapping[str, Any]) -> None:
    if not template.get("Resources"):
        raise DeployError("the template has no Resources")
    if place := next((path for path, value in walk_scalars(template) if value is None), None):
        raise DeployError(f"[{place}] 'null' values are not allowed in templates")
    for logical_id, resource in template["Resources"].items():
        policy = resource.get("DeletionPolicy", "Delete")
        if policy not in DELETION_POLICIES:
            raise DeployError(f"{logical_id}: DeletionPolicy {policy} is unknown")


def _check_parameters(declared: Mapping[str, Any], given: Mapping[str, str]) -> None:
    if unknown := sorted(set(given) - set(declared)):
        raise DeployError(f"parameters {', '.join(unknown)} are not declared; declared: {', '.join(declared)}")
    for name, parameter in declared.items():
        value = given.get(name, parameter.get("Default"))
        if value is None:
            raise DeployError(f"parameter {name} has no value")
        pattern = parameter.get("AllowedPattern")
        if pattern and not re.fullmatch(pattern, str(value)):
            raise DeployError(f"parameter {name} is {value!r}; allowed: {pattern}")


def _reason(error: Exception) -> str:
    # moto's CloudFormation errors carry their text in `message`.
    text = str(getattr(error, "message", "") or error) or type(error).__name__
    return (
        text
        if isinstance(error, DeployError | PolicyError | stack_models.ResourceError)
        else f"{type(error).__name__}: {text}"
    )
