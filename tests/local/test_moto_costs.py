"""What is made once in moto's place is what moto makes."""

from __future__ import annotations

import io
from typing import Any

import boto3  # type: ignore[import-untyped]  # boto3 ships no types
import moto.core.responses
import moto.core.utils
import moto.utilities.aws_headers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from moto.core.base_backend import BackendDict
from moto.core.responses import BaseResponse
from moto.core.serialize import AttributePickerContext, XFormedAttributePicker
from moto.core.utils import get_service_model
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.responses import DynamoHandler
from moto.logs.responses import LogsResponse
from moto.sqs.responses import SQSResponse

from ceap.local.engine import install
from ceap.local.moto_calls import MotoRequest

SHAPES = [
    get_service_model(service).operation_model(operation).output_shape
    for service, operation in (
        ("sqs", "ReceiveMessage"),
        ("dynamodb", "DescribeTable"),
        ("s3", "ListObjectsV2"),
        ("rds", "CreateDBInstance"),
        ("logs", "DescribeLogGroups"),
    )
]


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    install()


def kept(function: Any, name: str) -> Any:
    """Return the function of moto's that a function of ours has taken the place of."""
    [original] = [cell.cell_contents for cell in function.__closure__ if callable(cell.cell_contents)]
    assert original.__name__ == name
    return original


@given(st.data())
def test_the_member_of_a_result_is_found_under_the_keys_that_moto_tries(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from(SHAPES))
    picker, original = XFormedAttributePicker(), kept(XFormedAttributePicker.__call__, "__call__")
    for member, inner in shape.members.items():
        inner.parent = shape
        context = AttributePickerContext(obj={}, key=member, shape=inner)
        names = list(picker.get_possible_keys(context))
        found = data.draw(st.dictionaries(st.sampled_from([*names, "other"]), st.one_of(st.none(), st.integers())))
        context.obj = found
        assert picker(context) == original(picker, context)


@pytest.mark.parametrize("name", ["ReceiveMessage", "PutItem", "DBInstance", "listTags", "A", "", "GetACL"])
def test_names_have_the_forms_that_moto_gives_them(name: str) -> None:
    made: Any = moto.core.utils.camelcase_to_underscores
    assert made(name) == made.__wrapped__(name)
    assert moto.core.responses.camelcase_to_underscores is made  # type: ignore[attr-defined]


def test_methods_are_those_that_moto_finds() -> None:
    made: Any = moto.core.responses.method_names_from_class  # type: ignore[attr-defined]
    for kind in (SQSResponse, DynamoHandler):
        assert made(kind) == made.__wrapped__(kind)


def test_the_id_of_a_request_is_new_and_of_the_length_of_aws() -> None:
    headers: dict[str, Any] = {}
    made = moto.utilities.aws_headers.gen_amzn_requestid_long(headers)
    assert headers == {"x-amzn-requestid": made}
    assert (len(made), made != moto.utilities.aws_headers.gen_amzn_requestid_long()) == (52, True)


def test_a_backend_is_found_and_made_where_there_is_none() -> None:
    made = dynamodb_backends["999999999999"]["us-east-1"]
    assert dynamodb_backends["999999999999"]["us-east-1"] is made
    assert dynamodb_backends in BackendDict._instances  # type: ignore[misc]
    del dynamodb_backends["999999999999"]
    assert dynamodb_backends["999999999999"]["us-east-1"] is not made
    del dynamodb_backends["999999999999"]
    with pytest.raises(KeyError):
        dynamodb_backends["999999999999"]["nowhere-1"]


@pytest.mark.parametrize(
    ("kind", "called", "body"),
    [
        (SQSResponse, "AmazonSQS.ListQueues", b'{"QueueNamePrefix": "a=b"}'),
        (LogsResponse, "Logs_20140328.PutLogEvents", '{"logGroupName": "ü"}'.encode()),
        (DynamoHandler, "DynamoDB_20120810.ListTables", b'{"Limit": 1}'),
    ],
)
def test_a_response_is_set_up_as_moto_sets_it_up(kind: type[BaseResponse], called: str, body: bytes) -> None:
    headers = {
        "Host": "127.0.0.1:8000",
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": called,
        "Authorization": "AWS4-HMAC-SHA256 Credential=ASIA0123456789ABCDEF/20260101/us-east-1/x/aws4_request, S=",
        "X-Moto-Account-Id": "123456789012",
    }
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "RAW_URI": "/",
        "CONTENT_TYPE": headers["Content-Type"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }
    request = MotoRequest(environ, body, list(headers.items()))
    made, plain = kind(), kind()
    made.setup_class(request)
    kept(BaseResponse.setup_class, "setup_class")(plain, request)
    differing = {name for name, value in vars(plain).items() if vars(made)[name] != value}
    # Of the document moto makes a form, which no operation of a JSON protocol has.
    assert differing <= {"querystring", "data"}
    assert set(vars(made)) == set(vars(plain))


def test_moto_alone_still_finds_bucket_and_region_of_a_call_where_sdks_put_them() -> None:
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    with mock_aws():
        s3 = boto3.client("s3", "eu-west-1", **keys)
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_object(Bucket="bucket", Key="a/b", Body=b"content")
        for region in ("eu-west-1", "us-east-1"):
            sqs = boto3.client("sqs", region, **keys)
            sqs.create_queue(QueueName="queue")

        assert s3.get_object(Bucket="bucket", Key="a/b")["Body"].read() == b"content"
        assert s3.get_bucket_location(Bucket="bucket")["LocationConstraint"] == "eu-west-1"
        assert sqs.list_queues()["QueueUrls"] == ["https://sqs.us-east-1.amazonaws.com/123456789012/queue"]
