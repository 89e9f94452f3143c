"""Small templates and handlers of the tests' own, and the deployed realtime workflow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

import handlers
from ceap import project
from ceap.archive import build_zip, read_sources
from ceap.local.cloudformation import Stack
from ceap.local.engine import Engine
from ceap.local.executions import Execution
from templates.render import render
from templates.stacks import foundation_stack, workflow_stack

Template = dict[str, Any]

REALTIME = project.WORKFLOWS / "realtime.yaml"
MESSAGE = (project.WORKFLOWS / "messages" / "realtime.json").read_text(encoding="utf-8")
STAGES = ["ETLStage", "FilterStage", "ScoreStage", "StoreStage", "ReactiveStage"]
CODE_BUCKET, CODE_KEY = "code", "code.zip"


class Realtime(NamedTuple):
    """The realtime workflow, deployed."""

    engine: Engine
    foundation: Stack
    stack: Stack

    @property
    def bucket(self) -> str:
        return self.foundation.outputs["WorkflowBucket"]

    @property
    def queue(self) -> str:
        return self.stack.outputs["QueueUrl"]

    @property
    def dead_letters(self) -> list[str]:
        return self.engine.messages(self.stack.outputs["DeadLetterQueueUrl"])

    def objects(self) -> dict[str, bytes]:
        return dict(self.engine.objects(self.bucket))

    def role(self, logical_id: str) -> str:
        [role] = [model for key, model in self.stack.of_type("AWS::IAM::Role").items() if key == logical_id]
        arn: str = role.arn
        return arn


def realtime_template() -> Template:
    """Return the template of the realtime workflow, to change before it is deployed."""
    [workflow] = project.load_workflows([REALTIME])
    return workflow_stack(workflow)


def deploy_realtime(engine: Engine, template: Template | None = None) -> Realtime:
    foundation = engine.deploy(render(foundation_stack()), "ceap-foundation-dev", {"Environment": "dev"})
    package = build_zip(read_sources(Path(handlers.__file__).parent))
    bucket = foundation.outputs["ArtifactBucket"]
    engine.client("s3").put_object(Bucket=bucket, Key=CODE_KEY, Body=package)
    text = render(template or realtime_template())
    return Realtime(
        engine, foundation, engine.deploy(text, "ceap-realtime-dev", {"Environment": "dev", "HandlersKey": CODE_KEY})
    )


def upload_code(engine: Engine, sources: Mapping[str, str]) -> None:
    """Put modules, by file name, into the zip that `function` names."""
    files = {name: dedent(text).encode() for name, text in sources.items()}
    engine.client("s3").create_bucket(Bucket=CODE_BUCKET)
    engine.client("s3").put_object(Bucket=CODE_BUCKET, Key=CODE_KEY, Body=build_zip(files))


def role(service: str, *grants: tuple[str, str]) -> Template:
    """Return a role of a service; each grant is an action and a resource."""
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": _document(
                {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ),
            "Policies": [
                {
                    "PolicyName": "grants",
                    "PolicyDocument": _document(
                        *({"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in grants)
                    ),
                }
            ]
            if grants
            else [],
        },
    }


def function(name: str, handler: str, **properties: Any) -> Template:
    """Return a function whose role is the resource `FunctionRole`."""
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": name,
            "Handler": handler,
            "Runtime": "python3.13",
            "Role": {"Fn::GetAtt": ["FunctionRole", "Arn"]},
            "Code": {"S3Bucket": CODE_BUCKET, "S3Key": CODE_KEY},
            "MemorySize": 256,
            **properties,
        },
    }


def log_group(name: str) -> Template:
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}}


def state_machine(definition: Mapping[str, Any], **properties: Any) -> Template:
    """Return an EXPRESS state machine whose role is the resource `MachineRole`."""
    return {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "StateMachineName": "machine",
            "StateMachineType": "EXPRESS",
            "RoleArn": {"Fn::GetAtt": ["MachineRole", "Arn"]},
            "DefinitionString": json.dumps(definition),
            **properties,
        },
    }


def template_text(**resources: Template) -> str:
    return json.dumps({"Resources": resources})


def _document(*statements: Template) -> Template:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def statuses(execution: Execution, stage: str) -> list[str]:
    return [attempt.status for attempt in execution.attempts_of(stage)]
