"""The resource types that moto's CloudFormation lacks, or refuses as the templates have them.

moto finds them as direct subclasses of its model class, by their `cloudformation_type`. Some are only stored.
Those that no backend of moto keeps are kept here, by account.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from moto.cloudformation.exceptions import UnformattedGetAttTemplateException
from moto.cloudformation.models import cloudformation_backends
from moto.core.common_models import CloudFormationModel

from ceap.local import interpreter
from ceap.local.clock import CLOCK
from ceap.local.definitions import DefinitionError, check_definition
from ceap.local.executions import DeployedMachine
from ceap.local.jobs import Job
from templates.model import JOB_DEFAULT_MIN

_KEPT: Final = "ceap_kept"


class ResourceError(ValueError):
    """A template holds something that AWS refuses or that the local engine does not model; the message says what.

    `code` is CloudFormation's. Source: CloudFormation Command Line Interface User Guide, "Handler error codes".
    """

    def __init__(self, message: str, code: str = "InvalidRequest") -> None:
        super().__init__(message)
        self.code: Final = code


class StackModel:
    """What CloudFormation needs of a model; subclasses check and keep `properties` in `apply`."""

    type_name: ClassVar[str]
    name_property: ClassVar[str] = ""

    def __init__(self, name: str, properties: Mapping[str, Any], account: str, region: str) -> None:
        self.name = name
        self.properties = properties
        self.account = account
        self.region = region

    def apply(self) -> None:
        """Check the properties and make the resource what they say, whether it is new or not."""

    def delete(self) -> None:
        """Delete what the resource is in the backends of moto; harmless if it is gone."""

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What `Fn::GetAtt` returns, by name."""
        return {}

    @classmethod
    def find(cls, name: str, account: str, region: str) -> StackModel | None:
        """Return the resource of a name, or of what identifies it on AWS; None if there is none."""
        return kept(account, region).get((cls.type_name, name))

    @property
    def physical_resource_id(self) -> str:
        return self.name

    def is_created(self) -> bool:
        return True

    @classmethod
    def cloudformation_type(cls) -> str:
        return cls.type_name

    @classmethod
    def cloudformation_name_type(cls) -> str:
        return cls.name_property

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:  # noqa: ARG003 (moto's signature)
        return True

    def get_cfn_attribute(self, attribute_name: str) -> Any:
        if attribute_name not in self.attributes:
            raise UnformattedGetAttTemplateException
        return self.attributes[attribute_name]

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Mapping[str, Any],
        account_id: str,
        region_name: str,
        **kwargs: Any,
    ) -> StackModel:
        try:
            properties = cloudformation_json.get("Properties", {})
            # Not moto's reading of the name: it asks the first model of a type, which is its own.
            name = properties.get(cls.name_property, resource_name)
            model = cls(name, properties, account_id, region_name)
            model.apply()
            kept(account_id, region_name)[cls.type_name, name] = model
            return model
        except KeyError as error:
            raise ResourceError(f"{kwargs['LogicalId']} ({cls.type_name}): property {error} is missing") from error


def kept(account: str, region: str) -> dict[tuple[str, str], StackModel]:
    """Return the resources of an account that exist, by type and name; they go when the backends of moto do."""
    found: dict[tuple[str, str], StackModel] = vars(cloudformation_backends[account][region]).setdefault(_KEPT, {})
    return found


class StateMachine(StackModel, CloudFormationModel):
    """AWS::StepFunctions::StateMachine, with substitutions, type and logging; run by `executions`."""

    type_name = "AWS::StepFunctions::StateMachine"
    name_property = "StateMachineName"
    machine: DeployedMachine

    def apply(self) -> None:
        given = self.properties
        if "Definition" in given:
            raise ResourceError(f"{self.name}: a Definition object loses its nulls here; use DefinitionString")
        kind = given.get("StateMachineType", "STANDARD")
        logging = given.get("LoggingConfiguration", {})
        destinations = logging.get("Destinations", [])
        encryption = given.get("EncryptionConfiguration", {"Type": "AWS_OWNED_KEY"})
        old: DeployedMachine | None = vars(self).get("machine")
        self.machine = DeployedMachine(
            arn=f"arn:aws:states:{self.region}:{self.account}:stateMachine:{self.name}",
            name=self.name,
            kind=kind,
            definition=self._definition(kind),
            role=given["RoleArn"],
            log_group=_log_group(destinations[0]["CloudWatchLogsLogGroup"]["LogGroupArn"]) if destinations else None,
            log_level=logging.get("Level", "OFF"),
            log_data=is_true(logging.get("IncludeExecutionData", False)),
            created=old.created if old else CLOCK.now(),
            updated=CLOCK.now(),
            revision=str(uuid.uuid4()) if old else "",
            is_traced=is_true(given.get("TracingConfiguration", {}).get("Enabled", False)),
            encryption={key[0].lower() + key[1:]: value for key, value in encryption.items()},
        )

    @property
    def attributes(self) -> Mapping[str, Any]:
        return {"Arn": self.machine.arn, "Name": self.name}

    def _definition(self, kind: str) -> str:
        text: str = self.properties["DefinitionString"]
        for token, value in self.properties.get("DefinitionSubstitutions", {}).items():
            text = text.replace(f"${{{token}}}", str(value))
        if left := re.findall(r"\$\{\w+\}", text):
            raise ResourceError(f"{self.name}: DefinitionSubstitutions lacks {', '.join(left)}")
        try:
            check_definition(json.loads(text), kind)
            interpreter.parse(text)
        except DefinitionError as error:
            raise ResourceError(f"{self.name}: {error}") from error
        except Exception as error:
            raise ResourceError(f"{self.name}: the definition is not valid: {error}") from error
        return text

    @property
    def physical_resource_id(self) -> str:
        return self.machine.arn


class Pipe(StackModel, CloudFormationModel):
    """AWS::Pipes::Pipe from a queue to a state machine; run by `pipes`."""

    type_name = "AWS::Pipes::Pipe"
    name_property = "Name"

    is_running = True
    created = 0.0

    _UNMODELLED: ClassVar = ("Enrichment", "EnrichmentParameters")

    def apply(self) -> None:
        given = self.properties
        source = given.get("SourceParameters", {})
        target = given.get("TargetParameters", {})
        strange = [key for key in self._UNMODELLED if key in given]
        strange += [key for key in source if key != "SqsQueueParameters"]
        strange += [key for key in target if key != "StepFunctionStateMachineParameters"]
        if strange:
            raise ResourceError(f"{self.name}: the local engine does not model {', '.join(strange)} of a pipe")
        self.role: str = given["RoleArn"]
        self.source: str = given["Source"]
        self.target: str = given["Target"]
        self.batch_size = int(source.get("SqsQueueParameters", {}).get("BatchSize", 10))
        machine = target.get("StepFunctionStateMachineParameters", {})
        self.waits = machine.get("InvocationType", "REQUEST_RESPONSE") == "REQUEST_RESPONSE"
        # A pipe that was stopped stays so when a template that names no state changes it.
        # Source: EventBridge Pipes API Reference, "UpdatePipe".
        self.is_running = given.get("DesiredState", "RUNNING" if self.is_running else "STOPPED") == "RUNNING"
        self.changed = CLOCK.now()
        self.created = self.created or self.changed
        log = given.get("LogConfiguration", {})
        self.log_level: str = log.get("Level", "OFF")
        destination = log.get("CloudwatchLogsLogDestination")
        self.log_group = _log_group(destination["LogGroupArn"]) if destination else None

    @property
    def arn(self) -> str:
        return f"arn:aws:pipes:{self.region}:{self.account}:pipe/{self.name}"

    @property
    def attributes(self) -> Mapping[str, Any]:
        return {"Arn": self.arn}


class GlueJob(StackModel, CloudFormationModel):
    """AWS::Glue::Job with a PySpark script; run by `jobs`. Workers and Glue version are only stored."""

    type_name = "AWS::Glue::Job"
    name_property = "Name"
    job: Job

    def apply(self) -> None:
        given = self.properties
        command = given["Command"]
        if command["Name"] != "glueetl":
            raise ResourceError(f"{self.name}: the local engine does not run a Glue job of type {command['Name']}")
        if int(given.get("MaxRetries", 0)):
            raise ResourceError(f"{self.name}: the local engine does not model MaxRetries of a Glue job")
        self.job = Job(
            name=self.name,
            arn=f"arn:aws:glue:{self.region}:{self.account}:job/{self.name}",
            role=given["Role"],
            script=command["ScriptLocation"],
            arguments={key: str(value) for key, value in given.get("DefaultArguments", {}).items()},
            timeout_min=int(given.get("Timeout", JOB_DEFAULT_MIN)),
            concurrent_runs=int(given.get("ExecutionProperty", {}).get("MaxConcurrentRuns", 1)),
        )


TYPES: Final = (StateMachine, Pipe, GlueJob)


def is_true(value: Any) -> bool:
    """Return a boolean of a template, which may be a text there."""
    return str(value).lower() == "true"


def _log_group(arn: str) -> str:
    return arn.split(":log-group:")[1].removesuffix(":*")
