"""Whom the engine serves: only who signs with keys that it has given, each request as it was signed."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import boto3  # type: ignore[import-untyped]  # no types
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth  # type: ignore[import-untyped]  # no types
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # no types
from botocore.config import Config  # type: ignore[import-untyped]  # no types
from botocore.credentials import Credentials  # type: ignore[import-untyped]  # no types
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # no types
from hypothesis import given
from hypothesis import strategies as st

from ceap.local.calls import Request
from ceap.local.engine import Engine
from ceap.local.gateway import client
from ceap.local.http_server import Message
from ceap.local.sessions import Session
from ceap.local.signatures import SignatureError, expected, read_signature
from tests.local.captured import Call

SERVICES: Mapping[str, Call] = {
    "dynamodb": lambda c: c.list_tables(),
    "lambda": lambda c: c.invoke(FunctionName="f"),
    "s3": lambda c: c.put_object(Bucket="bucket", Key="k", Body=b"body"),
    "sns": lambda c: c.list_topics(),
    "sqs": lambda c: c.list_queues(),
    "stepfunctions": lambda c: c.list_state_machines(),
    "sts": lambda c: c.get_caller_identity(),
}
INVALID_TOKEN = "The security token included in the request is invalid."
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
S3_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)

FORM = "application/x-www-form-urlencoded; charset=utf-8"
CREDENTIAL = "AWS4-HMAC-SHA256 Credential=K/20260101/us-east-1"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine.start() as engine:
        engine.client("s3").create_bucket(Bucket="bucket")
        engine.client("s3").put_object(Bucket="bucket", Key="k", Body=b"body")
        yield engine


def refused(engine: Engine, session: Session, service: str) -> tuple[int, str, str]:
    """Return status, code and message with which a call of a service is refused."""
    caller = client(service, engine.url, session)
    with pytest.raises(ClientError) as caught:
        SERVICES[service](caller)
    caller.close()
    error = caught.value.response
    return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"], error["Error"]["Message"]


@pytest.mark.parametrize(
    ("service", "status", "code", "message"),
    [
        ("dynamodb", 400, "UnrecognizedClientException", INVALID_TOKEN),
        ("lambda", 403, "UnrecognizedClientException", INVALID_TOKEN),
        ("s3", 403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
        ("sns", 403, "InvalidClientTokenId", INVALID_TOKEN),
        ("sqs", 403, "InvalidClientTokenId", INVALID_TOKEN),
        ("stepfunctions", 400, "UnrecognizedClientException", INVALID_TOKEN),
        ("sts", 403, "InvalidClientTokenId", INVALID_TOKEN),
    ],
)
def test_a_key_that_the_engine_did_not_give_is_refused(
    engine: Engine, service: str, status: int, code: str, message: str
) -> None:
    stranger = engine.driver._replace(access_key="AKIACEAPDRIVER000000")
    assert refused(engine, stranger, service) == (status, code, message)


@pytest.mark.parametrize(
    ("service", "status", "code", "message"),
    [
        ("dynamodb", 400, "InvalidSignatureException", MISMATCH),
        ("lambda", 403, "InvalidSignatureException", MISMATCH),
        ("s3", 403, "SignatureDoesNotMatch", S3_MISMATCH),
        ("sns", 403, "SignatureDoesNotMatch", MISMATCH),
        ("sqs", 403, "SignatureDoesNotMatch", MISMATCH),
        ("stepfunctions", 400, "InvalidSignatureException", MISMATCH),
        ("sts", 403, "SignatureDoesNotMatch", MISMATCH),
    ],
)
def test_a_wrong_secret_is_refused(engine: Engine, service: str, status: int, code: str, message: str) -> None:
    assert refused(engine, engine.driver._replace(secret_key="driver"), service) == (status, code, message)


@pytest.mark.parametrize(
    ("service", "refusal"),
    [
        ("dynamodb", (400, "UnrecognizedClientException", INVALID_TOKEN)),
        ("lambda", (403, "UnrecognizedClientException", INVALID_TOKEN)),
        ("s3", (400, "InvalidToken", "The provided token is malformed or otherwise invalid.")),
        ("sqs", (403, "InvalidClientTokenId", INVALID_TOKEN)),
    ],
)
@pytest.mark.parametrize("token", ["local", None])
def test_a_wrong_or_missing_session_token_is_refused(
    engine: Engine, token: str, service: str, refusal: tuple[int, str, str]
) -> None:
    assert refused(engine, engine.driver._replace(token=token), service) == refusal


def test_the_keys_of_one_engine_open_no_other(engine: Engine) -> None:
    with Engine.start() as other:
        assert refused(engine, other.driver, "sqs") == (403, "InvalidClientTokenId", INVALID_TOKEN)
        assert other.driver[2:5] != engine.driver[2:5]


class Sent(NamedTuple):
    """A request as it goes over the wire."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


def signed(engine: Engine, service: str, method: str, target: str, body: bytes, **headers: str) -> Sent:
    """Return a request that the driver has signed."""
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    request = AWSRequest(
        method, engine.url + target, headers={key.replace("_", "-"): text for key, text in headers.items()}, data=body
    )
    kind(Credentials(*engine.driver[2:5]), service, "us-east-1").add_auth(request)
    return Sent(method, target, dict(request.headers), body)


def answer(engine: Engine, sent: Sent) -> tuple[int, str]:
    """Return status and body of what a request is answered."""
    connection = http.client.HTTPConnection(engine.url.removeprefix("http://"))
    connection.request(sent.method, sent.target, sent.body, dict(sent.headers))
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def get(engine: Engine) -> Sent:
    return signed(engine, "s3", "GET", "/bucket/k?response-content-language=de", b"")


def send(engine: Engine) -> Sent:
    body = json.dumps({"QueueNamePrefix": "a"}).encode()
    headers = {"X_Amz_Target": "AmazonSQS.ListQueues", "Content_Type": "application/x-amz-json-1.0"}
    return signed(engine, "sqs", "POST", "/", body, **headers)


@pytest.mark.parametrize("request_of", [get, send])
def test_a_request_is_served_as_it_was_signed(engine: Engine, request_of: Callable[[Engine], Sent]) -> None:
    assert answer(engine, request_of(engine))[0] == 200


@pytest.mark.parametrize(
    ("request_of", "tamper"),
    [
        (get, lambda sent: sent._replace(method="DELETE")),
        (get, lambda sent: sent._replace(target="/bucket/other")),
        (get, lambda sent: sent._replace(target="/bucket/k?response-content-language=en")),
        (get, lambda sent: sent._replace(target=sent.target + "&acl")),
        (get, lambda sent: with_header(sent, "X-Amz-Date", "20200101T000000Z")),
        (get, lambda sent: with_header(sent, "X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")),
        (get, lambda sent: with_header(sent, "Host", "elsewhere:80")),
        (send, lambda sent: sent._replace(body=b'{"QueueNamePrefix": "b"}')),
        (send, lambda sent: with_header(sent, "X-Amz-Target", "AmazonSQS.CreateQueue")),
        (send, lambda sent: with_header(sent, "Authorization", sent.headers["Authorization"].replace("/sqs/", "/s3/"))),
        (send, lambda sent: with_header(sent, "Authorization", sent.headers["Authorization"].replace("us-", "eu-"))),
    ],
)
def test_a_request_that_was_changed_after_it_was_signed_is_refused(
    engine: Engine, request_of: Callable[[Engine], Sent], tamper: Callable[[Sent], Sent]
) -> None:
    status, text = answer(engine, tamper(request_of(engine)))
    assert status == 403
    assert "SignatureDoesNotMatch" in text


def with_header(sent: Sent, name: str, value: str) -> Sent:
    return sent._replace(headers={**sent.headers, name: value})


def test_a_stated_hash_of_a_body_must_be_that_of_the_body(engine: Engine) -> None:
    headers = {"X_Amz_Target": "AmazonSQS.ListQueues", "Content_Type": "application/x-amz-json-1.0"}
    for stated, status in ((hashlib.sha256(b"{}").hexdigest(), 200), ("UNSIGNED-PAYLOAD", 403), ("0" * 64, 403)):
        sent = signed(engine, "sqs", "POST", "/", b"{}", X_Amz_Content_SHA256=stated, **headers)
        assert answer(engine, sent)[0] == status


@pytest.mark.parametrize(
    ("target", "headers", "status", "code"),
    [
        ("/bucket/k", {}, 403, "<Code>AccessDenied</Code>"),
        ("/", {"X-Amz-Target": "AmazonSQS.ListQueues"}, 403, '"MissingAuthenticationToken"'),
        ("/", {"X-Amz-Target": "AWSStepFunctions.X"}, 400, '"MissingAuthenticationTokenException"'),
        ("/", {"Content-Type": FORM}, 403, "<Code>MissingAuthenticationToken</Code>"),
        ("/2015-03-31/functions/f/invocations", {}, 403, '"MissingAuthenticationTokenException"'),
        ("/moto-api/reset", {}, 403, "<Code>AccessDenied</Code>"),
        ("/", {"Authorization": "AWS AKIA:c2lnbmF0dXJl"}, 400, "<Code>AuthorizationHeaderMalformed</Code>"),
        ("/", {"Authorization": f"{CREDENTIAL}/sns/aws4_request"}, 400, "<Code>IncompleteSignature</Code>"),
        ("/", {"Authorization": f"{CREDENTIAL}/dynamodb/aws4_request"}, 400, '"IncompleteSignatureException"'),
        ("/bucket/k?X-Amz-Signature=0", {}, 501, "takes no presigned URLs"),
    ],
)
def test_a_request_without_a_signature_is_refused(
    engine: Engine, target: str, headers: Mapping[str, str], status: int, code: str
) -> None:
    found, text = answer(engine, Sent("POST", target, headers, b""))
    assert found == status
    assert code in text


def test_a_presigned_url_is_refused_by_name(engine: Engine) -> None:
    url = engine.client("s3").generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "k"})
    status, text = answer(engine, Sent("GET", url.removeprefix(engine.url), {}, b""))
    assert (status, "takes no presigned URLs" in text) == (501, True)


@pytest.mark.parametrize(
    ("key", "extra"),
    [
        ("a b/ü~(1)+=&%25", {}),
        ("a//b/../c", {}),
        ("named", {"Metadata": {"with_underscore": "1", "with-hyphen": "two  blanks"}}),
        ("tagged", {"Tagging": "a=b%20c&d=e"}),
        ("checked", {"ChecksumAlgorithm": "SHA256"}),
    ],
)
def test_every_key_and_header_that_boto_signs_is_taken(engine: Engine, key: str, extra: Mapping[str, Any]) -> None:
    s3 = engine.client("s3")
    s3.put_object(Bucket="bucket", Key=key, Body=key.encode(), **extra)
    assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == key.encode()
    assert key in [found["Key"] for found in s3.list_objects_v2(Bucket="bucket", Prefix=key)["Contents"]]
    s3.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": key}]})


def test_an_object_may_be_sent_in_chunks_or_without_a_signed_hash(engine: Engine) -> None:
    headers = {"Content-Encoding": "aws-chunked", "X-Amz-Decoded-Content-Length": "4"}
    request = AWSRequest("PUT", f"{engine.url}/bucket/chunks", headers, data=b"4\r\nbody\r\n0\r\n\r\n")
    request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
    S3SigV4Auth(Credentials(*engine.driver[2:5]), "s3", "us-east-1").add_auth(request)
    assert request.headers["X-Amz-Content-SHA256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    assert answer(engine, Sent("PUT", "/bucket/chunks", dict(request.headers), request.data))[0] == 200

    keys = dict(
        zip(("aws_access_key_id", "aws_secret_access_key", "aws_session_token"), engine.driver[2:5], strict=True)
    )
    config = Config(s3={"payload_signing_enabled": False})
    unsigned = boto3.client("s3", endpoint_url=engine.url, region_name="us-east-1", config=config, **keys)
    unsigned.put_object(Bucket="bucket", Key="unsigned", Body=b"body")
    unsigned.close()

    for key in ("chunks", "unsigned"):
        assert engine.client("s3").get_object(Bucket="bucket", Key=key)["Body"].read() == b"body"


def test_every_service_takes_what_boto_signs(engine: Engine) -> None:
    assert engine.client("sts").get_caller_identity()["Account"] == engine.account
    assert engine.client("sns").list_topics()["Topics"] == []
    assert engine.client("dynamodb").list_tables()["TableNames"] == []
    with pytest.raises(ClientError, match=r"Function not found: .*:function:f g"):
        engine.client("lambda").invoke(FunctionName=f"arn:aws:lambda:us-east-1:{engine.account}:function:f g")


def test_answers_name_no_version_of_the_server(engine: Engine) -> None:
    connection = http.client.HTTPConnection(engine.url.removeprefix("http://"))
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.headers["Server"] == "ceap"
    connection.close()


def test_only_this_machine_reaches_the_engine_and_only_its_user_its_files() -> None:
    before = os.umask(0)
    try:
        with Engine.start() as engine:
            assert engine._gateway._server.socket.getsockname()[0] == "127.0.0.1"
            assert stat.S_IMODE(engine._folder.stat().st_mode) == 0o700
    finally:
        os.umask(before)


_TEXTS = st.text("ab /~+%.=&;:,_-é", max_size=12)
_NAMES = st.sampled_from(["range", "x-amz-meta-with_underscore", "x-amz-meta-a", "content-type", "x-amz-acl"])


@given(
    service=st.sampled_from(["s3", "sqs", "dynamodb", "lambda"]),
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE"]),
    path=st.lists(_TEXTS, max_size=4),
    query=st.lists(st.tuples(_TEXTS, _TEXTS), max_size=4),
    headers=st.dictionaries(_NAMES, st.text("aB  \t\u00e9,", max_size=8)),
    body=st.binary(max_size=8),
    states_hash=st.booleans(),
)
def test_what_botocore_signs_is_what_the_engine_expects(
    *,
    service: str,
    method: str,
    path: list[str],
    query: list[tuple[str, str]],
    headers: dict[str, str],
    body: bytes,
    states_hash: bool,
) -> None:
    target = "/" + "/".join(quote(part, safe="/~.") for part in path)
    target += f"?{urlencode(query)}" if query else ""
    if states_hash:
        headers = headers | {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    sent = AWSRequest(method, f"http://127.0.0.1:8000{target}", headers, data=body)
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    kind(Credentials("KEY", "secret", "token"), service, "us-east-1").add_auth(sent)
    received = {name.lower().replace("_", "-"): " ".join(value.split()) for name, value in sent.headers.items()}
    received["host"] = "127.0.0.1:8000"
    signature = read_signature(Message(method, target, received, bytes))
    request = Request(service, "us-east-1", "1", method, "/", {}, received, body)
    stated = received.get("x-amz-content-sha256")
    assert expected(signature, "secret", request, target, stated) == signature.digest
    assert expected(signature, "other", request, target, stated) != signature.digest


def test_any_header_may_be_signed(engine: Engine) -> None:
    sent = signed(engine, "s3", "GET", "/bucket/k", b"")
    fields = read_signature(Message("GET", sent.target, {"authorization": sent.headers["Authorization"]}, bytes))
    names = (*fields.headers, "user-agent")
    headers = {name.lower(): text for name, text in sent.headers.items()}
    headers |= {"host": engine.url.removeprefix("http://"), "user-agent": "aws-sdk-java"}
    request = Request("s3", "us-east-1", engine.account, "GET", "/bucket/k", {}, headers, b"")
    digest = expected(
        fields._replace(headers=names), engine.driver.secret_key, request, sent.target, headers["x-amz-content-sha256"]
    )
    scope = sent.headers["Authorization"].partition("SignedHeaders=")[0]
    signed_headers = f"{scope}SignedHeaders={';'.join(sorted(names))}, Signature={digest}"
    given = {**sent.headers, "User-Agent": "aws-sdk-java", "Authorization": signed_headers}
    assert answer(engine, sent._replace(headers=given))[0] == 200
    assert answer(engine, sent._replace(headers=given | {"User-Agent": "another"}))[0] == 403


def test_a_signature_without_the_host_is_refused(engine: Engine) -> None:
    sent = get(engine)
    given = sent.headers["Authorization"].replace("SignedHeaders=host;", "SignedHeaders=")
    assert given != sent.headers["Authorization"]
    assert answer(engine, with_header(sent, "Authorization", given))[0] == 403


def test_a_region_is_one_name() -> None:
    scope = "key/20200101/us-east-1,x/sqs/aws4_request"  # moto would take the Region for us-east-1
    stated = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"
    with pytest.raises(SignatureError, match="AWS4-HMAC-SHA256 with Credential"):
        read_signature(Message("POST", "/", {"authorization": stated}, bytes))
