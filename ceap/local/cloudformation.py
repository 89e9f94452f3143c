"""Stacks that the engine itself deploys, and the hooks into what moto knows of CloudFormation's resource types."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from moto.cloudformation import parsing
from moto.logs.models import LogGroup

from ceap.errors import SetupError
from ceap.local import schedules, stack_models
from ceap.local.hooks import replace
from ceap.local.own import modelled
from ceap.local.stacks import backend_models, function_versions
from ceap.local.stacks.api_errors import StackApiError
from ceap.local.stacks.blueprint import check_format, parse_template
from ceap.local.stacks.planning import check_name, draw_blueprint
from ceap.local.stacks.records import Operation, Plan
from ceap.local.stacks.registry import REVIEW, Registry


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


def deploy(registry: Registry, text: str, name: str, parameters: Mapping[str, str]) -> Stack:
    """Create a stack as the driver, at once; what a failure leaves stays.

    Raises:
        DeployError: AWS would refuse the template, or the engine does not model it.
        SetupError: A package that a function imports is not installed here.
    """
    try:
        template = parse_template(text)
        check_format(template)
        template, notes, refused = modelled(template)
        if refused:
            raise StackApiError(refused)
        record = registry.add(check_name(name), REVIEW)
        plan = Plan(blueprint=draw_blueprint(text, template, parameters, record.arn), tags={}, on_failure="DO_NOTHING")
    except StackApiError as error:
        raise DeployError(f"stack {name}: {error}") from error
    work = registry.work(record, Operation(str(uuid.uuid4()), "CREATE_STACK"), registry.sessions.driver)
    work.create(plan)
    if isinstance(work.cause, SetupError):
        raise work.cause
    if work.cause is not None:
        raise DeployError(f"stack {name}: {work.cause}") from work.cause
    models = {key: held.made.model for key, held in record.resources.items() if held.made}
    return Stack(name, record.outputs, models, notes)


@lru_cache(maxsize=1)
def install() -> None:
    """Hook moto's CloudFormation, once per process; AttributeError if moto lacks a part."""
    for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        cached.cache_clear()
    known = parsing.get_model_map()
    for model in (*stack_models.TYPES, *backend_models.TYPES, *function_versions.TYPES, *schedules.TYPES):
        if known.get(model.type_name) is not model:
            raise AttributeError(f"moto's CloudFormation does not take our {model.type_name}")
    backend_models.install()
    replace(LogGroup, "get_cfn_attribute", _log_group_attribute(LogGroup.get_cfn_attribute))
    replace(parsing, "resource_class_from_type", _strict(parsing.resource_class_from_type))


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
