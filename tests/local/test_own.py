from __future__ import annotations

import json
from typing import Any

import pytest

from ceap.local.cloudformation import DeployError
from ceap.local.engine import Engine
from ceap.local.own import modelled
from templates.config import load_workflow
from templates.stacks import workflow_stack
from tests import reference
from tests.local.support import deploy_workflow

OWNED = workflow_stack(load_workflow(reference.OWNED))
LEFT_OUT = (
    "local: 7 own resources left out, which nothing of ceap's refers to: UploadsPolicy (AWS::S3::BucketPolicy), "
    "SlowAlarm (AWS::CloudWatch::Alarm), PagerSubscription (AWS::SNS::Subscription), QueueName (AWS::SSM::Parameter), "
    "Errors (AWS::Logs::MetricFilter), Board (AWS::CloudWatch::Dashboard), Uploader (AWS::IAM::Role)"
)
KEY = "local: the policy of the key UploadsKey is not enforced; on AWS every user of what it encrypts needs it"
MARK = {"ceap": {"own": True}}


def added(**resources: Any) -> dict[str, Any]:
    """Return a template of ceap's queue and of resources of a team's own."""
    marked = {name: {"Metadata": MARK} | body for name, body in resources.items()}
    return {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}} | marked}


def test_what_is_modelled_is_made_and_the_rest_left_out_and_told(engine: Engine) -> None:
    deployed = deploy_workflow(engine, "owned", OWNED)
    assert tuple(deployed.stack.notes) == (LEFT_OUT, KEY)
    assert deployed.stack.outputs["UploadsName"] == deployed.stack.physical_id("Uploads") == "acme-uploads-dev"
    with pytest.raises(KeyError):
        deployed.stack.physical_id("Uploader")


def test_a_template_without_own_resources_is_deployed_as_it_is() -> None:
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}, "Conditions": {}}
    assert modelled(template) == (template, (), "")


def test_what_refers_to_what_is_left_out_is_left_out_too() -> None:
    role = {"Type": "AWS::IAM::Role"}
    for reference_ in ({"Ref": "A"}, {"Fn::GetAtt": ["A", "Arn"]}, {"Fn::GetAtt": "A.Arn"}, {"Fn::Sub": "x-${A.Arn}"}):
        bucket = {"Type": "AWS::S3::Bucket", "Properties": {"Tags": [{"Key": "a", "Value": reference_}]}}
        assert list(modelled(added(A=role, B=bucket)).template["Resources"]) == ["Queue"]
    for wait in ("A", ["A"]):
        bucket = {"Type": "AWS::S3::Bucket", "DependsOn": wait}
        assert list(modelled(added(A=role, B=bucket)).template["Resources"]) == ["Queue"]


def test_parameters_conditions_and_outputs_go_with_what_alone_used_them() -> None:
    template = added(A={"Type": "AWS::IAM::Role", "Condition": "HasA"}, B={"Type": "AWS::S3::Bucket"}) | {
        "Metadata": {"ceap": {"own": {"Parameters": ["P"], "Conditions": ["HasA"], "Outputs": ["AName", "BName"]}}},
        "Parameters": {"P": {"Type": "String"}},
        "Conditions": {"HasA": {"Fn::Equals": [{"Ref": "P"}, "x"]}},
        "Outputs": {"AName": {"Value": {"Ref": "A"}}, "BName": {"Value": {"Ref": "B"}}},
    }
    kept = modelled(template).template
    assert {section: list(entries) for section, entries in kept.items() if section != "Metadata"} == {
        "Resources": ["Queue", "B"],
        "Outputs": ["BName"],
    }


def test_a_resource_of_ceap_that_needs_one_that_is_not_modelled_is_refused(engine: Engine) -> None:
    template = json.loads(json.dumps(OWNED))
    template["Resources"]["TakeFunction"]["Properties"]["Role"] = {"Fn::GetAtt": ["Uploader", "Arn"]}
    with pytest.raises(DeployError) as error:
        deploy_workflow(engine, "owned", template)
    assert str(error.value) == (
        "stack owned: TakeFunction refers to Uploader, an AWS::IAM::Role, which the local engine does not model for "
        "own resources; it models AWS::S3::Bucket, AWS::SQS::Queue, AWS::SNS::Topic, AWS::DynamoDB::Table, "
        "AWS::KMS::Key"
    )
