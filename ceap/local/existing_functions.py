"""The existing functions that steps call, as a local run makes them: from folders of the seed.

{folder}/functions/{parameter}/          the code, e.g. `lambda_function.py`, and the packages that it imports
{folder}/functions/{parameter}.json      what it has beside its code (`Configuration`); without the file: the defaults

A function is called as its parameter, without `Arn` at the end.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import Meta

from ceap.errors import UsageError
from ceap.local.patterns import PolicyError
from ceap.local.policies import VERSIONS, read_policy
from ceap.local.seed_values import local_name
from handlers.runtime.needs import whole
from templates import naming, words
from templates.lambda_runtime import ARCHITECTURE, RUNTIME

FUNCTIONS_FOLDER: Final = "functions"
STACK_NAME: Final = "existing-functions"
"""The stack in which a run makes them: on AWS they are of stacks, or of none, that ceap does not know."""

_CONFIGURATION_SUFFIX: Final = ".json"
_HANDLER: Final = "lambda_function.lambda_handler"
_BYTE_CODE: Final = "__pycache__"


class Configuration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a function has beside its code; placeholders in its texts are those of the declaration.

    Its role may write its logs and do what the policy allows, a policy document of IAM. The defaults of time and memory
    are those of a step, because Lambda's own (3 s, 128 MB) are seldom what a function has.
    """

    handler: Annotated[str, Meta(pattern=whole(r"[A-Za-z0-9_./-]+\.[A-Za-z0-9_]+"))] = _HANDLER
    timeout_s: Annotated[int, Meta(ge=1, le=900)] = 60
    memory_mb: Annotated[int, Meta(ge=128, le=10_240)] = 1024
    environment: dict[str, str] = {}
    policy: dict[str, Any] | None = None


class ExistingFunction(NamedTuple):
    """A function of a seed: `files` are those of its code, by their paths in `folder`."""

    folder: Path
    files: Mapping[str, Path]
    configuration: Configuration

    @property
    def name(self) -> str:
        return function_name(self.folder.name)


def function_name(parameter: str) -> str:
    """Return what a local run calls the function whose ARN a parameter gives."""
    return parameter.removesuffix("Arn")


def place_of(folder: Path, parameter: str) -> Path:
    """Return the folder in a seed that has the code of a function."""
    return folder / FUNCTIONS_FOLDER / parameter


def configuration_of(folder: Path) -> Path:
    """Return the file beside the folder of a function's code that says what else it has."""
    return folder.with_name(folder.name + _CONFIGURATION_SUFFIX)


def load_function(folder: Path, files: Iterable[Path]) -> ExistingFunction:
    """Return a function of a seed; UsageError if its handler or its configuration cannot be.

    Args:
        folder: That of its code.
        files: Those of the folder, which can be read.
    """
    configuration = _load_configuration(configuration_of(folder))
    code = {path.relative_to(folder).as_posix(): path for path in files if _BYTE_CODE not in path.parts}
    module = configuration.handler.rpartition(".")[0].replace(".", "/")
    if f"{module}.py" not in code and f"{module}/__init__.py" not in code:
        raise UsageError(
            f"{folder}/{module}.py: is missing, the module of the function's handler {configuration.handler}; put it "
            f"there, or name another handler in {configuration_of(folder)}"
        )
    return ExistingFunction(folder, code, configuration)


def missing_function(place: Path, parameter: str, stage: str, others: Iterable[str]) -> UsageError:
    """Return the refusal of a run whose seed lacks a function; `others` are those that it has and no step names."""
    found = words.listed(sorted(others))
    instead = f"; the seed has {found}, which no step names" if found else ""
    return UsageError(
        f"{place}/lambda_function.py: is missing: {stage} is done by an existing function (legacy: {parameter}); put "
        f"its code there, with lambda_handler(event, context){instead}"
    )


def template_of(
    functions: Mapping[str, ExistingFunction], bucket: str, keys: Mapping[str, str], *, account: str
) -> str:
    """Return the template of the functions, whose zips are in a bucket; its outputs are their ARNs, by parameter.

    `account` is that of the engine: in a process of several engines it is not that of a run.
    """
    resources: dict[str, Any] = {}
    for parameter, function in functions.items():
        resources |= _resources(parameter, function, {"S3Bucket": bucket, "S3Key": keys[parameter]})
    outputs = {parameter: {"Value": {"Fn::GetAtt": [parameter, "Arn"]}} for parameter in functions}
    text = json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources, "Outputs": outputs})
    return local_name(text, account)


def _resources(parameter: str, function: ExistingFunction, code: Mapping[str, str]) -> dict[str, Any]:
    given, role, group = function.configuration, f"{parameter}Role", f"{parameter}LogGroup"
    logs = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
    policies = {"logs": {"Version": VERSIONS[0], "Statement": [logs]}, "own": given.policy}
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {
        role: {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {"Version": VERSIONS[0], "Statement": [trust]},
                "Policies": [
                    {"PolicyName": name, "PolicyDocument": document} for name, document in policies.items() if document
                ],
            },
        },
        group: {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": f"{naming.FUNCTION_LOGS}{function.name}"},
        },
        parameter: {
            "Type": "AWS::Lambda::Function",
            "DependsOn": group,
            "Properties": {
                "FunctionName": function.name,
                "Runtime": RUNTIME,
                "Architectures": [ARCHITECTURE],
                "Handler": given.handler,
                "Role": {"Fn::GetAtt": [role, "Arn"]},
                "Code": dict(code),
                "Timeout": given.timeout_s,
                "MemorySize": given.memory_mb,
                "Environment": {"Variables": given.environment},
            },
        },
    }


def _load_configuration(path: Path) -> Configuration:
    """Return the configuration in a file; the defaults if there is no file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Configuration()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}; make it a text file in UTF-8") from None
    try:
        given = msgspec.json.decode(text, type=Configuration)
        if given.policy is not None:
            read_policy(local_name(json.dumps(given.policy)))
    except msgspec.ValidationError as error:
        allowed = ", ".join(Configuration.__struct_fields__)
        raise UsageError(f"{path}: {error}; allowed: {allowed}") from None
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: is not JSON: {error}; correct it") from None
    except PolicyError as error:
        raise UsageError(f"{path}: policy: {error}") from None
    return given
