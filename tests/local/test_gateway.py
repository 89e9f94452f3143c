"""What a role's call is answered: served, denied with AWS's wording, or refused because the engine cannot judge it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import boto3  # type: ignore[import-untyped]  # no types
import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # no types

from ceap.local.engine import Engine
from ceap.local.gateway import Gateway, client
from ceap.local.sessions import Sessions
from tests.local.captured import Call
from tests.local.support import role, template_text

LISTING = {
    "Type": "AWS::IAM::Policy",
    "Properties": {
        "PolicyName": "listing",
        "Roles": [{"Ref": "Role"}],
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Action": "sqs:ListQueues",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
            },
        },
    },
}


class Account:
    """An engine's account with a gateway of its own, and a role that may read objects and, in Ireland, list queues."""

    def __init__(self, engine: Engine) -> None:
        stack = engine.deploy(template_text(Role=role("lambda", ("s3:GetObject", "*")), Policy=LISTING), "stack")
        engine.client("s3").create_bucket(Bucket="bucket")
        engine.client("s3").put_object(Bucket="bucket", Key="k", Body=b"body")
        sessions = Sessions(engine.account)
        arn = stack.of_type("AWS::IAM::Role")["Role"].arn
        self.session = sessions.assume(arn, service="lambda", source="arn:aws:lambda:us-east-1:1:function:f")
        self.gateway = Gateway(engine.account, sessions, [])

    def call(self, service: str, call: Call) -> str:
        """Return the error of a call that the role makes, as code and message."""
        caller = client(service, self.gateway.url, self.session)
        with pytest.raises(ClientError) as caught:
            call(caller)
        caller.close()
        return f"{caught.value.response['Error']['Code']}: {caught.value.response['Error']['Message']}"


@pytest.fixture
def account(engine: Engine) -> Iterator[Account]:
    account = Account(engine)
    account.gateway.start()
    yield account
    account.gateway.stop()


OBJECT = {"Bucket": "bucket", "Key": "k"}


@pytest.mark.parametrize(
    ("service", "call", "action", "resource"),
    [
        ("s3", lambda c: c.get_object_tagging(**OBJECT), "s3:GetObjectTagging", "arn:aws:s3:::bucket/k"),
        ("s3", lambda c: c.get_object(**OBJECT, VersionId="v"), "s3:GetObjectVersion", "arn:aws:s3:::bucket/k"),
        (
            "cloudwatch",
            lambda c: c.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m"}]),
            "cloudwatch:PutMetricData",
            "*",
        ),
        ("sns", lambda c: c.publish(TopicArn="arn:aws:sns:us-east-1::t", Message="m"), "sns:Publish", ""),
    ],
)
def test_a_call_that_no_policy_allows_is_denied(
    account: Account, service: str, call: Call, action: str, resource: str
) -> None:
    denied = rf"AccessDenied\w*: User: .* is not authorized to perform: {action} on resource: {re.escape(resource)}"
    assert re.match(denied, account.call(service, call))


@pytest.mark.parametrize(
    ("service", "call", "unknown"),
    [
        ("s3", lambda c: c.get_object_torrent(**OBJECT), "s3 GET /bucket/k: the parameter torrent of an object"),
        ("lambda", lambda c: c.list_functions(), "lambda GET /2015-03-31/functions: the call"),
        ("kms", lambda c: c.list_keys(), "kms ListKeys: the call"),
        ("sts", lambda c: c.get_session_token(), "sts GetSessionToken: the call"),
        ("cloudwatch", lambda c: c.list_dashboards(), "monitoring ListDashboards: the call"),
        ("bedrock-runtime", lambda c: c.invoke_model(modelId="m"), "bedrock POST /model/m/invoke: the call"),
        ("kinesis", lambda c: c.put_record(StreamName="s", Data=b"", PartitionKey="k"), "kinesis PutRecord: the call"),
        ("ses", lambda c: c.send_raw_email(RawMessage={"Data": b""}), "ses SendRawEmail: the call"),
    ],
)
def test_a_call_that_the_engine_cannot_judge_is_refused(
    account: Account, service: str, call: Call, unknown: str
) -> None:
    refused = f"NotImplemented: The local engine cannot judge the call {re.escape(unknown)}"
    assert re.match(refused, account.call(service, call))


def test_a_role_with_a_policy_that_cannot_be_judged_makes_no_call(engine: Engine, account: Account) -> None:
    condition = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    statement = {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": condition}
    name = account.session.role.rpartition("/")[2]
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    engine.client("iam").put_role_policy(RoleName=name, PolicyName="late", PolicyDocument=document)
    refused = account.call("s3", lambda c: c.get_object(**OBJECT))
    assert refused.startswith(
        "NotImplemented: Statement[0].Condition.IpAddress.aws:SourceIp: the local engine does not"
    )


def test_the_region_of_a_call_is_the_one_that_it_is_signed_for(account: Account) -> None:
    assert account.call("sqs", lambda c: c.list_queues()).startswith("AccessDenied: User: ")
    keys = {
        "aws_access_key_id": account.session.access_key,
        "aws_secret_access_key": account.session.secret_key,
        "aws_session_token": account.session.token,
    }
    ireland = boto3.client("sqs", region_name="eu-west-1", endpoint_url=account.gateway.url, **keys)
    assert "QueueUrls" not in ireland.list_queues()
    ireland.close()
