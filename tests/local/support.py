"""Small templates and handlers of the tests' own, and the workflows of `tests/reference`, deployed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from textwrap import dedent
from typing import Any, NamedTuple

from ceap import project
from ceap.archive import build_zip
from ceap.local.cloudformation import Stack
from ceap.local.engine import Engine
from ceap.local.executions import Execution
from ceap.local.existing_queues import make_existing
from ceap.local.packages import build_zips
from handlers.runtime.contract import output_key
from templates.model import GlueStep, LambdaStep, Retries, Workflow, WorkflowType
from templates.render import render
from templates.stacks import foundation_stack, workflow_stack
from tests import reference

Template = dict[str, Any]

STAGES = list(reference.STAGES)
AT_ONCE = {"Delay": 0, "MaxAttempts": 10_000}
"""How a waiter of boto3 asks for the state of a stack, which changes here in no time; its own delay is 30 seconds."""
CODE_BUCKET, CODE_KEY = "code", "code.zip"


class Deployed(NamedTuple):
    """A workflow and the foundation, deployed."""

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
    def alerts(self) -> list[Template]:
        """The events that were published to the alert topic."""
        return [json.loads(message) for message in self.engine.published(self.foundation.outputs["AlertTopic"])]

    @property
    def dead_letters(self) -> list[str]:
        return self.engine.messages(self.stack.outputs["DeadLetterQueueUrl"])

    def objects(self) -> dict[str, bytes]:
        return dict(self.engine.objects(self.bucket))

    def role(self, logical_id: str) -> str:
        [role] = [model for key, model in self.stack.of_type("AWS::IAM::Role").items() if key == logical_id]
        arn: str = role.arn
        return arn


def express_template() -> Template:
    """Return the template of the EXPRESS workflow, to change before it is deployed."""
    [workflow] = project.load_workflows([reference.EXPRESS])
    return workflow_stack(workflow)


def deploy_express(engine: Engine, template: Template | None = None) -> Deployed:
    return deploy_workflow(engine, "ceap-express-dev", template or express_template())


def triggered_template() -> Template:
    """Return the template of the workflow with a schedule and a rule on new objects, to change before deployment."""
    [workflow] = project.load_workflows([reference.TRIGGERED])
    return workflow_stack(workflow)


def deploy_triggered(engine: Engine, template: Template | None = None) -> Deployed:
    """Deploy that workflow, with the bucket that it reads and an object for the schedule's message."""
    engine.client("s3").create_bucket(Bucket="my-exports-dev")
    engine.client("s3").put_object(Bucket="my-exports-dev", Key="orders/1.csv", Body=b"id\nr1\n")
    return deploy_workflow(engine, "ceap-triggered-dev", template or triggered_template())


def adopting_template() -> Template:
    """Return the template of the workflow that adopts queues and an event bus, to change before it is deployed."""
    [workflow] = project.load_workflows([reference.ADOPTING])
    return workflow_stack(workflow)


def deploy_adopting(engine: Engine, template: Template | None = None) -> Deployed:
    """Deploy that workflow, with what it adopts."""
    template = template or adopting_template()
    return deploy_workflow(engine, "ceap-adopting-dev", template, own=make_existing(engine.client, render(template)))


def deploy_workflow(
    engine: Engine, name: str, template: Template, script: str | None = None, own: Mapping[str, str] | None = None
) -> Deployed:
    """Deploy a workflow's template, with one script for all its Glue jobs; `own` are parameters that it may have."""
    foundation = engine.deploy(render(foundation_stack()), "ceap-foundation-dev", {"Environment": "dev"})
    bucket, put = foundation.outputs["ArtifactBucket"], engine.client("s3").put_object
    for file, package in build_zips().items():
        put(Bucket=bucket, Key=f"handlers/{file}", Body=package)
    parameters = {"Environment": "dev", "HandlersPrefix": "handlers/", **(own or {})}
    if script is not None:
        parameters["GluePrefix"] = "scripts/"
        put(Bucket=bucket, Key="scripts/heavy.py", Body=script.encode())
        put(Bucket=bucket, Key="scripts/lib.zip", Body=build_zip({}))
    parameters = {key: value for key, value in parameters.items() if key in template["Parameters"]}
    return Deployed(engine, foundation, engine.deploy(render(template), name, parameters))


def without(template: Template, role: str, action: str) -> Template:
    """Take one action from a role of a template, wherever it grants it."""
    policies = template["Resources"][role]["Properties"]["Policies"]
    statements = [
        statement for policy in policies for statement in policy.get("PolicyDocument", {}).get("Statement", ())
    ]
    found = [statement for statement in statements if action in statement["Action"]]
    assert found
    for statement in found:
        statement["Action"].remove(action)
        statement["Action"].append("none:None")
    return template


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


def job(**properties: Any) -> Template:
    """Return a Glue job `job` with the script at CODE_KEY, whose role is the resource `JobRole`."""
    return {
        "Type": "AWS::Glue::Job",
        "Properties": {
            "Name": "job",
            "Role": {"Fn::GetAtt": ["JobRole", "Arn"]},
            "Command": {"Name": "glueetl", "ScriptLocation": f"s3://{CODE_BUCKET}/{CODE_KEY}"},
            **properties,
        },
    }


def rule(**properties: Any) -> Template:
    """Return a rule `rule` on every event of Step Functions."""
    pattern = {"source": ["aws.states"]}
    return {"Type": "AWS::Events::Rule", "Properties": {"Name": "rule", "EventPattern": pattern, **properties}}


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


STANDARD_STAGES = ["TakeStage", "SiftStage", "HeavyStage", "RateStage", "KeepStage", "TellStage"]
JOB = (reference.GLUE / "heavy.py").read_text(encoding="utf-8")


def deploy_standard(engine: Engine, template: Template | None = None, script: str = JOB) -> Deployed:
    """Deploy the STANDARD workflow, whose Glue jobs run the script."""
    if template is None:
        [workflow] = project.load_workflows([reference.STANDARD])
        template = workflow_stack(workflow)
    return deploy_workflow(engine, "ceap-standard-dev", template, script)


def standard_template(*stages: str, retry: Retries | None = None) -> Template:
    """Return the template of a STANDARD workflow of those stages; those with `Glue` in their names are jobs."""
    steps = tuple(
        GlueStep(stage=stage, glue="heavy")
        if "Glue" in stage
        else LambdaStep(stage=stage, handler=stage.removesuffix("Stage").lower())
        for stage in stages
    )
    return workflow_stack(Workflow(name="standard", type=WorkflowType.STANDARD, steps=steps, retry=retry or Retries()))


def document_of(deployed: Deployed, execution: Execution, stage: str) -> dict[str, Any]:
    """Return the output of a stage."""
    parsed: dict[str, Any] = json.loads(
        dict(deployed.engine.objects(deployed.bucket))[output_key(execution.name, stage)]
    )
    return parsed
