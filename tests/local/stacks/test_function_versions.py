"""Versions and aliases of functions, made, moved and deleted by CloudFormation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ceap.archive import build_zip
from ceap.local.cloudformation import DeployError
from ceap.local.engine import Engine
from tests.local.support import AT_ONCE, Template, function, role, template_text

CODE = "def handle(event, context):\n    return ['{}', context.function_version]\n"


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine.start(warm=False) as engine:
        engine.client("s3").create_bucket(Bucket="code")
        for name in ("one", "two"):
            body = build_zip({"app.py": CODE.format(name).encode()})
            engine.client("s3").put_object(Bucket="code", Key=f"{name}.zip", Body=body)
        yield engine


def stack(code: str, version: str, **versions: Template) -> str:
    """Return a template of a function with this code, and of the alias `live`, which leads to that resource."""
    resources = {
        "FunctionRole": role("lambda"),
        "Function": function("f", "app.handle", Code={"S3Bucket": "code", "S3Key": f"{code}.zip"}),
        "Live": {
            "Type": "AWS::Lambda::Alias",
            "Properties": {
                "Name": "live",
                "FunctionName": {"Ref": "Function"},
                "FunctionVersion": {"Fn::GetAtt": [version, "Version"]},
            },
        },
        **versions,
    }
    outputs = {name: {"Value": {"Ref": name}} for name in ("Live", *versions)}
    return json.dumps({"Resources": resources, "Outputs": outputs})


def version(**properties: Any) -> Template:
    return {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Function"}, **properties}}


def update(engine: Engine, text: str) -> dict[str, str]:
    """Update the stack, and return its outputs."""
    client = engine.client("cloudformation")
    client.update_stack(StackName="stack", TemplateBody=text, Capabilities=["CAPABILITY_IAM"])
    client.get_waiter("stack_update_complete").wait(StackName="stack", WaiterConfig=AT_ONCE)
    [found] = client.describe_stacks(StackName="stack")["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}


def invoke(engine: Engine, name: str) -> Any:
    return json.load(engine.client("lambda").invoke(FunctionName=name)["Payload"])


def test_an_alias_moves_to_the_version_that_an_update_publishes(engine: Engine) -> None:
    first = engine.deploy(stack("one", "V1", V1=version()), "stack").outputs
    arn = f"arn:aws:lambda:us-east-1:{engine.account}:function:f"
    assert first == {"Live": f"{arn}:live", "V1": f"{arn}:1"}
    assert invoke(engine, first["Live"]) == ["one", "1"]
    kept = {"V1": version() | {"DeletionPolicy": "Retain"}}
    update(engine, stack("one", "V1", **kept))
    second = update(engine, stack("two", "V2", V2=version(), **kept))
    assert second == {"Live": f"{arn}:live", "V1": f"{arn}:1", "V2": f"{arn}:2"}
    assert invoke(engine, second["Live"]) == ["two", "2"]
    assert invoke(engine, second["V1"]) == ["one", "1"]
    assert invoke(engine, "f") == ["two", "$LATEST"]


def test_a_version_goes_with_its_resource(engine: Engine) -> None:
    engine.deploy(stack("one", "V1", V1=version()), "stack")
    update(engine, stack("two", "V2", V2=version()))
    listed = engine.client("lambda").list_versions_by_function(FunctionName="f")["Versions"]
    assert [each["Version"] for each in listed] == ["$LATEST", "2"]


def test_a_function_that_did_not_change_has_no_second_version(engine: Engine) -> None:
    versions = {"V1": version(), "V2": version() | {"DependsOn": "V1"}}
    with pytest.raises(DeployError, match=r"A version for this Lambda function exists \( 1 \)\. Modify the function"):
        engine.deploy(stack("one", "V1", **versions), "stack")


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("AWS::Lambda::Version", {"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 1}}),
        ("AWS::Lambda::Alias", {"Name": "a", "FunctionVersion": "$LATEST", "RoutingConfig": {}}),
    ],
)
def test_what_is_not_modelled_of_them_is_refused(engine: Engine, kind: str, properties: dict[str, Any]) -> None:
    resource = {"Type": kind, "Properties": {"FunctionName": {"Ref": "Function"}, **properties}}
    text = template_text(
        FunctionRole=role("lambda"),
        Function=function("f", "app.handle", Code={"S3Bucket": "code", "S3Key": "one.zip"}),
        Thing=resource,
    )
    with pytest.raises(DeployError, match=f"does not model (ProvisionedConcurrencyConfig|RoutingConfig) of {kind}"):
        engine.deploy(text, "stack")
