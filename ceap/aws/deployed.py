"""The deployed stack of a workflow: its template as CloudFormation keeps it, and the values that fill it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from ceap.aws.session import Aws
from ceap.aws.stacks import find_stack, read_resources, read_template, values_in
from ceap.cfn.lookup import FUNCTION, resource
from ceap.cfn.substitution import TOKEN, literal
from ceap.cfn.template import Template, load_template, parse_template
from ceap.errors import SetupError
from templates import naming

SETTLED: Final = (
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
)
"""The states in which all that the template says is there, and no operation changes it."""

LIVE: Final = (
    *SETTLED,
    "UPDATE_IN_PROGRESS",
    "UPDATE_FAILED",
    "UPDATE_ROLLBACK_IN_PROGRESS",
    "UPDATE_ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    "IMPORT_IN_PROGRESS",
    "IMPORT_ROLLBACK_IN_PROGRESS",
    "IMPORT_ROLLBACK_FAILED",
)
"""Those, and the states in which a stack that was whole before is changed, or could not be changed."""


class DeployedStack(msgspec.Struct, frozen=True, kw_only=True):
    """`physical` are physical ids by logical id, `outputs` its own, `exports` the foundation's by their names."""

    name: str
    template: Template
    parameters: Mapping[str, str]
    physical: Mapping[str, str]
    exports: Mapping[str, str]
    account: str
    region: str
    partition: str
    outputs: Mapping[str, str] = {}

    def value(self, value: Any) -> str | None:
        """Return what a value of the template is in this stack; None if only AWS knows it."""
        match value:
            case {"Ref": str(name), **others} if not others:
                return self._values().get(name)
            case {"Fn::GetAtt": [str(name), "Arn"], **others} if not others:
                return self._arn(name)
            case {"Fn::Sub": [str(text), dict(own)], **others} if not others:
                return self._filled(text, {name: self.value(given) for name, given in own.items()})
            case {"Fn::Sub": str(text), **others} if not others:
                return self._filled(text, {})
            case {"Fn::ImportValue": name, **others} if not others:
                return self.exports.get(self.value(name) or "")
            case _:
                return literal(value)

    def definition(self, machine: str) -> dict[str, Any]:
        """Return what a state machine of the template is to run; a token whose value only AWS knows stays in it."""
        found = resource(self.template, machine)
        properties = found.properties if found else {}
        values = {key: self.value(value) for key, value in properties.get("DefinitionSubstitutions", {}).items()}
        text = TOKEN.sub(lambda token: values.get(token[1]) or token[0], properties["DefinitionString"])
        parsed: dict[str, Any] = json.loads(text)
        return parsed

    def _values(self) -> Mapping[str, str]:
        pseudo = {
            "AWS::AccountId": self.account,
            "AWS::Region": self.region,
            "AWS::Partition": self.partition,
            "AWS::StackName": self.name,
        }
        return {**self.physical, **self.parameters, **pseudo}

    def _filled(self, text: str, own: Mapping[str, str | None]) -> str | None:
        values = {**self._values(), **own}
        found = [values.get(token[1]) for token in TOKEN.finditer(text)]
        return None if None in found else TOKEN.sub(lambda token: values[token[1]] or "", text)

    def _arn(self, logical_id: str) -> str | None:
        found, name = resource(self.template, logical_id), self.physical.get(logical_id)
        if found is None or found.type != FUNCTION or name is None:
            return None
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{name}"


def load_stack(aws: Aws, workflow: str, environment: str, states: Collection[str] = SETTLED) -> DeployedStack:
    """Read the stack of a workflow and what the foundation exports.

    Raises:
        SetupError: one is missing, or in another of the states, e.g. being changed.
    """
    name = naming.stack(workflow, environment)
    stack = _found(aws, name, states)
    foundation = _found(aws, naming.stack(naming.FOUNDATION, environment), states)
    return DeployedStack(
        name=name,
        template=parse_template(read_template(aws, stack) or "", f"stack {name}"),
        parameters=values_in(stack),
        physical=dict(read_resources(aws, stack["StackId"])),
        exports={
            output["ExportName"]: output["OutputValue"]
            for output in foundation.get("Outputs", ())
            if "ExportName" in output
        },
        account=aws.account,
        region=aws.region,
        partition=aws.partition,
        outputs={output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())},
    )


def difference_from(stack: DeployedStack, file: Path) -> str | None:
    """Return a note if a file, the committed template, is missing or not what is deployed, which is what is judged."""
    if file.is_file() and load_template(file).data == stack.template.data:
        return None
    what = "another template than" if file.is_file() else "a template, but there is no"
    environment = stack.parameters.get("Environment", "ENV")
    return (
        f"stack {stack.name} has {what} {file.parent.name}/{file.name}; smoke judges what is deployed: see "
        f"`ceap diff {file.parent.name}/{file.name} --deployed --env {environment}`"
    )


def agrees(expected: Any, found: Any) -> bool:
    """Tell whether a definition is the expected one; a token in the expected text stands for any text."""
    match expected, found:
        case dict(), dict():
            return expected.keys() == found.keys() and all(agrees(expected[key], found[key]) for key in expected)
        case list(), list():
            return len(expected) == len(found) and all(map(agrees, expected, found))
        case str(), str() if TOKEN.search(expected):
            return True
        case _:
            return bool(expected == found)


def _found(aws: Aws, name: str, states: Collection[str]) -> dict[str, Any]:
    stack = find_stack(aws, name)
    if stack is None:
        raise SetupError(f"stack {name} does not exist; deploy it first: `ceap deploy`")
    if stack["StackStatus"] not in states:
        raise SetupError(
            f"stack {name} is {stack['StackStatus']}; it has to be one of {', '.join(states)}; wait, or run "
            "`ceap deploy`"
        )
    return stack
