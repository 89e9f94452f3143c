"""The deploy roles in the engine, which enforces IAM: they suffice for the stacks of ceap, and for nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.archive import read_scripts
from ceap.local.engine import Engine
from ceap.local.packages import build_zips
from templates.deploy_role import AUDIENCE, HOST
from tests import reference
from tests.deploy.roles import BOUNDARY, SUBJECT, WORKFLOWS, Caller, deploy_roles, sign_in
from tests.local.stacks.support import queue, text


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    """A caller with all workflows of the reference deployed by it."""
    with Engine.start() as engine:
        caller = deploy_roles(engine, "deploy-ceap-dev")
        statuses = [caller.deploy("foundation")]
        s3, bucket = caller.client("s3"), f"ceap-artifacts-dev-{engine.account}"
        content = {f"handlers/x/{name}": each for name, each in build_zips().items()}
        content |= {f"glue/x/{name}": each for name, each in read_scripts(reference.GLUE).items()}
        for key, each in content.items():
            s3.put_object(Bucket=bucket, Key=key, Body=each)
        statuses += [caller.deploy(name) for name in WORKFLOWS]
        assert statuses == ["CREATE_COMPLETE"] * 4
        yield caller


def test_they_suffice_for_an_update(caller: Caller) -> None:
    assert caller.deploy("express", "UPDATE", "MemorySize: 1024", "MemorySize: 2048") == "UPDATE_COMPLETE"
    assert caller.deploy("express", "UPDATE") == "UPDATE_COMPLETE"


def test_they_suffice_to_roll_a_failed_update_back(caller: Caller) -> None:
    told = caller.deploy("standard", "UPDATE", "ceap-standard-${Environment}-queue", "orders-${Environment}-queue")
    assert told.startswith("UPDATE_ROLLBACK_COMPLETE")
    assert "is not authorized to perform: sqs:" in told


def test_they_suffice_to_destroy_a_stack_and_to_adopt_what_stayed(caller: Caller) -> None:
    caller.client("pipes").stop_pipe(Name="ceap-triggered-dev")
    caller.stacks.delete("ceap-triggered-dev")
    with pytest.raises(ClientError, match="ceap-triggered-dev does not exist"):
        caller.stacks.stack("ceap-triggered-dev")
    sqs = caller.client("sqs")
    url = sqs.get_queue_url(QueueName="ceap-triggered-dev-queue")["QueueUrl"]
    body = {"Queue": {**queue("ceap-triggered-dev-queue"), "DeletionPolicy": "Retain"}}
    found = [
        {"ResourceType": "AWS::SQS::Queue", "LogicalResourceId": "Queue", "ResourceIdentifier": {"QueueUrl": url}},
    ]
    assert caller.change("ceap-triggered-dev", text(body), "IMPORT", ResourcesToImport=found) == "IMPORT_COMPLETE"


@pytest.mark.parametrize(
    ("name", "resources"),
    [
        ("another name", {"Queue": queue("orders-dev-queue")}),
        ("another environment", {"Queue": queue("ceap-orders-prod-queue")}),
        ("another type", {"User": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {}}}}),
    ],
)
def test_cloudformation_makes_nothing_else(caller: Caller, name: str, resources: dict[str, Any]) -> None:
    stack = f"ceap-{name.replace(' ', '-')}-dev"
    told = caller.change(stack, text(resources), "CREATE")
    assert told.startswith("ROLLBACK_COMPLETE")
    assert "-ServiceRole-" in told
    assert "is not authorized to perform" in told


@pytest.mark.parametrize("name", ["orders-dev", "ceap-orders-prod", "deploy-ceap-dev"])
def test_the_caller_changes_no_other_stack(caller: Caller, name: str) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        caller.stacks.propose(name, text({"Queue": queue()}), "CREATE", RoleARN=caller.service_role)
    with pytest.raises(ClientError, match="AccessDenied"):
        caller.stacks.client.delete_stack(StackName=name)


def test_the_caller_passes_no_other_role(caller: Caller) -> None:
    with pytest.raises(ClientError, match="is not authorized to perform: iam:PassRole"):
        caller.stacks.propose("ceap-orders-dev", text({"Queue": queue()}), "CREATE", RoleARN=caller.role)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("sqs:CreateQueue", "sqs:us-east-1:{}:ceap-orders-dev-queue"),
        ("sqs:SendMessage", "sqs:us-east-1:{}:orders"),
        ("dynamodb:DeleteTable", "dynamodb:us-east-1:{}:table/ceap-orders-dev"),
        ("iam:CreateUser", "iam::{}:user/ceap-orders-dev"),
        ("iam:PutRolePolicy", "iam::{}:role/ceap-orders-dev-Role-1ABC"),
        ("s3:DeleteBucket", "s3:::ceap-artifacts-dev-{}"),
        ("s3:DeleteObject", "s3:::ceap-artifacts-dev-{}/deployments/ceap-orders-dev/1.json"),
        ("sts:AssumeRole", "iam::{}:role/admin"),
    ],
)
def test_the_caller_changes_resources_by_cloudformation_alone(caller: Caller, action: str, resource: str) -> None:
    assert not caller.may(caller.role, action, f"arn:aws:{resource.format(caller.engine.account)}")


def test_the_caller_sends_messages_to_queues_of_ceap_alone(caller: Caller) -> None:
    url = caller.engine.client("sqs").create_queue(QueueName="orders")["QueueUrl"]
    with pytest.raises(ClientError, match="is not authorized to perform: sqs:SendMessage"):
        caller.client("sqs").send_message(QueueUrl=url, MessageBody="{}")


def test_no_role_can_change_what_it_may_do_itself(caller: Caller) -> None:
    for role in (caller.role, caller.service_role):
        for action in ("iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:DeleteRole", "iam:PassRole"):
            assert not caller.may(caller.service_role, action, role)
            assert not caller.may(caller.role, action, caller.role)
    ours = f"arn:aws:iam::{caller.engine.account}:role/ceap-express-dev-TakeFunctionRole-1ABC"
    assert caller.may(caller.service_role, "iam:PutRolePolicy", ours)


def test_with_a_boundary_cloudformation_makes_only_roles_that_have_it(caller: Caller) -> None:
    bounded = deploy_roles(
        caller.engine,
        "deploy-ceap-bounded",
        WorkflowBoundary=BOUNDARY,
        GitHubProviderArn=f"arn:aws:iam::{caller.engine.account}:oidc-provider/{HOST}",
    ).service_role
    role = f"arn:aws:iam::{caller.engine.account}:role/ceap-express-dev-TakeFunctionRole-1ABC"
    for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"):
        assert not caller.may(bounded, action, role)
        assert not caller.may(bounded, action, role, iam_PermissionsBoundary=f"{BOUNDARY}-of-others")
        assert caller.may(bounded, action, role, iam_PermissionsBoundary=BOUNDARY)
        simulated = caller.engine.client("iam").simulate_principal_policy(
            PolicySourceArn=bounded, ActionNames=[action], ResourceArns=[role]
        )["EvaluationResults"][0]
        assert simulated["MissingContextValues"] == ["iam:permissionsboundary"]
    assert not caller.may(bounded, "iam:DeleteRolePermissionsBoundary", role)
    assert caller.may(caller.service_role, "iam:DeleteRolePermissionsBoundary", role)


@pytest.mark.parametrize(
    ("subject", "audience"),
    [
        ("repo:acme/orders:environment:prod", AUDIENCE),
        ("repo:acme/orders:ref:refs/heads/main", AUDIENCE),
        ("repo:other/orders:environment:dev", AUDIENCE),
        ("repo:acme@1/orders@2:environment:dev", AUDIENCE),
        (SUBJECT, "https://github.com/acme"),
    ],
)
def test_no_other_workflow_of_github_assumes_the_role(caller: Caller, subject: str, audience: str) -> None:
    with pytest.raises(ClientError, match=r"\((AccessDenied|InvalidIdentityToken)\)"):
        sign_in(caller.engine, caller.role, subject, audience)


def test_no_workflow_assumes_the_role_of_cloudformation(caller: Caller) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        sign_in(caller.engine, caller.service_role)
