"""What CloudFormation does to each type of resource in the local engine: create, update in place, delete, find.

The models are moto's or the engine's own; what their properties say is then so in the backends that serve the APIs.
Source: CloudFormation Command Line Interface User Guide, "Handler contract" and "Handler error codes".
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any, Final, Protocol

from moto.cloudformation import parsing

from ceap.local import role_policies
from ceap.local.patterns import PolicyError
from ceap.local.stack_models import ResourceError, StackModel, kept
from ceap.local.stacks import backend_models, functions_and_roles, messaging, stores
from ceap.local.stacks.handler import Given, Handler
from templates import naming
from templates.resource_schemas import load_schema

__all__ = ["Given", "Model", "choose_name", "create", "delete", "find", "name_property", "update"]


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
    return _NAMED_BY.get(resource_type) or parsing.get_name_type_map().get(resource_type) or ""


def create(given: Given) -> Model:
    """Create a resource; ResourceError, in AWS's words, if it cannot be, and then nothing is left of it."""
    handler = _handler(given.type)
    if handler.find(given, given.name) is not None:
        text = f"Resource of type '{given.type}' with identifier '{given.name}' already exists."
        raise ResourceError(text, "AlreadyExists")
    try:
        model = handler.create(given)
    except Exception as error:  # moto raises whatever its services raise
        raise _refusal(error) from error
    try:
        return _named(handler.apply(model, given), given)
    except Exception as error:
        handler.delete(model, given)
        raise _refusal(error) from error


def update(model: Model, given: Given) -> Model:
    """Make an existing resource what its properties now say, under its name; ResourceError leaves it as it was."""
    before = {key: dict(value) if type(value) is dict else value for key, value in vars(model).items()}
    try:
        return _named(_handler(given.type).apply(model, given), given)
    except Exception as error:  # moto raises whatever its services raise
        vars(model).clear()
        vars(model).update(before)
        raise _refusal(error) from error


def delete(model: Model, given: Given) -> None:
    """Delete a resource, as it was last given, with what it holds; ResourceError if AWS refuses that.

    One that is gone already is no error.
    """
    try:
        _handler(given.type).delete(model, given)
    except Exception as error:  # moto raises whatever its services raise
        raise _refusal(error) from error


def find(given: Given, identifier: Mapping[str, str]) -> Model:
    """Return an existing resource by its primary identifier, as an import gives it; ResourceError if there is none."""
    schema = load_schema(given.type)
    if schema is None or "read" not in schema.permissions:
        raise ResourceError(f"ResourceTypes [{given.type}] are not supported for Import")
    value = ", ".join(identifier.values())
    if (model := _handler(given.type).find(given, value)) is None:
        raise ResourceError(f"Resource of type '{given.type}' with identifier '{value}' was not found.", "NotFound")
    return _named(model, given)


def _named(model: Any, given: Given) -> Model:
    model.cf_resource_type = given.type
    model.logical_resource_id = given.logical_id
    named: Model = model
    return named


def _handler(resource_type: str) -> Handler:
    """Return what handles a type; one that has only moto's CloudFormation can be created and deleted."""
    if (found := _HANDLERS.get(resource_type)) is not None:
        return found
    model_class = parsing.resource_class_from_type(resource_type)
    return _own(model_class) if issubclass(model_class, StackModel) else _MOTOS


def _own(model_class: type[StackModel]) -> Handler:
    """Return the handler of a type that is the engine's own."""

    def find(given: Given, name: str) -> StackModel | None:
        is_arn = name.startswith("arn:") and not issubclass(model_class, backend_models.BACKED)
        return model_class.find(name.rpartition(":")[2] if is_arn else name, given.account, given.region)

    def create(given: Given) -> StackModel:
        return model_class(given.name, given.properties, given.account, given.region)

    def apply(model: StackModel, given: Given) -> StackModel:
        model.properties = given.properties
        try:
            model.apply()
        except KeyError as error:
            raise ResourceError(f"{given.logical_id} ({given.type}): property {error} is missing") from error
        kept(given.account, given.region)[given.type, model.name] = model
        return model

    def delete(model: StackModel, given: Given) -> None:
        model.delete()
        kept(given.account, given.region).pop((given.type, model.name), None)

    return Handler(find, apply, delete, create)


def _keep(model: Any, given: Given) -> Any:
    if vars(model).setdefault("ceap_properties", given.properties) != given.properties:
        raise ResourceError(f"the local engine does not update a resource of type {given.type}")
    role_policies.check_policies({given.logical_id: model}, given.account)
    return model


def _delete_by_moto(model: Any, given: Given) -> None:
    if "delete" in dir(model):
        model.delete(given.account, given.region)
    else:
        body = {"Type": given.type, "Properties": dict(given.properties)}
        name = model.physical_resource_id
        type(model).delete_from_cloudformation_json(name, body, given.account, given.region)


_MOTOS: Final = Handler(lambda *_: None, _keep, _delete_by_moto)
_HANDLERS: Final = {**messaging.HANDLERS, **stores.HANDLERS, **functions_and_roles.HANDLERS}


_NAMED_BY: Final = {"AWS::IAM::ManagedPolicy": "ManagedPolicyName"}
_LONGEST: Final = {
    "AWS::IAM::Role": naming.GENERATED_MAX,
    "AWS::Lambda::Function": naming.GENERATED_MAX,
    "AWS::S3::Bucket": 63,
    "AWS::SQS::Queue": 80,
}


def _new_name(resource_type: str, stack_name: str, logical_id: str) -> str:
    """Return a name as AWS makes one: of the stack and the resource, shortened, and of random letters."""
    name = naming.generated(stack_name, logical_id, f"-{secrets.token_hex(6)}", _LONGEST.get(resource_type, 255))
    return name.lower() if resource_type == "AWS::S3::Bucket" else name


def _refusal(error: Exception) -> ResourceError:
    if isinstance(error, ResourceError):
        return error
    if isinstance(error, PolicyError):
        return ResourceError(str(error))
    # moto's errors carry their text in `message`, some as HTML, and AWS's code under one of two names.
    text = re.sub(r"<[^>]+>", "", str(getattr(error, "message", "") or error)).strip()
    code = getattr(error, "error_type", "") or getattr(error, "code", "")
    return ResourceError(f"{text} ({code})" if isinstance(code, str) and code else f"{type(error).__name__}: {text}")
