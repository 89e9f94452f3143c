"""What CloudFormation must be allowed for each resource: known to IAM, reviewed, and on names of ours."""

from __future__ import annotations

from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from ceap import project
from ceap.cfn.template import load_template
from ceap.iam.services import kinds_taken, known_actions, takes
from templates import naming
from templates.resource_actions import (
    FORGOTTEN,
    TYPES,
    UNKNOWN,
    UNUSED,
    WITHOUT_RESOURCE,
    Need,
    Operation,
    Place,
    actions,
    arns,
    needs,
)
from templates.resource_schemas import load_schema
from templates.stacks import workflow_stack
from tests import reference

OPERATIONS: tuple[Operation, ...] = ("create", "read", "update", "delete")
HERE = Place("aws", "us-east-1", "123456789012")
NEEDED = [
    (kind, operation, action) for kind in TYPES for operation in OPERATIONS for action in actions(kind, operation)
]


def named_in_schema(kind: str) -> set[str]:
    schema = load_schema(kind)
    assert schema is not None
    return {name for operation in OPERATIONS for name in schema.permissions.get(operation, ())} | {
        *schema.tagging_permissions
    }


def test_every_action_is_known_to_the_service_authorization_reference() -> None:
    assert [needed for needed in NEEDED if not known_actions(needed[2])] == []


def test_the_names_left_out_as_unknown_are_those_that_the_reference_does_not_have() -> None:
    named = {name for kind in TYPES for name in named_in_schema(kind)}
    assert {name for name in named if not known_actions(name)} == UNKNOWN


@pytest.mark.parametrize("kind", UNUSED)
def test_an_action_is_left_out_as_unused_only_where_the_schema_names_it(kind: str) -> None:
    listed = [action for texts in UNUSED[kind].values() for action in texts.split()]
    assert [action for action in listed if action not in named_in_schema(kind)] == []


@pytest.mark.parametrize("kind", UNUSED)
def test_an_action_is_left_out_for_want_of_a_property_that_the_schema_has(kind: str) -> None:
    properties = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["properties"]
    paths = [path.split(" ")[0].split(".")[0] for path in UNUSED[kind]]
    # Those of a global table stand in the schema of a table, which cannot have any.
    assert {path for path in paths if path not in properties} <= {"Replicas"}


def test_an_action_is_added_only_where_the_schema_forgets_it() -> None:
    for (kind, operation), added in FORGOTTEN.items():
        schema = load_schema(kind)
        assert schema is not None
        assert not {*added} & {*schema.permissions[operation]}


def resources(*left_out: str) -> list[dict[str, Any]]:
    """Return the resources of the committed templates, without some, and of the workflows of the tests."""
    files = sorted(project.GENERATED.glob("*.template.yaml"))
    templates = [load_template(path).data for path in files if path.name not in left_out]
    workflows = project.load_workflows([reference.STANDARD, reference.TRIGGERED, reference.GOVERNED])
    templates += [workflow_stack(workflow) for workflow in workflows]
    return [resource for template in templates for resource in template["Resources"].values()]


def test_every_type_of_the_templates_is_covered() -> None:
    types = {resource["Type"] for resource in resources()}
    assert "AWS::Scheduler::Schedule" in types
    assert types - {*TYPES} == set()


def test_no_template_that_the_roles_deploy_has_a_property_whose_actions_are_left_out() -> None:
    used = {
        (resource["Type"], path)
        for resource in resources(naming.template_file(naming.DEPLOY))
        for path in UNUSED.get(resource["Type"], ())
        if holds(resource.get("Properties", {}), path.split("."))
    }
    assert used == set()


def holds(value: Any, path: list[str]) -> bool:
    """Tell whether something stands at a path, in any item of a list on the way."""
    if isinstance(value, list):
        return any(holds(item, path) for item in value)
    return not path or (isinstance(value, dict) and path[0] in value and holds(value[path[0]], path[1:]))


def test_what_only_a_property_needs_is_needed_where_a_resource_has_it() -> None:
    role = "arn:aws:iam::123456789012:role/ceap-r"
    attach = Need("iam:AttachRolePolicy", role)
    assert attach not in needs("AWS::IAM::Role", "create", "ceap-r", {"Description": "d"}, HERE)
    assert attach in needs("AWS::IAM::Role", "create", "ceap-r", {"ManagedPolicyArns": ["arn:aws:iam::1:p"]}, HERE)
    targets = {"Targets": [{"Id": "1", "Arn": "a"}, {"Id": "2", "Arn": "b", "RoleArn": role}]}
    passing = [need for need in needs("AWS::Events::Rule", "create", "ceap-x", targets, HERE) if need.passed_to]
    assert passing == [Need("iam:PassRole", role, "events.amazonaws.com")]


def test_the_path_of_a_role_is_a_part_of_its_arn() -> None:
    found = needs("AWS::IAM::Role", "create", "ceap-r", {"Path": "/deploy/"}, HERE)
    assert {need.resource for need in found} == {"arn:aws:iam::123456789012:role/deploy/ceap-r"}


def test_an_action_is_for_all_only_if_it_takes_no_resource() -> None:
    without = {action for _, _, action in NEEDED if not kinds_taken(action)}
    assert without == WITHOUT_RESOURCE & {action for _, _, action in NEEDED}
    for kind, _, action in NEEDED:
        assert (arns(action, kind, "ceap-*") == ("*",)) == (action in without)


def test_every_arn_has_a_name_unless_it_is_that_of_a_key() -> None:
    for kind, _, action in NEEDED:
        for arn in arns(action, kind, "ceap-*"):
            assert "ceap-" in arn or action in WITHOUT_RESOURCE or action.startswith("kms:"), (kind, action, arn)


def test_every_arn_is_one_that_the_action_can_be_granted_on() -> None:
    wrong = [
        (kind, action, arn)
        for kind, _, action in NEEDED
        for arn in arns(action, kind, "ceap-*", HERE)
        if arn != "*" and not takes(action, arn)
    ]
    assert wrong == []


def test_arns_are_texts_of_fn_sub_unless_a_place_is_given() -> None:
    prefix = "arn:${AWS::Partition}"
    assert arns("sqs:CreateQueue", "AWS::SQS::Queue", "ceap-*") == (
        f"{prefix}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:ceap-*",
    )
    assert arns("s3:CreateBucket", "AWS::S3::Bucket", "ceap-*") == (f"{prefix}:s3:::ceap-*",)
    assert arns("logs:CreateLogGroup", "AWS::Logs::LogGroup", "/aws/lambda/ceap-a", HERE) == (
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/ceap-a",
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/ceap-a:*",
    )


def test_a_function_needs_its_role_its_code_and_its_key() -> None:
    role, key = "arn:aws:iam::123456789012:role/ceap-r", "arn:aws:kms:us-east-1:123456789012:key/k"
    properties = {"Role": role, "KmsKeyArn": key, "Code": {"S3Bucket": "artifacts", "S3Key": "a/base.zip"}}
    found = needs("AWS::Lambda::Function", "create", "ceap-f", properties, HERE)
    assert Need("lambda:CreateFunction", "arn:aws:lambda:us-east-1:123456789012:function:ceap-f") in found
    assert Need("iam:PassRole", role, "lambda.amazonaws.com") in found
    assert Need("s3:GetObject", "arn:aws:s3:::artifacts/a/base.zip") in found
    assert Need("kms:CreateGrant", key) in found


@pytest.mark.parametrize(
    ("kind", "properties", "service"),
    [
        ("AWS::Glue::Job", {"Role": "ceap-r"}, "glue"),
        ("AWS::Lambda::Function", {"Role": "ceap-r", "Code": {}}, "lambda"),
        ("AWS::Pipes::Pipe", {"RoleArn": "ceap-r"}, "pipes"),
        ("AWS::Scheduler::Schedule", {"Target": {"RoleArn": "ceap-r"}}, "scheduler"),
        ("AWS::StepFunctions::StateMachine", {"RoleArn": "ceap-r"}, "states"),
    ],
)
def test_a_role_is_passed_to_the_service_of_the_type(kind: str, properties: dict[str, object], service: str) -> None:
    expected = Need("iam:PassRole", "arn:aws:iam::123456789012:role/ceap-r", f"{service}.amazonaws.com")
    for operation in ("create", "update"):
        found = needs(kind, operation, "ceap-x", properties, HERE)
        assert [expected] == [need for need in found if need.action == "iam:PassRole"]


@pytest.mark.parametrize(
    ("kind", "action", "properties", "resource"),
    [
        ("AWS::SQS::QueuePolicy", "sqs:SetQueueAttributes", {"Queues": ["https://sqs/1/q"]}, "sqs:us-east-1:{}:q"),
        (
            "AWS::SNS::TopicPolicy",
            "sns:SetTopicAttributes",
            {"Topics": ["arn:aws:sns:us-east-1:{}:t"]},
            "sns:us-east-1:{}:t",
        ),
        ("AWS::SNS::Subscription", "sns:Subscribe", {"TopicArn": "arn:aws:sns:us-east-1:{}:t"}, "sns:us-east-1:{}:t"),
        ("AWS::S3::BucketPolicy", "s3:PutBucketPolicy", {"Bucket": "ceap-b"}, "s3:::ceap-b"),
        (
            "AWS::Scheduler::Schedule",
            "scheduler:CreateSchedule",
            {"GroupName": "g"},
            "scheduler:us-east-1:{}:schedule/g/ceap-x",
        ),
        (
            "AWS::IAM::OIDCProvider",
            "iam:CreateOpenIDConnectProvider",
            {"Url": "https://token.actions.githubusercontent.com"},
            "iam::{}:oidc-provider/token.actions.githubusercontent.com",
        ),
        ("AWS::IAM::ManagedPolicy", "iam:AttachRolePolicy", {"Roles": ["r"]}, "iam::{}:role/r"),
    ],
)
def test_what_the_properties_name_is_asked_for(
    kind: str, action: str, properties: dict[str, object], resource: str
) -> None:
    found = needs(kind, "create", "ceap-x", properties, Place("aws", "us-east-1", "{}"))
    assert [f"arn:aws:{resource}"] == [need.resource for need in found if need.action == action]


def test_a_group_of_schedules_is_deleted_with_its_schedules() -> None:
    found = needs("AWS::Scheduler::ScheduleGroup", "delete", "ceap-g", {"Name": "ceap-g"}, HERE)
    assert Need("scheduler:DeleteSchedule", "arn:aws:scheduler:us-east-1:123456789012:schedule/ceap-g/*") in found


def test_the_actions_of_an_unknown_type_are_refused() -> None:
    with pytest.raises(KeyError, match="AWS::EC2::VPC"):
        actions("AWS::EC2::VPC", "create")


def test_a_function_looks_at_a_network_only_if_it_has_one() -> None:
    network = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    cases: tuple[tuple[dict[str, object], bool], ...] = (
        ({"Role": "r", "VpcConfig": network}, True),
        ({"Role": "r"}, False),
        ({}, True),
    )
    for properties, is_asked in cases:
        found = needs("AWS::Lambda::Function", "create", "ceap-f", properties, HERE)
        assert (Need("ec2:DescribeSubnets", "*") in found) is is_asked
