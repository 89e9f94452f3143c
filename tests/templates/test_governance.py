"""What a declaration wants of all resources alike: tags, a network, a boundary, days of logs, retriers with reasons."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from ceap import project
from templates.config import parse_workflow
from templates.resources.governance import GLUE_RETRY_RULE, INPUT_RETRY_RULE, LAMBDA_RETRY_RULE, LOG_RETENTION_RULE
from templates.resources.tags import LISTED, MAPPED
from templates.source import parse_source
from templates.stacks import workflow_stack
from tests import reference
from tests.templates.support import VALID, of_type, refusal, statements

Json = dict[str, Any]
TAGS = {"Team": "data", "Stage": {"Fn::Sub": "${Environment}"}}


def built(text: str) -> Json:
    return workflow_stack(parse_workflow(parse_source(text, "orders.yaml")))


@pytest.fixture(scope="module")
def governed() -> Json:
    [workflow] = project.load_workflows([reference.GOVERNED])
    return workflow_stack(workflow)


def types() -> Iterator[str]:
    """Yield the types of all resources that ceap makes for a workflow."""
    declared = [reference.EXPRESS, reference.STANDARD, reference.TRIGGERED, reference.GOVERNED]
    for workflow in project.load_workflows(declared):
        yield from (resource["Type"] for resource in workflow_stack(workflow)["Resources"].values())


def test_every_resource_that_takes_tags_has_them_in_its_own_form(governed: Json) -> None:
    for resource in governed["Resources"].values():
        found = resource["Properties"].get("Tags")
        match found:
            case list():
                assert found == [{"Key": key, "Value": value} for key, value in TAGS.items()]
            case dict():
                assert found == TAGS
            case _:
                assert resource["Type"] in {"AWS::SQS::QueuePolicy", "AWS::Logs::QueryDefinition"}


def test_what_takes_tags_and_in_which_form_is_what_the_schemas_of_aws_say() -> None:
    listed: set[str] = set()
    mapped: set[str] = set()
    for kind in set(types()):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
        if schema["tagging"]["taggable"]:
            tags = schema["properties"]["Tags"]
            (listed if tags.get("type") == "array" else mapped).add(kind)
    assert listed == LISTED
    assert mapped == MAPPED


def test_every_parameter_says_what_it_is(governed: Json) -> None:
    described = {name: parameter.get("Description", "") for name, parameter in governed["Parameters"].items()}
    assert {"Environment", "SubnetIds", "SecurityGroupIds", "PermissionsBoundary"} <= described.keys()
    assert [name for name, text in described.items() if len(text) < 20] == []


def test_without_the_keys_a_template_has_none_of_it() -> None:
    text = json.dumps(built(VALID))
    for word in ("Tags", "VpcConfig", "SubnetIds", "PermissionsBoundary", "waivers", "EphemeralStorage"):
        assert word not in text


def test_functions_run_in_the_network_of_the_deployment(governed: Json) -> None:
    network = {"SubnetIds": {"Ref": "SubnetIds"}, "SecurityGroupIds": {"Ref": "SecurityGroupIds"}}
    assert [function["VpcConfig"] for function in of_type(governed, "AWS::Lambda::Function").values()] == [network] * 2
    kinds = {name: governed["Parameters"][name]["Type"] for name in network}
    assert kinds == {
        "SubnetIds": "List<AWS::EC2::Subnet::Id>",
        "SecurityGroupIds": "List<AWS::EC2::SecurityGroup::Id>",
    }
    assert all("Default" not in governed["Parameters"][name] for name in network)


def test_lambda_alone_may_manage_the_network_of_a_function(governed: Json) -> None:
    granted = statements(of_type(governed, "AWS::IAM::Role")["KeepFunctionRole"])
    assert {sid: granted[sid]["Resource"] for sid in ("FindNetwork", "CreateInterfaces", "ManageInterfaces")} == {
        "FindNetwork": ["*"],
        "CreateInterfaces": [
            {"Fn::Sub": "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:network-interface/*"},
            {"Fn::Sub": "arn:${AWS::Partition}:ec2:${AWS::Region}:*:subnet/*"},
            {"Fn::Sub": "arn:${AWS::Partition}:ec2:${AWS::Region}:*:security-group/*"},
        ],
        "ManageInterfaces": [
            {"Fn::Sub": "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:network-interface/*"}
        ],
    }
    denied = granted["NoNetworkFromCode"]
    allowed = {
        action for sid in ("FindNetwork", "CreateInterfaces", "ManageInterfaces") for action in granted[sid]["Action"]
    }
    function = (
        "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:ceap-governed-${Environment}-Keep"
    )
    assert (denied["Effect"], set(denied["Action"]) - allowed) == ("Deny", {"ec2:DetachNetworkInterface"})
    assert denied["Condition"] == {"ArnEquals": {"lambda:SourceFunctionArn": {"Fn::Sub": function}}}


def test_every_role_has_the_boundary_that_a_deployment_must_name(governed: Json) -> None:
    roles = of_type(governed, "AWS::IAM::Role").values()
    assert {json.dumps(role["PermissionsBoundary"]) for role in roles} == {'{"Ref": "PermissionsBoundary"}'}
    assert governed["Parameters"]["PermissionsBoundary"] == {
        "Type": "String",
        "AllowedPattern": "^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$",
        "ConstraintDescription": "the ARN of a managed policy",
        "Description": "ARN of the managed policy that is the permissions boundary of every role",
    }


def test_a_reason_is_the_waiver_of_what_it_explains_and_of_nothing_else(governed: Json) -> None:
    waived = {
        name: [waiver["rule"] for waiver in resource["Metadata"]["ceap"]["waivers"]]
        for name, resource in governed["Resources"].items()
        if "Metadata" in resource
    }
    groups = of_type(governed, "AWS::Logs::LogGroup")
    assert waived == {
        "StateMachine": [LAMBDA_RETRY_RULE, GLUE_RETRY_RULE],
        **{name: [LOG_RETENTION_RULE] for name in groups},
    }
    assert {group["RetentionInDays"] for group in groups.values()} == {90}


def test_the_retrier_of_a_first_jobs_input_has_the_reason_too() -> None:
    text = (
        "name: a\ntype: STANDARD\nretry: {lambda: {max_attempts: 5, reason: why}}\nsteps: [{stage: A, glue: heavy}]\n"
    )
    [waiver] = built(text)["Resources"]["StateMachine"]["Metadata"]["ceap"]["waivers"]
    assert waiver == {"rule": INPUT_RETRY_RULE, "reason": "why"}


def test_values_without_a_reason_are_written_and_left_to_policy() -> None:
    template = built(VALID + "log_retention_days: 90\nretry: {lambda: {max_attempts: 5}}\n")
    assert {group["RetentionInDays"] for group in of_type(template, "AWS::Logs::LogGroup").values()} == {90}
    assert not any("Metadata" in resource for resource in template["Resources"].values())


PLACE = "orders.yaml:8: "
SIGNS = "AWS allows letters, digits, spaces and _.:/=+-@"
DAYS = "1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("tags: {Team: 'a;b'}", f"tags.Team holds ';'; {SIGNS}"),
        ("tags: {Team: ''}", "tags.Team has a value of 0 characters; AWS allows 1 to 256"),
        (
            f"tags: {{Team: '{'x' * 250}${{Environment}}'}}",
            "tags.Team has a value of 262 characters; AWS allows 1 to 256",
        ),
        (
            "tags: {'aws:team': a}",
            "tags.aws:team begins with 'aws:', which AWS keeps for its own tags; choose another key",
        ),
        (
            "tags: {Team: a, team: b}",
            "tags.team differs from 'Team' by capitals alone, which IAM does not tell apart; rename one",
        ),
        (
            "tags: {Team: '${Env}'}",
            "tags.Team holds ${Env}, which no deployment fills in; allowed: ${Environment}, ${AWS::AccountId}, "
            "${AWS::Region}",
        ),
        (
            f"tags: {{{', '.join(f't{number}: a' for number in range(51))}}}",
            "tags has 51 tags; AWS allows 50: remove some",
        ),
        (
            "log_retention_days: {value: 90, reason: ' '}",
            "log_retention_days.reason is blank; say in a sentence why: reports of `ceap check` show it",
        ),
        (
            "log_retention_days: {value: 90}",
            "log_retention_days.reason is missing: add it (why, in a sentence: it becomes the waiver of the policy "
            "rule)",
        ),
        (
            "log_retention_days: {value: 14, reason: why}",
            "log_retention_days.reason explains nothing: policy demands 14 days; remove the key",
        ),
        ("log_retention_days: 91", f"log_retention_days is 91: allowed: {DAYS}"),
        (
            "log_retention_days: {value: 91, reason: why}",
            f"log_retention_days.value is 91: allowed: {DAYS} (days that CloudWatch Logs knows)",
        ),
        (
            "tags: {CostCenter: 4711}",
            "tags.CostCenter is 4711: expected str, got int (of every resource that takes tags; numbers in quotes; may "
            "hold placeholders)",
        ),
        (
            "retry: {lambda: {max_attempts: 5, reason: ''}}",
            "retry.lambda.reason is blank; say in a sentence why: reports of `ceap check` show it",
        ),
        (
            "retry: {lambda: {max_attempts: 2, reason: why}}",
            "retry.lambda.reason explains nothing: the retrier is the one that policy demands; remove the reason",
        ),
        (
            "retry: {glue: {max_attempts: 5, reason: why}}",
            "retry.glue.reason explains nothing: no task of the workflow has this retrier; remove the reason",
        ),
        ("vpc: 1", "vpc is 1: expected bool, got int (functions run in a VPC, whose subnets each deployment names)"),
    ],
)
def test_what_aws_or_policy_would_refuse_is_refused_with_the_cure(lines: str, message: str) -> None:
    assert refusal(VALID + lines + "\n").startswith(PLACE + message)


def test_a_network_is_for_functions() -> None:
    text = "name: a\ntype: STANDARD\nvpc: true\nsteps: [{stage: A, glue: heavy}]\n"
    assert refusal(text) == (
        "orders.yaml:3: vpc is for Lambda functions, and the workflow has none; a Glue job needs a connection of Glue's"
    )
