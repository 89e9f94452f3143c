"""What a deployment must be allowed, on which ARNs."""

from __future__ import annotations

from typing import Any, cast

from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.session import Aws
from ceap.ceap_toml import Environment
from ceap.cfn.template import parse_template
from ceap.deploy.rights import Unknown, denied_of, find_denied, needs_of_caller, needs_of_resources
from templates.render import render
from templates.resource_actions import Need
from tests.local import support

STACK = "ceap-express-dev"
DEV = Environment(name="dev")


def test_the_caller_works_on_the_stacks_of_the_plan_and_on_the_artifact_bucket(aws: Aws) -> None:
    needs = set(needs_of_caller(aws, DEV, [STACK]))
    stack = f"arn:aws:cloudformation:us-east-1:{aws.account}:stack/{STACK}/*"
    artifacts = f"arn:aws:s3:::ceap-artifacts-dev-{aws.account}"
    places = {f"{artifacts}/{folder}/*" for folder in ("handlers", "glue", "deployments")}
    assert {need.resource for need in needs} == {stack, *places}
    assert {Need("cloudformation:ExecuteChangeSet", stack), Need("s3:PutObject", f"{artifacts}/handlers/*")} <= needs


def test_an_adopted_artifact_bucket_takes_the_place_of_the_foundation_s(aws: Aws) -> None:
    environment = Environment(name="dev", parameters={"ArtifactBucketName": "acme-code"})
    needs = set(needs_of_caller(aws, environment, [STACK]))
    assert {need.resource for need in needs if need.action == "s3:PutObject"} == {
        f"arn:aws:s3:::acme-code/{folder}/*" for folder in ("handlers", "glue", "deployments")
    }
    template = parse_template(render(support.express_template()).replace("${Environment}", "dev"), "express")
    read = {
        need.resource for need in needs_of_resources(aws, environment, STACK, template) if need.action == "s3:GetObject"
    }
    assert read == {"arn:aws:s3:::acme-code/handlers/*"}


def test_a_role_is_passed_to_cloudformation_by_the_caller(aws: Aws) -> None:
    role = f"arn:aws:iam::{aws.account}:role/deploy"
    environment = Environment(name="dev", role_arn=role)
    assert Need("iam:PassRole", role, "cloudformation.amazonaws.com") in set(needs_of_caller(aws, environment, [STACK]))


def test_each_resource_is_asked_for_by_its_name_and_roles_by_those_that_they_get(aws: Aws) -> None:
    template = parse_template(render(support.express_template()).replace("${Environment}", "dev"), "express")
    needs = set(needs_of_resources(aws, DEV, STACK, template))
    region, account = f"us-east-1:{aws.account}", f"arn:aws:iam::{aws.account}"
    role = f"{account}:role/{STACK}-TakeFunctionRole-XXXXXXXXXXXX"
    assert {
        Need("lambda:CreateFunction", f"arn:aws:lambda:{region}:function:{STACK}-Take"),
        Need("iam:PassRole", role, "lambda.amazonaws.com"),
        Need("iam:CreateRole", role),
        Need("s3:GetObject", f"arn:aws:s3:::ceap-artifacts-dev-{aws.account}/handlers/*"),
        Need("sqs:SetQueueAttributes", f"arn:aws:sqs:{region}:{STACK}-queue"),
        Need("sqs:DeleteQueue", f"arn:aws:sqs:{region}:{STACK}-queue"),
    } <= needs
    assert {need.action.partition(":")[0] for need in needs}.isdisjoint({"kms", "ec2"})
    passed = {need.passed_to for need in needs if need.passed_to}
    assert passed == {"lambda.amazonaws.com", "states.amazonaws.com", "pipes.amazonaws.com"}


def test_long_names_of_roles_are_cut_as_iam_limits_them(aws: Aws) -> None:
    text = f"Resources: {{{'Long' * 12}: {{Type: AWS::IAM::Role}}}}"
    needs = list(needs_of_resources(aws, DEV, "ceap-with-a-name-of-some-length-dev", parse_template(text, "long")))
    [role] = {need.resource.rpartition("/")[2] for need in needs}
    assert role == "ceap-with-a-name-of-some--LongLongLongLongLongLongL-XXXXXXXXXXXX"
    assert len(role) <= 64


def test_a_function_that_cloudformation_names_is_asked_for_by_such_a_name(aws: Aws) -> None:
    text = "Resources: {TakeFunction: {Type: AWS::Lambda::Function, Metadata: {ceap: {naming: generated}}}}"
    needs = needs_of_resources(aws, DEV, STACK, parse_template(text, "generated"))
    name = f"arn:aws:lambda:us-east-1:{aws.account}:function:{STACK}-TakeFunction-XXXXXXXXXXXX"
    assert {need.resource for need in needs if need.action == "lambda:CreateFunction"} == {name}


def test_a_type_that_only_own_resources_have_is_not_asked_for(aws: Aws) -> None:
    text = "Resources: {Place: {Type: AWS::SSM::Parameter}}"
    assert list(needs_of_resources(aws, DEV, STACK, parse_template(text, "own"))) == []


def test_a_denial_that_depends_on_a_condition_counts_as_allowed() -> None:
    denied = {"EvalResourceName": "arn:1", "EvalResourceDecision": "implicitDeny"}
    unsure = {**denied, "EvalResourceName": "arn:2", "MissingContextValues": ["aws:PrincipalTag/team"]}
    allowed = {"EvalResourceName": "arn:3", "EvalResourceDecision": "allowed"}
    result = {"EvalActionName": "s3:GetObject", "EvalDecision": "implicitDeny"}
    assert list(denied_of({**result, "ResourceSpecificResults": [denied, unsure, allowed]})) == ["arn:1"]
    assert list(denied_of({**result, "EvalResourceName": "*"})) == ["*"]
    assert list(denied_of({**result, "EvalResourceName": "*", "MissingContextValues": ["x"]})) == []


def test_what_an_identity_may_do_that_iam_does_not_simulate_is_not_known() -> None:
    class Refusing:
        region = "us-east-1"

        def client(self, _: str) -> Any:
            raise ClientError({"Error": {"Code": "InvalidInput", "Message": "Invalid Entity Arn"}}, "Simulate")

    federated, need = "arn:aws:sts::123456789012:federated-user/ann", Need("sqs:CreateQueue", "arn:1")
    assert find_denied(cast("Aws", Refusing()), federated, [need]) == Unknown(
        federated, "AWS refused Simulate (InvalidInput)"
    )
