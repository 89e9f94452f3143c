from __future__ import annotations

import functools
import json
import re
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from ceap import project
from ceap.iam.services import kinds_taken
from templates.deploy_permissions import NAMES
from templates.deploy_role import SUBJECT_PATTERN
from templates.stacks import deploy_stack, foundation_stack, workflow_stack
from tests import reference
from tests.templates.support import VALID, refusal

Json = dict[str, Any]
LONGEST = {
    "AWS::Partition": "aws-us-gov",
    "AWS::Region": "ap-southeast-2",
    "AWS::AccountId": "1" * 12,
    "Environment": "e" * 12,
    "WorkflowBucketName": "w" * 63,
    "ArtifactBucketName": "a" * 63,
    "AlertTopicArn": f"arn:aws-us-gov:sns:ap-southeast-2:{'1' * 12}:{'t' * 64}",
    "KmsKeyArn": f"arn:aws-us-gov:kms:ap-southeast-2:{'1' * 12}:key/{'a' * 36}",
    "WorkflowBoundary": f"arn:aws-us-gov:iam::{'1' * 12}:policy/{'a' * 64}",
    "ServiceRole": f"arn:aws-us-gov:iam::{'1' * 12}:role/deploy/{'a' * 64}",
}


@functools.cache
def stacks() -> list[Json]:
    """Return the templates of the reference, with all types of resources that ceap knows."""
    declared = [reference.EXPRESS, reference.STANDARD, reference.TRIGGERED, reference.GOVERNED]
    return [foundation_stack(), *map(workflow_stack, project.load_workflows(declared))]


def deployed(types: Collection[str] = NAMES, *, in_vpc: bool = True) -> Json:
    return deploy_stack(types, in_vpc=in_vpc)


def policies(template: Json, role: str) -> dict[str, Json]:
    """Return the policy documents of a role by their name, also those under a condition."""
    written = template["Resources"][role]["Properties"]["Policies"]
    plain = [each["Fn::If"][1] if "Fn::If" in each else each for each in written]
    return {each["PolicyName"]: each["PolicyDocument"] for each in plain}


def statements(template: Json, role: str) -> Iterator[Json]:
    for document in policies(template, role).values():
        yield from document["Statement"]


def granted(template: Json, role: str, prefix: str) -> list[str]:
    return sorted(a for each in statements(template, role) for a in each["Action"] if a.startswith(prefix))


def arns(template: Json, role: str) -> set[str]:
    resources = [resource for each in statements(template, role) for resource in each["Resource"]]
    either = [
        each for resource in resources for each in (resource["Fn::If"][1:] if "Fn::If" in resource else [resource])
    ]
    return {resource["Fn::Sub"] for resource in either if isinstance(resource, dict) and "Fn::Sub" in resource}


def longest(value: Any) -> Any:
    """Return a value with the longer of what each condition decides between, in the longest names."""
    if isinstance(value, list):
        return [longest(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "Fn::If" in value:
        return max(map(longest, value["Fn::If"][1:]), key=lambda each: len(json.dumps(each)))
    if "Fn::Sub" in value:
        return re.sub(r"\$\{([\w:]+)\}", lambda found: LONGEST[found[1]], value["Fn::Sub"])
    if name := value.get("Ref") or value.get("Fn::GetAtt", [""])[0]:
        return LONGEST.get(name, "")
    return {key: longest(below) for key, below in value.items()}


def test_it_knows_every_type_that_ceap_makes() -> None:
    made = {resource["Type"] for stack in stacks() for resource in stack["Resources"].values()}
    assert made == set(NAMES)


def test_every_name_that_ceap_makes_fits_a_pattern_of_its_type() -> None:
    strange = [
        name["Fn::Sub"]
        for stack in stacks()
        for resource in stack["Resources"].values()
        for key, name in resource["Properties"].items()
        if re.fullmatch(r"(?!Group).*Name|Name", key)
        if isinstance(name, dict) and "Fn::Sub" in name
        if not any(fnmatchcase(name["Fn::Sub"], pattern) for pattern in NAMES[resource["Type"]])
    ]
    assert strange == []


@pytest.mark.parametrize("role", ["CallerRole", "ServiceRole"])
def test_the_policies_of_a_role_are_small_enough_for_iam(role: str) -> None:
    """IAM counts the inline policies of a role together, without blanks: 10,240 characters at most."""
    filled = longest(list(policies(deployed(), role).values()))
    assert len(json.dumps(filled, separators=(",", ":"))) <= 10_240


@pytest.mark.parametrize("role", ["CallerRole", "ServiceRole"])
def test_the_statements_of_a_role_have_names_of_their_own(role: str) -> None:
    for document in policies(deployed(), role).values():
        names = [each["Sid"] for each in document["Statement"]]
        assert sorted(set(names)) == sorted(names)
        assert [name for name in names if not re.fullmatch(r"[A-Z][A-Za-z0-9]+", name)] == []


@pytest.mark.parametrize("role", ["CallerRole", "ServiceRole"])
def test_a_role_reaches_only_names_of_ceap_in_its_environment(role: str) -> None:
    own = re.compile(
        r"arn:\$\{AWS::Partition\}:[a-z0-9]+:(\$\{AWS::Region\})?:(\$\{AWS::AccountId\})?:"
        r"[\w:/*-]*(/|:|^)?ceap-[\w*-]*\$\{Environment\}.*"
    )
    bucket = re.compile(r"arn:\$\{AWS::Partition\}:s3:::\$\{((Artifact|Workflow)BucketName\}.*)")
    found = arns(deployed(), role)
    adopted = {
        "CallerRole": {
            *("ArtifactBucketName}", "ArtifactBucketName}/deployments/*", "ArtifactBucketName}/glue/*"),
            *("ArtifactBucketName}/handlers/*", "WorkflowBucketName}", "WorkflowBucketName}/executions/*"),
        },
        "ServiceRole": {"ArtifactBucketName}/*"},
    }
    assert {there[1] for arn in found if (there := bucket.fullmatch(arn))} == adopted[role]
    strange = [arn for arn in found if not (own.fullmatch(arn) or bucket.fullmatch(arn))]
    others = sorted(arn.partition("AccountId}:")[2] for arn in strange)
    listing = {"CallerRole": ["alarm:*", "role/deploy/*", "stack/*"], "ServiceRole": ["alarm:*", "role/ceap-*"]}
    assert others == listing[role]


@pytest.mark.parametrize("role", ["CallerRole", "ServiceRole"])
def test_every_action_is_granted_on_what_it_takes(role: str) -> None:
    """An action that takes no resource is denied wherever it is granted on one."""
    wrong = [
        (action, resource)
        for each in statements(deployed(), role)
        for action in each["Action"]
        for resource in each["Resource"]
        if (resource == "*") == bool(kinds_taken(action))
    ]
    assert wrong == []


def test_calls_on_all_stacks_and_alarms_change_none() -> None:
    wide = ("alarm:*", "stack/*", "role/deploy/*")
    found = {
        action
        for each in statements(deployed(), "CallerRole")
        for resource in each["Resource"]
        if isinstance(resource, str) or resource.get("Fn::Sub", "").endswith(wide)
        for action in each["Action"]
    }
    assert [name for name in found if not re.match(r"\w+:(BatchGet|Describe|Get|List|Simulate|Validate)", name)] == []


def test_no_pattern_fits_the_deploy_roles_or_their_stack() -> None:
    template = deployed()
    own = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/deploy/deploy-ceap-${Environment}-ServiceRole-1ABC"
    assert [arn for arn in arns(template, "ServiceRole") if fnmatchcase(own, arn)] == []
    changes = next(
        each for each in statements(template, "CallerRole") if "cloudformation:DeleteStack" in each["Action"]
    )
    [stack] = [resource["Fn::Sub"] for resource in changes["Resource"]]
    assert fnmatchcase(stack.replace("*", "orders", 1), stack)
    assert not fnmatchcase(stack.replace("ceap-*", "deploy-ceap", 1), stack)


def test_a_project_of_functions_alone_gives_nothing_for_jobs_schedules_and_networks() -> None:
    [express] = [stack for stack in stacks() if "StateMachine" in stack["Resources"]][:1]
    types = {resource["Type"] for stack in (stacks()[0], express) for resource in stack["Resources"].values()}
    template = deployed(types, in_vpc=False)
    assert {
        prefix: granted(template, "ServiceRole", prefix) for prefix in ("glue:", "scheduler:", "events:", "ec2:")
    } == {
        "glue:": [],
        "scheduler:": [],
        "events:": [],
        "ec2:": [],
    }
    assert granted(template, "ServiceRole", "lambda:CreateFunction") == ["lambda:CreateFunction"]


def test_a_network_is_only_looked_at() -> None:
    assert granted(deployed(), "ServiceRole", "ec2:") == [
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
    ]


def test_types_of_others_get_nothing() -> None:
    assert deployed({*NAMES, "AWS::RDS::DBInstance"}) == deployed()


def test_roles_are_passed_to_the_services_that_run_them_and_no_others() -> None:
    passing = {
        role: [each for each in statements(deployed(), role) if "iam:PassRole" in each["Action"]]
        for role in ("CallerRole", "ServiceRole")
    }
    services = ("glue", "lambda", "pipes", "scheduler", "states")
    conditions = {role: [each["Condition"] for each in found] for role, found in passing.items()}
    assert conditions == {
        "CallerRole": [{"StringEquals": {"iam:PassedToService": ["cloudformation.amazonaws.com"]}}],
        "ServiceRole": [{"StringEquals": {"iam:PassedToService": [f"{name}.amazonaws.com" for name in services]}}],
    }
    assert passing["CallerRole"][0]["Resource"] == [{"Fn::GetAtt": ["ServiceRole", "Arn"]}]


def test_with_a_workflow_boundary_no_role_without_it_can_be_made_or_changed() -> None:
    boundary = {"StringEquals": {"iam:PermissionsBoundary": {"Ref": "WorkflowBoundary"}}}
    [bounded] = [each for each in statements(deployed(), "ServiceRole") if "iam:CreateRole" in each["Action"]]
    assert bounded["Action"] == ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
    assert bounded["Condition"] == {"Fn::If": ["HasWorkflowBoundary", boundary, {"Ref": "AWS::NoValue"}]}


def test_a_boundary_is_taken_off_only_where_none_is_demanded() -> None:
    conditional = deployed()["Resources"]["ServiceRole"]["Properties"]["Policies"][1]["Fn::If"]
    assert (conditional[0], conditional[1]["PolicyDocument"]["Statement"][0]["Action"]) == (
        "NeedsNoBoundary",
        ["iam:DeleteRolePermissionsBoundary"],
    )
    assert granted(deployed(), "ServiceRole", "iam:DeleteRolePermissionsBoundary") == [
        "iam:DeleteRolePermissionsBoundary"
    ]


@pytest.mark.parametrize(
    ("subject", "is_one"),
    [
        ("repo:acme/orders:environment:dev", True),
        ("repo:acme@1234567/orders@7654321:environment:prod-eu", True),
        ("repo:acme/orders:environment:eu%3Adev", True),
        ("repo:acme/orders:*", False),
        ("repo:acme/*:environment:dev", False),
        ("repo:acme/orders:ref:refs/heads/main", False),
        ("repo:acme/orders:pull_request", False),
        ("acme/orders", False),
    ],
)
def test_the_subject_is_one_environment_of_one_repository(subject: str, is_one: bool) -> None:
    assert bool(re.fullmatch(SUBJECT_PATTERN, subject)) is is_one


def test_a_workflow_cannot_be_called_as_the_template_of_the_roles() -> None:
    assert "name is 'deploy', the name of the template of the deploy roles; choose another" in refusal(
        VALID.replace("name: orders", "name: deploy")
    )
