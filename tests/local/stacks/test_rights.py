"""With whose rights a stack is worked on: those of its role, or of the caller."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import boto3  # type: ignore[import-untyped]  # boto3 ships no types
import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.engine import Engine
from tests.local.stacks.support import Resource, Stacks, queue, text

TOPIC: Resource = {"Type": "AWS::SNS::Topic"}
TRUSTED: Resource = {
    "AssumeRolePolicyDocument": {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
}
MAKING = ("iam:*Role", "iam:CreatePolicy", "iam:PutRole*", "iam:Delete*", "iam:Get*", "iam:List*")
WIDE: Resource = {
    "Type": "AWS::IAM::ManagedPolicy",
    "Properties": {
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
        }
    },
}


def role(name: str, principal: Resource, *actions: str, resource: str = "*") -> Resource:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": name,
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [
                {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}},
            ],
        },
    }


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine.start() as engine:
        everybody = {"AWS": f"arn:aws:iam::{engine.account}:root"}
        service = {"Service": "cloudformation.amazonaws.com"}
        roles = {
            "Service": role("service", service, "sqs:*"),
            "Only": role("only", service, "sqs:*", resource="arn:aws:sqs:*:*:only-*"),
            "Maker": role("maker", service, *MAKING),
            "Caller": role("caller", everybody, "cloudformation:*", "iam:PassRole"),
            "Narrow": role("narrow", everybody, "cloudformation:*", resource="arn:aws:cloudformation:*:*:stack/mine*"),
        }
        engine.deploy(text(roles), "roles")
        yield engine


def stacks_of(engine: Engine, name: str) -> Stacks:
    """Return the calls of somebody who has assumed a role."""
    made = engine.client("sts").assume_role(RoleArn=arn(engine, name), RoleSessionName="somebody")["Credentials"]
    client: Any = boto3.client(
        "cloudformation",
        endpoint_url=engine.url,
        region_name="us-east-1",
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
        aws_session_token=made["SessionToken"],
    )
    return Stacks(engine, client)


def arn(engine: Engine, name: str) -> str:
    return f"arn:aws:iam::{engine.account}:role/{name}"


def failures(stacks: Stacks, name: str) -> list[str]:
    return [event.partition(" because ")[0] for event in stacks.events(name) if "FAILED" in event]


def test_a_role_that_a_stack_was_once_given_stays_its_own(engine: Engine) -> None:
    stacks = stacks_of(engine, "caller")
    stacks.create("sticky", text({"Queue": queue("sticky")}), RoleARN=arn(engine, "service"))
    assert (stacks.status("sticky"), stacks.stack("sticky")["RoleARN"]) == ("CREATE_COMPLETE", arn(engine, "service"))
    stacks.update("sticky", text({"Queue": queue("sticky", VisibilityTimeout=1)}))
    assert stacks.status("sticky") == "UPDATE_COMPLETE"
    stacks.delete("sticky")
    assert "sticky" not in stacks.queues()


def test_a_change_set_that_is_not_executed_gives_its_role_to_no_stack(engine: Engine) -> None:
    stacks = stacks_of(engine, "caller")
    stacks.propose("proposed", text({"Queue": queue("proposed")}), "CREATE", RoleARN=arn(engine, "service"))
    assert "RoleARN" not in stacks.stack("proposed")
    stacks.execute("proposed")
    assert (stacks.status("proposed"), stacks.stack("proposed")["RoleARN"]) == (
        "CREATE_COMPLETE",
        arn(engine, "service"),
    )


def test_what_the_role_may_not_do_fails(engine: Engine) -> None:
    stacks = stacks_of(engine, "caller")
    stacks.create("denied", text({"Topic": TOPIC}), RoleARN=arn(engine, "service"))
    [failure] = failures(stacks, "denied")
    assert failure.startswith(
        f'Topic CREATE_FAILED: Resource handler returned message: "User: arn:aws:sts::{engine.account}:'
        "assumed-role/service/AWSCloudFormation is not authorized to perform: sns:CreateTopic on resource: "
        f"arn:aws:sns:us-east-1:{engine.account}:denied-Topic-"
    )
    assert stacks.status("denied") == "ROLLBACK_COMPLETE"


def test_without_a_role_the_caller_needs_the_rights(engine: Engine) -> None:
    stacks = stacks_of(engine, "caller")
    stacks.create("own", text({"Queue": queue("own")}))
    [failure] = failures(stacks, "own")
    assert "assumed-role/caller/somebody is not authorized to perform: sqs:CreateQueue on resource" in failure


def test_a_caller_reaches_only_its_stacks_and_passes_only_its_roles(engine: Engine) -> None:
    stacks = stacks_of(engine, "narrow")
    with pytest.raises(ClientError, match=r"cloudformation:CreateStack on resource: \S+:stack/other/\*"):
        stacks.create("other", text({"Queue": queue("other")}))
    with pytest.raises(ClientError, match=rf"iam:PassRole on resource: {arn(engine, 'service')}"):
        stacks.create("mine", text({"Queue": queue("mine")}), RoleARN=arn(engine, "service"))


def test_a_role_gets_no_managed_policy_that_its_maker_may_not_attach(engine: Engine) -> None:
    stacks = stacks_of(engine, "caller")
    properties = {**TRUSTED, "ManagedPolicyArns": [{"Ref": "Wide"}]}
    body = {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}, "Wide": WIDE}
    maker = {"RoleARN": arn(engine, "maker"), "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    stacks.create("attached", text(body), **maker)
    [failure] = failures(stacks, "attached")
    assert "maker/AWSCloudFormation is not authorized to perform: iam:AttachRolePolicy on resource: " in failure


def test_an_import_asks_for_the_resource_that_it_takes_whatever_the_template_calls_it(engine: Engine) -> None:
    stacks = stacks_of(engine, "caller")
    driver = engine.client("sqs")
    url = driver.create_queue(QueueName="foreign")["QueueUrl"]
    body = text({"Queue": queue("only-mine", DeletionPolicy="Delete")})
    taken = [{"ResourceType": "AWS::SQS::Queue", "LogicalResourceId": "Queue", "ResourceIdentifier": {"QueueUrl": url}}]
    stacks.propose("taking", body, "IMPORT", RoleARN=arn(engine, "only"), ResourcesToImport=taken)
    stacks.execute("taking")
    [failure] = failures(stacks, "taking")
    assert f"sqs:GetQueueAttributes on resource: arn:aws:sqs:us-east-1:{engine.account}:foreign" in failure


def test_a_caller_that_may_list_only_its_own_stacks_lists_none(engine: Engine) -> None:
    """IAM asks for `*`, since the call takes no resource."""
    with pytest.raises(ClientError, match=r"cloudformation:ListStacks on resource: \*"):
        stacks_of(engine, "narrow").client.list_stacks()


def test_of_a_parameter_that_is_given_twice_the_value_that_iam_judged_counts(engine: Engine) -> None:
    stacks = Stacks(engine)
    stacks.create("other-one", text({"Queue": queue("other-one")}))
    made = stacks_of(engine, "narrow").client

    def twice(params: dict[str, Any], **_: Any) -> None:
        params["body"] = f"{urlencode(params['body'])}&StackName=other-one".encode()

    made.meta.events.register("before-call.cloudformation.DeleteStack", twice)
    made.delete_stack(StackName="mine-alone")
    engine._stacks.wait()
    assert stacks.status("other-one") == "CREATE_COMPLETE"


def test_a_role_that_cloudformation_may_not_assume_is_refused(engine: Engine) -> None:
    stacks = stacks_of(engine, "caller")
    with pytest.raises(ClientError, match=rf"Role {arn(engine, 'narrow')} is invalid or cannot be assumed"):
        stacks.create("wrong", text({"Queue": queue("wrong")}), RoleARN=arn(engine, "narrow"))


def test_callers_are_who_their_role_is_and_only_trusted_ones_assume_it(engine: Engine) -> None:
    driver = engine.client("sts")
    assert driver.get_caller_identity()["Arn"] == f"arn:aws:iam::{engine.account}:user/driver"
    with pytest.raises(ClientError, match=r"user/driver is not authorized to perform: sts:AssumeRole on resource"):
        driver.assume_role(RoleArn=arn(engine, "service"), RoleSessionName="somebody")


def test_the_simulation_of_a_role_decides_as_its_calls(engine: Engine) -> None:
    found = engine.client("iam").simulate_principal_policy(
        PolicySourceArn=arn(engine, "narrow"),
        ActionNames=["cloudformation:DeleteStack", "sqs:CreateQueue"],
        ResourceArns=[f"arn:aws:cloudformation:us-east-1:{engine.account}:stack/{name}/1" for name in ("mine", "no")],
    )["EvaluationResults"]
    assert {
        each["EvalActionName"]: [one["EvalResourceDecision"] for one in each["ResourceSpecificResults"]]
        for each in found
    } == {
        "cloudformation:DeleteStack": ["allowed", "implicitDeny"],
        "sqs:CreateQueue": ["implicitDeny", "implicitDeny"],
    }
