"""Calls that stay in the process: they are decided, answered and refused as those that come over HTTP."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import (  # type: ignore[import-untyped]  # no types
    ClientError,
    EndpointConnectionError,
    ParamValidationError,
)

from ceap.local.engine import Engine
from ceap.local.gateway import client
from ceap.local.service_clients import ServiceClient
from ceap.local.sessions import Decision, Session
from tests.local.captured import Call
from tests.local.support import function, job, role, state_machine, template_text, upload_code

SOURCE = """
def echo(event, context): return {"given": event}
def fail(event, context): raise ValueError("no")
"""
ALL = ("s3:*", "sqs:*", "lambda:*", "states:*", "glue:*", "dynamodb:*", "events:*", "sns:*")
DEFINITION = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
ACCOUNT = "210987654321"
QUEUE = f"http://127.0.0.1/{ACCOUNT}/queue"
ARN = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:machine"
EXECUTION = f"arn:aws:states:us-east-1:{ACCOUNT}:execution:machine:none"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:topic"
ATTRIBUTES = {
    "text": {"DataType": "String", "StringValue": "v"},
    "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\x7f"},
}
_RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|jr_[0-9a-f]+|\b\d{10}(\.\d+|\d{3})?\b|\b[\w+/]{100,}={0,2}")


class Told(NamedTuple):
    """What became of a call: its answer or its error, and what was decided for it."""

    answer: Any
    kind: str
    text: str
    decisions: list[Decision]


class Account:
    """An engine with what state machines and pipes call, a role that may do it all, and one that may do nothing."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        upload_code(engine, {"module.py": SOURCE})
        stack = engine.deploy(
            template_text(
                Queue={"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "queue"}},
                Topic={"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic"}},
                Table={
                    "Type": "AWS::DynamoDB::Table",
                    "Properties": {
                        "TableName": "table",
                        "BillingMode": "PAY_PER_REQUEST",
                        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                    },
                },
                FunctionRole=role("lambda"),
                Echo=function("echo", "module.echo"),
                Fail=function("fail", "module.fail"),
                JobRole=role("glue"),
                Job=job(),
                MachineRole=role("states", *((action, "*") for action in ALL)),
                PoorRole=role("states"),
                Machine=state_machine(DEFINITION),
            ),
            "stack",
        )
        roles = stack.of_type("AWS::IAM::Role")
        self.rich, self.poor = (self._assume(roles[name].arn) for name in ("MachineRole", "PoorRole"))

    def _assume(self, arn: str) -> Session:
        return self.engine._sessions.assume(arn, service="states", source=ARN)

    def here(self, service: str, session: Session) -> ServiceClient:
        return ServiceClient(service, self.engine.account, session, self.engine._gateway.answer)

    def try_both(self, service: str, session: Session, call: Call) -> tuple[Told, Told]:
        """Return what becomes of a call in this process, and over HTTP."""
        over_http = client(service, self.engine.url, session)
        told = self._try(call, self.here(service, session)), self._try(call, over_http)
        over_http.close()
        return told

    def _try(self, call: Call, caller: Any) -> Told:
        before = len(self.engine.trace)
        answer, error = None, None
        try:
            answer = call(caller)
        except (ClientError, ParamValidationError) as raised:
            error = raised
            answer = getattr(raised, "response", None)
        decisions = self.engine.trace[before:]
        return Told(_neutral(answer), type(error).__name__, _RANDOM.sub("*", str(error)), decisions)


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with Engine.start(account=ACCOUNT) as engine:
        yield Account(engine)


def _read(answer: Any, field: str = "Payload") -> Any:
    return {**answer, field: answer[field].read()}


def _neutral(answer: Any) -> Any:
    """Return an answer without what differs from one call to the next: ids, moments and the headers of HTTP."""
    match answer:
        case dict():
            dropped = {"HTTPHeaders", "RequestId", "HostId", "ApproximateReceiveCount"}
            return {key: _neutral(value) for key, value in answer.items() if key not in dropped}
        case list():
            return [_neutral(value) for value in answer]
        case str():
            return _RANDOM.sub("*", answer)
        case bytes():
            return _neutral(answer.decode())
        case datetime.datetime():
            return type(answer)
    return answer


CALLS: list[tuple[str, Call]] = [
    ("sqs", lambda c: c.get_queue_attributes(QueueUrl=QUEUE, AttributeNames=["QueueArn"])),
    ("sqs", lambda c: c.send_message(QueueUrl=QUEUE, MessageBody="é", MessageAttributes=ATTRIBUTES)),
    ("sqs", lambda c: c.send_message_batch(QueueUrl=QUEUE, Entries=[{"Id": "1", "MessageBody": "b"}])),
    (
        "sqs",
        lambda c: c.receive_message(
            QueueUrl=QUEUE,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
            VisibilityTimeout=0,
            MaxNumberOfMessages=10,
        ),
    ),
    ("sqs", lambda c: c.delete_message_batch(QueueUrl=QUEUE, Entries=[{"Id": "0", "ReceiptHandle": "none"}])),
    ("sqs", lambda c: c.receive_message(QueueUrl=QUEUE.replace("queue", "other"))),
    ("sqs", lambda c: c.receive_message(QueueUrl=QUEUE, MaxNumberOfMessages=11)),
    ("sqs", lambda c: c.receive_message(QueueUrl=QUEUE, MaxNumberOfMessages="many")),
    ("sqs", lambda c: c.receive_message()),
    ("stepfunctions", lambda c: c.start_sync_execution(stateMachineArn=ARN, input='{"a": "é"}', name="n")),
    ("stepfunctions", lambda c: c.start_sync_execution(stateMachineArn=ARN, input="{")),
    ("stepfunctions", lambda c: c.start_sync_execution(stateMachineArn=f"{ARN}-other", input="{}")),
    ("stepfunctions", lambda c: c.start_execution(stateMachineArn=ARN, input="{}")),
    ("stepfunctions", lambda c: c.start_execution(stateMachineArn=ARN, input={})),
    ("stepfunctions", lambda c: c.describe_execution(executionArn=EXECUTION)),
    ("lambda", lambda c: _read(c.invoke(FunctionName="echo", Payload='{"é": [1.5, null]}'))),
    ("lambda", lambda c: _read(c.invoke(FunctionName="echo"))),
    ("lambda", lambda c: _read(c.invoke(FunctionName="echo", Payload=b"{}", InvocationType="RequestResponse"))),
    ("lambda", lambda c: c.invoke(FunctionName="echo", Payload=b"{}", InvocationType="Event")),
    ("lambda", lambda c: _read(c.invoke(FunctionName="echo:$LATEST", Payload=b"{}"))),
    ("lambda", lambda c: c.invoke(FunctionName="echo", Payload=b"{}", Qualifier="7")),
    ("lambda", lambda c: _read(c.invoke(FunctionName="fail", Payload=b"{}"))),
    ("lambda", lambda c: c.invoke(FunctionName="other", Payload=b"{}")),
    ("lambda", lambda c: c.invoke(FunctionName="echo", Payload=b" " * (6 * 1024 * 1024 + 1))),
    ("lambda", lambda c: c.invoke(FunctionName="echo", Payload={"not": "bytes"})),
    ("s3", lambda c: c.put_object(Bucket="code", Key="a b/é+%20.json", Body=b"[1]", Metadata={"key": "value"})),
    ("s3", lambda c: c.put_object(Bucket="code", Key="text", Body="text", ContentType="text/plain")),
    ("s3", lambda c: c.put_object(Bucket="code", Key="none")),
    ("s3", lambda c: _read(c.get_object(Bucket="code", Key="a b/é+%20.json"), "Body")),
    ("s3", lambda c: _read(c.get_object(Bucket="code", Key="text", Range="bytes=1-2"), "Body")),
    ("s3", lambda c: c.head_object(Bucket="code", Key="text", ChecksumMode="ENABLED")),
    ("s3", lambda c: c.get_object(Bucket="code", Key="missing")),
    ("s3", lambda c: c.head_object(Bucket="code", Key="missing")),
    ("s3", lambda c: c.put_object(Bucket="missing", Key="k", Body=b"")),
    ("s3", lambda c: c.put_object(Bucket="not a bucket", Key="k")),
    ("s3", lambda c: c.list_objects_v2(Bucket="code", Prefix="a b/", EncodingType="url")),
    ("s3", lambda c: c.delete_objects(Bucket="code", Delete={"Objects": [{"Key": "none"}]})),
    ("glue", lambda c: c.start_job_run(JobName="other")),
    ("glue", lambda c: c.get_job_run(JobName="job", RunId="jr_none")),
    ("glue", lambda c: c.batch_stop_job_run(JobName="job", JobRunIds=["jr_none"])),
    ("dynamodb", lambda c: c.put_item(TableName="table", Item={"id": {"S": "é"}, "n": {"N": "1.50"}})),
    ("dynamodb", lambda c: c.get_item(TableName="table", Key={"id": {"S": "é"}})),
    ("dynamodb", lambda c: c.put_item(TableName="table", Item={"id": {"S": "é"}}, ConditionExpression="id <> id")),
    ("dynamodb", lambda c: c.put_item(TableName="other", Item={"id": {"S": "a"}})),
    ("dynamodb", lambda c: c.put_item(TableName="table", Item=1)),
    ("events", lambda c: c.put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}"}])),
    ("events", lambda c: c.put_events(Entries=[{"Source": "s"}])),
    ("sns", lambda c: c.publish(TopicArn=TOPIC, Message="é")),
    ("sns", lambda c: c.publish(TopicArn=f"{TOPIC}-other", Message="m")),
]


@pytest.mark.parametrize("who", ["rich", "poor"])
@pytest.mark.parametrize(("service", "call"), CALLS)
def test_a_call_is_decided_and_answered_as_one_over_http(account: Account, service: str, call: Call, who: str) -> None:
    here, over_http = account.try_both(service, getattr(account, who), call)
    assert here == over_http


def test_each_call_is_told_of_by_a_result_that_says_what_became_of_it(account: Account) -> None:
    call: Call = lambda c: _read(c.invoke(FunctionName="echo", Payload=b'{"a": 1}'))  # noqa: E731 (as the table's)
    (allowed, _), (denied, _) = (account.try_both("lambda", who, call) for who in (account.rich, account.poor))
    assert (allowed.kind, allowed.answer["Payload"]) == ("NoneType", '{"given": {"a": 1}}')
    assert [decision.allowed for decision in allowed.decisions + denied.decisions] == [True, False]
    assert denied.text.startswith("An error occurred (AccessDeniedException) when calling the Invoke operation")


def test_a_call_of_a_session_that_nobody_opened_is_refused(account: Account) -> None:
    unknown = account.rich._replace(access_key="ASIA0000000000000000")
    with pytest.raises(KeyError):
        account.here("sqs", unknown).receive_message(QueueUrl=QUEUE)


def test_calls_in_a_call_are_made_by_their_own_callers(account: Account) -> None:
    """A synchronous execution calls, as its own role, within the call of a pipe."""
    inner = account.here("sqs", account.rich)
    door = account.engine._gateway.answer
    sent = []

    def enter(request: Any) -> Any:
        sent.append(inner.send_message(QueueUrl=QUEUE, MessageBody="inner")["MessageId"])
        return door(request)

    outer = ServiceClient("sqs", ACCOUNT, account.poor, enter)
    with pytest.raises(ClientError, match="AccessDenied"):
        outer.send_message(QueueUrl=QUEUE, MessageBody="outer")
    assert len(sent) == 1


def test_a_closed_engine_is_not_reached(engine: Engine) -> None:
    here = ServiceClient("sqs", engine.account, engine.driver, engine._gateway.answer)
    here.create_queue(QueueName="queue")
    engine.close()
    with pytest.raises(EndpointConnectionError, match="Could not connect to the endpoint URL"):
        here.list_queues()
