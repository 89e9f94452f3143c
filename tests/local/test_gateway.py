"""What a role's call is answered: served, denied with AWS's wording, or refused because the engine cannot judge it."""

from __future__ import annotations

import ast
import http.client
import inspect
import json
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, unquote

import boto3  # type: ignore[import-untyped]  # no types
import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # no types

from ceap.local import gateway as gateway_module
from ceap.local import questions
from ceap.local.calls import FORM, Request, UnknownCallError
from ceap.local.engine import Engine
from ceap.local.gateway import Gateway, client
from ceap.local.http_server import Message
from ceap.local.sessions import Session, Sessions
from ceap.local.signatures import Signature
from tests.local.captured import Call
from tests.local.support import role, template_text
from tests.local.test_moto_calls import CALLS, Sent, query, sign, target

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


FURTHER = [
    *(Sent("s3", method, "/bucket/k") for method in ("GET", "HEAD", "PUT", "DELETE")),
    Sent("lambda", "POST", "/2015-03-31/functions/f/invocations", b"{}"),
    target(
        "states",
        "AWSStepFunctions.StartSyncExecution",
        {"stateMachineArn": "arn:aws:states:us-east-1:1:s:m"},
    ),
    target("glue", "AWSGlue.StartJobRun", {"JobName": "job"}),
    target("firehose", "Firehose_20150804.PutRecord", {"DeliveryStreamName": "s", "Record": {"Data": ""}}),
    target("kms", "TrentService.Decrypt", {"KeyId": "key", "CiphertextBlob": ""}),
    target("secretsmanager", "secretsmanager.GetSecretValue", {"SecretId": "secret"}),
    target("sqs", "AmazonSQS.StartMessageMoveTask", {"SourceArn": "arn:aws:sqs:us-east-1:1:q"}),
    target("sqs", "AmazonSQS.SendMessage", {"QueueUrl": "http://h/1/q", "MessageBody": ""}),
    Sent("pipes", "GET", "/v1/pipes/p"),
    Sent("scheduler", "GET", "/schedules/s"),
    query("monitoring", "Action=GetMetricData&Version=2010-08-01"),
    query("cloudformation", "Action=DescribeStacks&StackName=s&Version=2010-05-15"),
    query("sts", "Action=AssumeRole&RoleArn=arn:aws:iam::1:role/r&RoleSessionName=n&Version=2011-06-15"),
    query("iam", "Action=GetRole&RoleName=r&Version=2010-05-08"),
    query("iam", "Action=SimulatePrincipalPolicy&PolicySourceArn=arn:aws:iam::1:role/r&Version=2010-05-08"),
    Sent("kinesis", "POST", "/", b"{}"),
]


class Passed(Exception):  # noqa: N818 (not an error of the tests)
    """A route, or moto, was asked to serve a call."""


def refuse(*_: object) -> None:
    raise Passed


@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[Engine, Session]]:
    """An engine of which no route and not moto may be reached, and a role that is granted nothing."""
    with Engine.start() as engine:
        stack = engine.deploy(template_text(Role=role("lambda")), "stack")
        arn = stack.of_type("AWS::IAM::Role")["Role"].arn
        session = engine._sessions.assume(arn, service="lambda", source="arn:aws:lambda:us-east-1:1:function:f")
        ways = vars(engine._gateway)
        kept = dict(ways)
        ways["_routes"] = tuple(refuse for _ in ways["_routes"])
        ways["_moto"] = SimpleNamespace(serve=refuse)
        yield engine, session
        ways.update(kept)


ASKED = [*FURTHER, *(sent for sent in CALLS if sent.method not in {"OPTIONS", "PATCH"})]


def test_every_service_that_is_judged_is_asked_here() -> None:
    assert {sent.service for sent in ASKED} >= set(questions._SERVICES)


def test_the_gateway_has_no_other_doors_than_those_tried_here() -> None:
    public = {name for name in vars(Gateway) if not name.startswith("_")}
    assert public == {"answer", "start", "stop"}
    source = ast.parse(inspect.getsource(gateway_module))
    callers = {
        function.name
        for function in ast.walk(source)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and node.attr in {"_serve", "_routes", "_moto"}
    }
    assert callers == {"__init__", "_answer", "_serve"}


@pytest.mark.parametrize("sent", ASKED, ids=lambda sent: f"{sent.service} {sent.method} {sent.target}")
def test_no_path_goes_round_signature_and_policies(guarded: tuple[Engine, Session], sent: Sent) -> None:
    engine, session = guarded
    served = sign(engine, sent, "bucket")
    assert exchange(engine, sent, served) == 500, "the driver may do all, so a route is reached"
    for keys in (session, engine.driver._replace(secret_key="wrong"), engine.driver._replace(access_key="AKIAUNKNOWN")):
        assert exchange(engine, sent, sign(engine, sent, "bucket", keys)) in {400, 403, 501}
    del served.headers["Authorization"]
    assert exchange(engine, sent, served) in {400, 403, 501}
    path, _, asked = sent.target.replace("BUCKET", "bucket").partition("?")
    headers = {name.lower(): text.replace("BUCKET", "bucket") for name, text in sent.headers}
    parameters = dict(parse_qsl(asked, keep_blank_values=True))
    called = Request(
        sent.service, "us-east-1", engine.account, sent.method, unquote(path), parameters, headers, sent.body
    )
    assert engine._gateway.answer(called._replace(access_key=session.access_key)).status in {400, 403, 501}
    for unknown in ("", "AKIAUNKNOWN"):
        with pytest.raises(KeyError):
            engine._gateway.answer(called._replace(access_key=unknown))


def exchange(engine: Engine, sent: Sent, request: Any) -> int:
    """Return the status of what a request is answered."""
    connection = http.client.HTTPConnection(engine.url.removeprefix("http://"))
    connection.request(sent.method, request.url.removeprefix(engine.url), request.data, dict(request.headers))
    status = connection.getresponse().status
    connection.close()
    return status


def test_of_a_parameter_given_twice_the_value_that_is_served_is_decided_on(account: Account) -> None:
    sent = Sent("s3", "GET", "/bucket?list-type=2&prefix=b&prefix=a")
    asked = account.gateway._read(Message("GET", sent.target, {}, bytes), Signature("", "", "", "s3", (), ""))
    assert questions.checks(asked)[0].context == {"s3:prefix": "b"}


def test_the_bucket_is_that_of_the_path_whatever_the_host(engine: Engine) -> None:
    s3 = engine.client("s3")
    for bucket, key, body in (("open", "k", b"open"), ("closed", "open/k", b"closed")):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    sent = Sent("s3", "GET", "/open/k", b"", (("Host", "closed.s3.amazonaws.com"),))
    request = sign(engine, sent, "")
    connection = http.client.HTTPConnection(engine.url.removeprefix("http://"))
    connection.request("GET", sent.target, headers=dict(request.headers))
    assert connection.getresponse().read() == b"open"
    connection.close()


TARGET, JSON = ("X-Amz-Target", "AmazonSQS.ListQueues"), "application/x-amz-json-1.0"
DELETE = b"Action=DeleteQueue&QueueUrl=http%3A%2F%2Fh%2F1%2Fq&Version=2012-11-05"


@pytest.mark.parametrize(
    "sent",
    [
        Sent("sqs", "POST", "/", DELETE, (TARGET, ("Content-Type", FORM))),
        Sent("sqs", "POST", "/", DELETE, (TARGET, ("Content-Type", "text/plain"))),
        Sent("sqs", "POST", "/", DELETE, (TARGET,)),
        Sent("sqs", "POST", f"/?{DELETE.decode()}", b"{}", (TARGET, ("Content-Type", JSON))),
        Sent("sqs", "POST", "/service/x/operation/ListQueues", DELETE, (("Content-Type", FORM),)),
        Sent("lambda", "GET", "/2015-03-31/functions/f/configuration", b"Action=DeleteFunction"),
        Sent("lambda", "GET", "/2015-03-31/functions/f/configuration", b"", (TARGET,)),
        Sent("lambda", "GET", "/2015-03-31/functions/f/configuration", b"", (TARGET, ("Content-Type", JSON))),
        Sent("scheduler", "GET", "/schedules/s", b"", (TARGET, ("Content-Type", JSON))),
    ],
    ids=range(9),
)
def test_a_call_that_could_be_read_as_two_operations_is_refused(sent: Sent) -> None:
    headers = {name.lower(): text for name, text in sent.headers}
    path, _, asked = sent.target.partition("?")
    request = Request(sent.service, "us-east-1", "1", sent.method, path, dict(parse_qsl(asked)), headers, sent.body)
    with pytest.raises(UnknownCallError, match="it must name its operation once"):
        questions.checks(request)


HIDDEN = json.dumps({"QueueNamePrefix": "&Action=DeleteQueue&", "QueueUrl": "http://h/1/q"}).encode()


@pytest.mark.parametrize(
    "sent",
    [
        Sent("sqs", "POST", "/", HIDDEN, (TARGET, ("Content-Type", JSON))),
        Sent("sqs", "POST", "/", HIDDEN, (TARGET, ("Content-Type", JSON), ("Content-Encoding", "x"))),
        Sent("sqs", "POST", "/1/q", b"", (TARGET, ("Content-Type", JSON), ("Action", "DeleteQueue"))),
        Sent("sqs", "POST", "/1/q", b"Action=ListQueues&" + DELETE, (("Content-Type", f"{FORM}, x"),)),
    ],
    ids=["text", "encoding", "header", "form"],
)
def test_a_role_that_may_list_queues_deletes_none(engine: Engine, sent: Sent) -> None:
    stack = engine.deploy(template_text(Role=role("lambda", ("sqs:ListQueues", "*"))), "stack")
    arn = stack.of_type("AWS::IAM::Role")["Role"].arn
    session = engine._sessions.assume(arn, service="lambda", source="arn:aws:lambda:us-east-1:1:function:f")
    engine.client("sqs").create_queue(QueueName="q")
    request = sign(engine, sent, "", session)
    connection = http.client.HTTPConnection(engine.url.removeprefix("http://"))
    connection.request("POST", sent.target, request.data, dict(request.headers))
    assert connection.getresponse().status in {200, 501}
    connection.close()
    assert len(engine.client("sqs").list_queues()["QueueUrls"]) == 1
