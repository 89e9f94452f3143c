"""What exists already stays as it is: no template has a resource that changes what it adopts, or an API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given

from ceap.cfn.template import parse_template
from ceap.deploy.diff.evaluation import deployed
from templates import discovery, naming
from templates.model import Workflow
from templates.render import render
from templates.stacks import foundation_stack, workflow_stack
from tests.strategies import all_workflows
from tests.templates.support import of_type, statements

ADOPTED = {
    "WorkflowBucketName": "acme-data",
    "ArtifactBucketName": "acme-code",
    "AlertTopicArn": "arn:aws:sns:eu-central-1:123456789012:acme-alerts",
    "AlertEmail": "team@example.com",
    **{f"{naming.table_id(name)}Name": f"acme-{name}" for name in discovery.tables()},
}

# What may name what the foundation exports: none of it changes the bucket, the topic or the table.
USES = (
    "AWS::Lambda::Function/Code/S3Bucket",
    "AWS::Lambda::Function/Environment/Variables/",
    "AWS::StepFunctions::StateMachine/DefinitionSubstitutions/WorkflowBucket",
    "AWS::IAM::Role/Policies/",
    "AWS::CloudWatch::Alarm/AlarmActions/",
    "AWS::Events::Rule/Targets/",
    "AWS::Glue::Job/Command/ScriptLocation",
    "AWS::Glue::Job/DefaultArguments/--extra-py-files",
)
DATA_ACTIONS = {"GetItem", "BatchGetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"}


def foundation(**parameters: str) -> dict[str, Any]:
    """Return the foundation as it is deployed."""
    template = parse_template(render(foundation_stack()), "foundation.template.yaml")
    return deployed(template, {"Environment": "dev", **parameters}).data


def places(value: Any, place: str) -> Iterator[str]:
    """Yield where a value imports something."""
    if isinstance(value, dict) and "Fn::ImportValue" in value:
        yield place
    for key, below in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(below, f"{place}/{key}")


def test_a_foundation_that_adopts_everything_has_no_resource() -> None:
    assert foundation(**ADOPTED)["Resources"] == {}
    assert set(foundation()["Resources"]) == set(foundation_stack()["Resources"]) - {"AlertEmailSubscription"}
    assert "AlertEmailSubscription" in foundation(AlertEmail="team@example.com")["Resources"]


@pytest.mark.parametrize("parameter", sorted(set(ADOPTED) - {"AlertEmail"}))
def test_what_is_adopted_is_exported_and_nothing_else_changes(parameter: str) -> None:
    before, after = foundation(), foundation(**{parameter: ADOPTED[parameter]})
    [export] = [key for key in before["Outputs"] if before["Outputs"][key] != after["Outputs"][key]]
    assert naming.adoption(export.removesuffix("Name")) == parameter
    assert after["Outputs"][export]["Value"] == ADOPTED[parameter]
    gone = {name: body["Type"] for name, body in before["Resources"].items() if name not in after["Resources"]}
    assert {name: body for name, body in before["Resources"].items() if name not in gone} == after["Resources"]
    assert [name for name in gone if not name.startswith(export.removesuffix("Name"))] == []


@given(workflow=all_workflows())
def test_a_workflow_names_what_the_foundation_exports_only_where_it_uses_it(workflow: Workflow) -> None:
    resources = workflow_stack(workflow)["Resources"]
    found = {place for body in resources.values() for place in places(body["Properties"], body["Type"])}
    assert {place for place in found if not place.startswith(USES)} == set()


@given(workflow=all_workflows())
def test_a_workflow_reads_and_writes_items_and_changes_no_table_and_no_bucket(workflow: Workflow) -> None:
    roles = of_type(workflow_stack(workflow), "AWS::IAM::Role")
    granted = {
        tuple(action.split(":"))
        for role in roles.values()
        for statement in statements(role).values()
        for action in statement["Action"]
        if statement["Effect"] == "Allow"
    }
    assert {name for service, name in granted if service == "dynamodb"} <= DATA_ACTIONS
    assert {name for service, name in granted if service == "s3"} <= {
        *("GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload", "ListBucket")
    }
    assert {name for service, name in granted if service == "sns"} == set()


@given(workflow=all_workflows())
def test_no_template_has_an_api_or_opens_a_function_to_one(workflow: Workflow) -> None:
    types = {
        body["Type"] for body in (workflow_stack(workflow)["Resources"] | foundation_stack()["Resources"]).values()
    }
    assert {kind for kind in types if kind.startswith(("AWS::ApiGateway", "AWS::AppSync", "AWS::Elastic"))} == set()
    assert types.isdisjoint({"AWS::Lambda::Permission", "AWS::Lambda::Url"})
