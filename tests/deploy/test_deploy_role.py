"""The deploy roles in the engine, which enforces IAM: they suffice for the stacks of ceap, and for nothing else."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import boto3  # type: ignore[import-untyped]  # boto3 ships no types
import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap import project
from ceap.archive import read_scripts
from ceap.local import decisions, role_policies
from ceap.local.engine import Engine
from ceap.local.packages import build_zips
from tests import reference
from tests.local.stacks.support import Stacks, queue, text

SUBJECT = "repo:acme/orders:environment:dev"
HOST = "token.actions.githubusercontent.com"
PREFIXES = {"HandlersPrefix": "handlers/x/", "GluePrefix": "glue/x/"}
WORKFLOWS = ("express", "standard", "triggered")
NUMBERS = itertools.count()
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"


@functools.cache
def templates() -> dict[str, str]:
    workflows = project.load_workflows([reference.EXPRESS, reference.STANDARD, reference.TRIGGERED])
    return {name.partition(".")[0]: text for name, text in project.build_all_templates(workflows)}


def parameters(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


class Caller(NamedTuple):
    """Who has assumed the caller's role, and CloudFormation's role, which it passes."""

    engine: Engine
    session: Mapping[str, str]
    role: str
    service_role: str

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.engine.url,
            region_name="us-east-1",
            aws_access_key_id=self.session["AccessKeyId"],
            aws_secret_access_key=self.session["SecretAccessKey"],
            aws_session_token=self.session["SessionToken"],
        )

    @property
    def stacks(self) -> Stacks:
        return Stacks(self.engine, self.client("cloudformation"))

    def change(self, name: str, body: str, kind: str = "UPDATE", **more: Any) -> str:
        """Make and execute a change set as `ceap deploy` does; return the status, then why something failed."""
        client, change = self.stacks.client, {"StackName": name, "ChangeSetName": f"change-{next(NUMBERS)}"}
        client.create_change_set(
            ChangeSetType=kind,
            TemplateBody=body,
            RoleARN=self.service_role,
            Capabilities=["CAPABILITY_IAM"],
            Tags=[{"Key": "Team", "Value": "data"}],
            **change,
            **more,
        )
        client.describe_change_set(**change)
        client.execute_change_set(**change)
        self.engine._stacks.wait()
        return self.told(name)

    def told(self, name: str) -> str:
        stacks = self.stacks
        events = stacks.client.describe_stack_events(StackName=name)["StackEvents"]
        failed = [each for each in events if each["ResourceStatus"].endswith("_FAILED")]
        return " ".join([stacks.status(name), *(each.get("ResourceStatusReason", "") for each in failed)])

    def deploy(self, name: str, kind: str = "CREATE", old: str = "", new: str = "") -> str:
        body = templates()[name]
        assert old in body
        values = {"Environment": "dev"} | {key: value for key, value in PREFIXES.items() if f"  {key}:" in body}
        return self.change(
            f"ceap-{name}-dev", body.replace(old, new) if old else body, kind, Parameters=parameters(values)
        )

    def may(self, role: str, action: str, resource: str, **context: str) -> bool:
        """Tell what IAM says of a call; capitals stand for colons in the names of the context's keys."""
        entries = [
            {"ContextKeyName": key.replace("_", ":", 1), "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in context.items()
        ]
        found = self.engine.client("iam").simulate_principal_policy(
            PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource], ContextEntries=entries
        )
        return bool(found["EvaluationResults"][0]["EvalDecision"] == "allowed")


def deploy_roles(engine: Engine, name: str, **values: str) -> Caller:
    """Deploy the roles by hand, and sign in: as GitHub does, but for its token, which the engine cannot verify."""
    given = {"Environment": "dev", "GitHubSubject": SUBJECT, **values}
    stacks = Stacks(engine)
    stacks.create(name, templates()["deploy"], Parameters=parameters(given), Capabilities=["CAPABILITY_IAM"])
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stacks.stack(name)["Outputs"]}
    role = outputs["CallerRoleArn"]
    everybody = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{engine.account}:root"},
        "Action": "sts:AssumeRole",
    }
    iam, role_name = engine.client("iam"), role.rpartition("/")[2]
    trust = iam.get_role(RoleName=role_name)["Role"]["AssumeRolePolicyDocument"]
    both = {"Version": "2012-10-17", "Statement": [*trust["Statement"], everybody]}
    iam.update_assume_role_policy(RoleName=role_name, PolicyDocument=json.dumps(both))
    made = engine.client("sts").assume_role(RoleArn=role, RoleSessionName="github")["Credentials"]
    return Caller(engine, made, role, outputs["ServiceRoleArn"])


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
    assert not caller.may(bounded, "iam:DeleteRolePermissionsBoundary", role)
    assert caller.may(caller.service_role, "iam:DeleteRolePermissionsBoundary", role)


@pytest.mark.parametrize(
    ("subject", "audience", "is_trusted"),
    [
        (SUBJECT, "sts.amazonaws.com", True),
        ("repo:acme/orders:environment:prod", "sts.amazonaws.com", False),
        ("repo:acme/orders:ref:refs/heads/main", "sts.amazonaws.com", False),
        ("repo:other/orders:environment:dev", "sts.amazonaws.com", False),
        (SUBJECT, "https://github.com/acme", False),
    ],
)
def test_github_assumes_the_role_for_one_environment_of_one_repository(
    caller: Caller, subject: str, audience: str, is_trusted: bool
) -> None:
    account = caller.engine.account
    trust = role_policies.trust_of(role_policies.find_role(caller.role, account))
    provider = f"arn:aws:iam::{account}:oidc-provider/{HOST}"
    token = {f"{HOST}:aud": audience, f"{HOST}:sub": subject}
    assert decisions.trusts(trust, {provider}, "sts:AssumeRoleWithWebIdentity", token) is is_trusted
