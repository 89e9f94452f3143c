"""Versions and aliases of functions, as CloudFormation makes them in moto's backend."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaBackend, lambda_backends
from moto.core.common_models import CloudFormationModel

from ceap.local.calls import read_function_name
from ceap.local.stack_models import ResourceError, StackModel, kept


class FunctionVersion(StackModel, CloudFormationModel):
    """AWS::Lambda::Version: what the function is when the version is published; each property replaces it."""

    type_name = "AWS::Lambda::Version"
    version = ""

    def apply(self) -> None:
        backend, name = _backend(self), _function(self, {"CodeSha256", "Description"})
        if self.version:
            return
        function = backend.get_function(name)
        published = {each.version for each in backend.list_versions_by_function(name)}
        made = backend.publish_version(name, self.properties.get("Description", ""))
        if made is None or made.version in published:
            last = made.version if made else 0
            text = f"A version for this Lambda function exists ( {last} ). Modify the function to create a new version."
            raise ResourceError(text, "AlreadyExists")
        function.code_or_config_updated = False  # moto forgets it after the first one
        self.version = str(made.version)

    def delete(self) -> None:
        with suppress(UnknownFunctionException):
            _backend(self).delete_function(_function(self), self.version)

    @property
    def physical_resource_id(self) -> str:
        return _arn(self, self.version)

    @property
    def attributes(self) -> Mapping[str, Any]:
        return {"FunctionArn": self.physical_resource_id, "Version": self.version}

    @classmethod
    def find(cls, name: str, account: str, region: str) -> StackModel | None:
        return _find(cls, name, account, region)


class FunctionAlias(StackModel, CloudFormationModel):
    """AWS::Lambda::Alias: leads to one version."""

    type_name = "AWS::Lambda::Alias"
    alias = ""

    def apply(self) -> None:
        backend, name = _backend(self), _function(self, {"Description", "FunctionVersion", "Name"})
        description, version = self.properties.get("Description", ""), str(self.properties["FunctionVersion"])
        if self.alias:
            backend.update_alias(self.alias, name, version, description, "")
        else:
            backend.create_alias(self.properties["Name"], name, version, description, "")
            self.alias = self.properties["Name"]

    def delete(self) -> None:
        with suppress(UnknownFunctionException):
            _backend(self).delete_alias(self.alias, _function(self))

    @property
    def physical_resource_id(self) -> str:
        return _arn(self, self.alias)

    @property
    def attributes(self) -> Mapping[str, Any]:
        return {"AliasArn": self.physical_resource_id}

    @classmethod
    def find(cls, name: str, account: str, region: str) -> StackModel | None:
        return _find(cls, name, account, region)


TYPES: Final = (FunctionVersion, FunctionAlias)


def _backend(model: StackModel) -> LambdaBackend:
    return lambda_backends[model.account][model.region]


def _function(model: StackModel, modelled: set[str] | None = None) -> str:
    """Return the name of a model's function; ResourceError if a property is not among those that are modelled."""
    if modelled is not None and (strange := sorted(set(model.properties) - modelled - {"FunctionName"})):
        raise ResourceError(f"the local engine does not model {', '.join(strange)} of {model.type_name}")
    return read_function_name(model.properties["FunctionName"]).name


def _arn(model: StackModel, qualifier: str) -> str:
    return f"arn:aws:lambda:{model.region}:{model.account}:function:{_function(model)}:{qualifier}"


def _find(kind: type[StackModel], name: str, account: str, region: str) -> StackModel | None:
    made = [model for (type_name, _), model in kept(account, region).items() if type_name == kind.type_name]
    return next((model for model in made if model.physical_resource_id == name), None)
