"""What a request asks of IAM, read from requests as boto3 makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse  # type: ignore[import-untyped]  # no types
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # no types

from ceap.local.calls import Question, Request, checks, not_found_check
from ceap.local.gateway import client

REGION, ACCOUNT = "us-east-1", "123456789012"
BUCKET = "arn:aws:s3:::bucket"
SIGNING_NAMES = {"stepfunctions": "states"}
Call = Callable[[Any], Any]


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


class EmptyBody:
    def stream(self) -> list[bytes]:
        return []


def request_of(service: str, call: Call) -> Request:
    """Return the request that a call of a boto3 client makes, which is not sent."""
    caught: list[AWSPreparedRequest] = []

    def catch(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        caught.append(request)
        return AWSResponse(request.url, 500, {}, EmptyBody())

    caller = client(service, "http://127.0.0.1:1")
    caller.meta.events.register("before-send", catch)
    with pytest.raises(ClientError):
        call(caller)
    caller.close()
    [prepared] = caught
    url = urlsplit(prepared.url)
    body = prepared.body or b""
    return Request(
        service=SIGNING_NAMES.get(service, service),
        region=REGION,
        account=ACCOUNT,
        method=prepared.method,
        path=unquote(url.path),
        query=dict(parse_qsl(url.query, keep_blank_values=True)),
        headers={
            key.lower(): value.decode() if isinstance(value, bytes) else value
            for key, value in prepared.headers.items()
        },
        body=body.encode() if isinstance(body, str) else (body if isinstance(body, bytes) else b""),
    )


TABLE = {"TableName": "t", "Key": {"pk": {"S": "1"}}}

CASES: list[tuple[str, Call, list[Question]]] = [
    ("s3", lambda c: c.list_buckets(), [Question("s3:ListAllMyBuckets", "*")]),
    ("s3", lambda c: c.head_bucket(Bucket="bucket"), [Question("s3:ListBucket", BUCKET, {"s3:prefix": ""})]),
    (
        "s3",
        lambda c: c.list_objects_v2(Bucket="bucket", Prefix="executions/"),
        [Question("s3:ListBucket", BUCKET, {"s3:prefix": "executions/"})],
    ),
    ("s3", lambda c: c.list_multipart_uploads(Bucket="bucket"), [Question("s3:ListBucketMultipartUploads", BUCKET)]),
    ("s3", lambda c: c.get_object(Bucket="bucket", Key="a/b c"), [Question("s3:GetObject", f"{BUCKET}/a/b c")]),
    ("s3", lambda c: c.head_object(Bucket="bucket", Key="k"), [Question("s3:GetObject", f"{BUCKET}/k")]),
    ("s3", lambda c: c.put_object(Bucket="bucket", Key="k", Body=b"x"), [Question("s3:PutObject", f"{BUCKET}/k")]),
    ("s3", lambda c: c.create_multipart_upload(Bucket="bucket", Key="k"), [Question("s3:PutObject", f"{BUCKET}/k")]),
    (
        "s3",
        lambda c: c.upload_part(Bucket="bucket", Key="k", PartNumber=1, UploadId="u", Body=b"x"),
        [Question("s3:PutObject", f"{BUCKET}/k")],
    ),
    (
        "s3",
        lambda c: c.complete_multipart_upload(Bucket="bucket", Key="k", UploadId="u"),
        [Question("s3:PutObject", f"{BUCKET}/k")],
    ),
    (
        "s3",
        lambda c: c.abort_multipart_upload(Bucket="bucket", Key="k", UploadId="u"),
        [Question("s3:AbortMultipartUpload", f"{BUCKET}/k")],
    ),
    (
        "s3",
        lambda c: c.list_parts(Bucket="bucket", Key="k", UploadId="u"),
        [Question("s3:ListMultipartUploadParts", f"{BUCKET}/k")],
    ),
    (
        "s3",
        lambda c: c.copy_object(Bucket="bucket", Key="k", CopySource={"Bucket": "other", "Key": "a b"}),
        [Question("s3:PutObject", f"{BUCKET}/k"), Question("s3:GetObject", "arn:aws:s3:::other/a b")],
    ),
    ("s3", lambda c: c.delete_object(Bucket="bucket", Key="k"), [Question("s3:DeleteObject", f"{BUCKET}/k")]),
    (
        "s3",
        lambda c: c.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]}),
        [Question("s3:DeleteObject", f"{BUCKET}/a"), Question("s3:DeleteObject", f"{BUCKET}/b")],
    ),
    (
        "sqs",
        lambda c: c.send_message_batch(QueueUrl="http://x/1/q", Entries=[{"Id": "1", "MessageBody": "b"}]),
        [Question("sqs:SendMessage", arn("sqs", "q"))],
    ),
    (
        "sqs",
        lambda c: c.receive_message(QueueUrl="http://x/1/q"),
        [Question("sqs:ReceiveMessage", arn("sqs", "q"))],
    ),
    ("dynamodb", lambda c: c.get_item(**TABLE), [Question("dynamodb:GetItem", arn("dynamodb", "table/t"))]),
    (
        "dynamodb",
        lambda c: c.query(TableName="t", IndexName="index", KeyConditionExpression="pk = :p"),
        [Question("dynamodb:Query", arn("dynamodb", "table/t/index/index"))],
    ),
    (
        "dynamodb",
        lambda c: c.batch_get_item(RequestItems={"t": {"Keys": [TABLE["Key"]]}, "u": {"Keys": [TABLE["Key"]]}}),
        [Question("dynamodb:BatchGetItem", arn("dynamodb", f"table/{name}")) for name in ("t", "u")],
    ),
    (
        "dynamodb",
        lambda c: c.transact_write_items(TransactItems=[{"Put": {"TableName": "t", "Item": TABLE["Key"]}}]),
        [Question("dynamodb:PutItem", arn("dynamodb", "table/t"))],
    ),
    (
        "events",
        lambda c: c.put_events(
            Entries=[
                {"Source": "a", "DetailType": "A", "Detail": "{}"},
                {"Source": "b", "DetailType": "B", "Detail": "{}", "EventBusName": "bus"},
            ]
        ),
        [
            Question(
                "events:PutEvents", arn("events", f"event-bus/{bus}"), {"events:source": s, "events:detail-type": t}
            )
            for bus, s, t in (("default", "a", "A"), ("bus", "b", "B"))
        ],
    ),
    (
        "sns",
        lambda c: c.publish(TopicArn=arn("sns", "topic"), Message="m"),
        [Question("sns:Publish", arn("sns", "topic"))],
    ),
    (
        "stepfunctions",
        lambda c: c.start_sync_execution(stateMachineArn=arn("states", "stateMachine:m")),
        [Question("states:StartSyncExecution", arn("states", "stateMachine:m"))],
    ),
    (
        "lambda",
        lambda c: c.invoke(FunctionName=arn("lambda", "function:f")),
        [Question("lambda:InvokeFunction", arn("lambda", "function:f"))],
    ),
    ("lambda", lambda c: c.invoke(FunctionName="f"), [Question("lambda:InvokeFunction", arn("lambda", "function:f"))]),
    ("sts", lambda c: c.get_caller_identity(), []),
    ("sts", lambda c: c.assume_role(RoleArn="a" * 20, RoleSessionName="session"), [Question("sts:AssumeRole", "*")]),
    ("kms", lambda c: c.decrypt(CiphertextBlob=b"x"), [Question("kms:Decrypt", "*")]),
]


@pytest.mark.parametrize(("service", "call", "expected"), CASES)
def test_a_call_asks_for_its_action_on_its_resource(service: str, call: Call, expected: list[Question]) -> None:
    assert expected == checks(request_of(service, call))


def test_a_call_that_cannot_be_named_asks_for_what_no_policy_grants() -> None:
    request = request_of("lambda", lambda c: c.list_functions())
    assert checks(request) == [Question("lambda:GET /2015-03-31/functions", "*")]


def test_a_missing_object_is_told_of_only_to_whom_may_list_it() -> None:
    get = request_of("s3", lambda c: c.get_object(Bucket="bucket", Key="a/k"))
    put = request_of("s3", lambda c: c.put_object(Bucket="bucket", Key="a/k", Body=b""))
    assert not_found_check(get) == Question("s3:ListBucket", BUCKET, {"s3:prefix": "a/k"})
    assert not_found_check(put) is None
