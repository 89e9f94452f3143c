"""Deploying a template: nothing is skipped, and what CloudFormation would refuse is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ceap.local.cloudformation import DeployError
from ceap.local.engine import Engine
from ceap.local.stacks.blueprint import parse_template
from tests.local.support import (
    Template,
    express_template,
    function,
    job,
    log_group,
    role,
    rule,
    state_machine,
    template_text,
    upload_code,
)

QUEUE: Template = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "queue"}}
PASS = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}
MACHINE_ROLE = role("states")


def pipe(**properties: Any) -> Template:
    return {
        "Type": "AWS::Pipes::Pipe",
        "Properties": {
            "Name": "pipe",
            "RoleArn": {"Fn::GetAtt": ["PipeRole", "Arn"]},
            "Source": {"Fn::GetAtt": ["Queue", "Arn"]},
            "Target": {"Ref": "Machine"},
            **properties,
        },
    }


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"Odd": {"Type": "AWS::Odd::Thing"}}, "does not know the resource type AWS::Odd::Thing"),
        ({"Queue": QUEUE | {"DeletionPolicy": "Keep"}}, "Unrecognized DeletionPolicy Keep for resource Queue"),
        (
            {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": None}}},
            r"\[/Resources/Queue/Properties/QueueName\] 'null' values are not allowed",
        ),
        ({}, "At least one Resources member must be defined"),
        (
            {"MachineRole": MACHINE_ROLE, "Machine": state_machine(PASS, DefinitionString="${Token}")},
            r"DefinitionSubstitutions lacks \$\{Token\}",
        ),
        (
            {"MachineRole": MACHINE_ROLE, "Machine": state_machine(PASS, Definition=PASS)},
            "a Definition object loses its nulls here; use DefinitionString",
        ),
        (
            {"MachineRole": MACHINE_ROLE, "Machine": state_machine({"StartAt": "Nowhere"})},
            "the definition is not valid",
        ),
        (
            {
                "MachineRole": MACHINE_ROLE,
                "Machine": state_machine({"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": True}}}),
            },
            "does not run Parallel states",
        ),
        (
            {"MachineRole": role("lambda"), "Machine": state_machine(PASS)},
            "not authorized to perform: sts:AssumeRole by states.amazonaws.com",
        ),
        ({"Queue": QUEUE, "Pipe": pipe(Target="x", RoleArn="x", Enrichment="x")}, "does not model Enrichment"),
        (
            {"Queue": QUEUE, "Pipe": pipe(Target="x", RoleArn="x", SourceParameters={"FilterCriteria": {}})},
            "does not model FilterCriteria",
        ),
        ({"JobRole": role("glue"), "Job": job(Command={"Name": "pythonshell"})}, "a Glue job of type pythonshell"),
        ({"JobRole": role("glue"), "Job": job(MaxRetries=1)}, "does not model MaxRetries of a Glue job"),
        ({"JobRole": role("lambda"), "Job": job()}, "not authorized to perform: sts:AssumeRole by glue.amazonaws.com"),
        ({"Rule": rule(ScheduleExpression="rate(1 day)")}, "runs no schedules"),
        (
            {"Rule": rule(Targets=[{"Id": "t", "Arn": "arn:aws:lambda:us-east-1:123456789012:function:f"}])},
            "does not know the target arn:aws:lambda:us-east-1:123456789012:function:f",
        ),
        (
            {"Rule": rule(Targets=[{"Id": "t", "Arn": "arn:aws:sns:us-east-1:123456789012:t", "Input": "x"}])},
            "does not model Input of a target",
        ),
        (
            {"Policy": {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": ["http://x/1/none"]}}},
            "The specified queue does not exist.",
        ),
        (
            {"Policy": {"Type": "AWS::SQS::QueuePolicy"}},
            r"Policy \(AWS::SQS::QueuePolicy\): property 'Queues' is missi",
        ),
        (
            {"Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": "none", "PolicyDocument": {}}}},
            "The specified bucket does not exist",
        ),
    ],
)
def test_a_template_that_aws_or_the_engine_cannot_take_is_refused(
    engine: Engine, resources: dict[str, Template], message: str
) -> None:
    with pytest.raises(DeployError, match=f"stack broken: .*{message}"):
        engine.deploy(template_text(**resources), "broken")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, r"Parameters: \[Environment\] must have values"),
        ({"Environment": "Prod"}, r"Parameter 'Environment' must match pattern \[a-z\]\+"),
        ({"Environment": "dev", "Other": "x"}, r"Parameters: \[Other\] do not exist in the template"),
    ],
)
def test_parameters_are_checked(engine: Engine, parameters: dict[str, str], message: str) -> None:
    declared = {"Environment": {"Type": "String", "AllowedPattern": "[a-z]+"}}
    text = json.dumps({"Parameters": declared, "Resources": {"Queue": QUEUE}})
    with pytest.raises(DeployError, match=message):
        engine.deploy(text, "stack", parameters)


def test_every_resource_type_of_the_generated_templates_is_created(engine: Engine) -> None:
    from ceap.archive import build_zip
    from templates.render import render
    from templates.stacks import foundation_stack

    foundation = foundation_stack()
    deployed = engine.deploy(
        render(foundation), "foundation", {"Environment": "dev", "AlertEmail": "someone@example.com"}
    )
    for name in ("base", "sorting"):
        bucket, code = deployed.outputs["ArtifactBucket"], build_zip({"x": b""})
        engine.client("s3").put_object(Bucket=bucket, Key=f"k/{name}.zip", Body=code)
    template = express_template()
    stack = engine.deploy(render(template), "express", {"Environment": "dev", "HandlersPrefix": "k/"})
    for source, made in ((foundation, deployed), (template, stack)):
        assert set(source["Resources"]) == {key for key in source["Resources"] if made.physical_id(key)}


def test_a_condition_that_is_false_leaves_a_resource_out(engine: Engine) -> None:
    from templates.render import render
    from templates.stacks import foundation_stack

    engine.client("dynamodb").create_table(
        TableName="mine",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    stack = engine.deploy(render(foundation_stack()), "foundation", {"Environment": "dev", "RecordsTableName": "mine"})
    assert "RecordsTable" not in stack.of_type("AWS::DynamoDB::Table")
    assert stack.outputs["RecordsTableName"] == "mine"


def test_what_a_stack_imports_must_be_exported(engine: Engine) -> None:
    exporting = {"Resources": {"Queue": QUEUE}, "Outputs": {"Q": {"Value": "v", "Export": {"Name": "theirs"}}}}
    importing = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::ImportValue": "theirs"}}}
    with pytest.raises(DeployError, match="No export named theirs"):
        engine.deploy(template_text(Queue=importing), "early")
    engine.deploy(json.dumps(exporting), "exporting")
    assert engine.deploy(template_text(Queue=importing), "importing").physical_id("Queue").endswith("/v")


def test_the_arn_of_a_log_group_ends_as_on_aws(engine: Engine) -> None:
    text = json.dumps(
        {"Resources": {"Group": log_group("g")}, "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Group", "Arn"]}}}}
    )
    arn = engine.deploy(text, "stack").outputs["Arn"]
    assert arn == f"arn:aws:logs:us-east-1:{engine.account}:log-group:g:*"


def test_a_function_whose_role_lambda_may_not_assume_is_refused(engine: Engine) -> None:
    upload_code(engine, {"module.py": ""})
    text = template_text(FunctionRole=role("states"), Function=function("f", "module.handler"))
    with pytest.raises(DeployError, match="not authorized to perform: sts:AssumeRole by lambda"):
        engine.deploy(text, "stack")


def test_short_intrinsics_are_read_as_long_ones() -> None:
    text = "a: !Ref X\nb: !GetAtt X.Arn\nc: !Sub 'x-${X}'\nd: !If [C, !Ref Y, !Ref AWS::NoValue]\ne: !Equals [a, '']"
    assert parse_template(text) == {
        "a": {"Ref": "X"},
        "b": {"Fn::GetAtt": ["X", "Arn"]},
        "c": {"Fn::Sub": "x-${X}"},
        "d": {"Fn::If": ["C", {"Ref": "Y"}, {"Ref": "AWS::NoValue"}]},
        "e": {"Fn::Equals": ["a", ""]},
    }
