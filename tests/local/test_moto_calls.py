"""Calls that reach moto without its Flask applications are answered as through them: status, headers and body."""

from __future__ import annotations

import http.client
import io
import json
import re
from typing import Any, NamedTuple

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth  # type: ignore[import-untyped]  # no types
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # no types
from botocore.credentials import Credentials  # type: ignore[import-untyped]  # no types
from flask import Response
from hypothesis import given
from hypothesis import strategies as st
from moto.moto_server.werkzeug_app import BackendRequest

from ceap.local.calls import Request
from ceap.local.engine import Engine
from ceap.local.http_server import Message
from ceap.local.moto_calls import MotoRequest, build_answer, listed_headers
from ceap.local.sessions import Session

FORM = "application/x-www-form-urlencoded; charset=utf-8"
CHUNKED = b"5\r\nchunk\r\n3\r\ned!\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"


class Sent(NamedTuple):
    """A request to sign; the name of its bucket is `BUCKET`."""

    service: str
    method: str
    target: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def s3(method: str, target: str, body: bytes = b"", **headers: str) -> Sent:
    return Sent("s3", method, f"/BUCKET{target}", body, tuple((k.replace("_", "-"), v) for k, v in headers.items()))


def target(service: str, name: str, document: Any) -> Sent:
    """Return a call of a JSON protocol."""
    kind = "application/x-amz-json-1.1" if service in {"logs", "events"} else "application/x-amz-json-1.0"
    return Sent(service, "POST", "/", json.dumps(document).encode(), (("X-Amz-Target", name), ("Content-Type", kind)))


def dynamodb(operation: str, **given: Any) -> Sent:
    return target("dynamodb", f"DynamoDB_20120810.{operation}", given)


def query(service: str, text: str) -> Sent:
    return Sent(service, "POST", "/", text.encode(), (("Content-Type", FORM),))


PARTS = b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>no</ETag></Part></CompleteMultipartUpload>"
DELETED = b"<Delete><Object><Key>a b</Key></Object><Object><Key>gone</Key></Object></Delete>"

CALLS = [
    s3("PUT", ""),
    s3("PUT", ""),
    s3("GET", ""),
    s3("GET", "/k"),
    s3("PUT", "/k", b"0123456789", Content_Type="text/plain", X_Amz_Meta_Name="value", Cache_Control="no-cache"),
    s3("PUT", "/tagged", b"x", X_Amz_Tagging="a=b&c=d"),
    s3("PUT", "/crc", b"body", X_Amz_Checksum_CRC32="2Ksqtg==", X_Amz_SDK_Checksum_Algorithm="CRC32"),
    s3("PUT", "/sha", b"body", X_Amz_Checksum_SHA256="AAAA", X_Amz_SDK_Checksum_Algorithm="SHA256"),
    s3("PUT", "/md5", b"body", Content_MD5="hBotaJrYa9FhFEdFPCLG/A=="),
    s3("PUT", "/md5", b"other", Content_MD5="hBotaJrYa9FhFEdFPCLG/A=="),
    s3("PUT", "/empty"),
    s3("PUT", "/k", b"again", If_None_Match="*"),
    s3("PUT", "/new", b"again", If_None_Match="*"),
    s3("PUT", "/k", b"0123456789", If_Match='"781e5e245d69b566979b86e28d23f2c7"'),
    s3("PUT", "/k", b"0123456789", If_Match='"00000000000000000000000000000000"'),
    s3("GET", "/k"),
    s3("GET", "/k", Range="bytes=2-4"),
    s3("GET", "/k", Range="bytes=-3"),
    s3("GET", "/k", Range="bytes=7-"),
    s3("GET", "/k", Range="bytes=20-30"),
    s3("GET", "/k", If_Match='"nothing"'),
    s3("GET", "/k", If_None_Match='"781e5e245d69b566979b86e28d23f2c7"'),
    s3("GET", "/k", If_Modified_Since="Wed, 21 Oct 2099 07:28:00 GMT"),
    s3("GET", "/crc", X_Amz_Checksum_Mode="ENABLED"),
    s3("GET", "/k?response-content-type=text%2Fcsv&response-content-disposition=attachment"),
    s3("GET", "/k?partNumber=1"),
    s3("GET", "/k?versionId=none"),
    s3("GET", "/missing"),
    s3("HEAD", "/k"),
    s3("HEAD", "/k", Range="bytes=2-4"),
    s3("HEAD", "/missing"),
    s3("HEAD", ""),
    s3("PUT", "/a%20b/%C3%BC%2B%25~%28%29%21*%27", b"special"),
    s3("GET", "/a%20b/%C3%BC%2B%25~%28%29%21*%27"),
    s3("GET", "/a b"),
    s3("PUT", "//double//slash", b"slashes"),
    s3("GET", "//double//slash"),
    s3("PUT", "/dir/", b""),
    s3("GET", "/dir/"),
    s3("PUT", "/form", b"a=b", Content_Type=FORM),
    s3("GET", "/form"),
    s3("PUT", "/chunks", CHUNKED, X_Amz_Content_SHA256="STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
    s3("GET", "/chunks"),
    s3("PUT", "/copy", X_Amz_Copy_Source="/BUCKET/k"),
    s3("PUT", "/copy", X_Amz_Copy_Source="/BUCKET/missing"),
    s3("GET", "?list-type=2&prefix=k"),
    s3("GET", "?list-type=2&max-keys=2"),
    s3("GET", "?prefix=a%20b&delimiter=%2F&encoding-type=url"),
    s3("GET", "?versions"),
    s3("GET", "?location"),
    s3("GET", "?lifecycle"),
    s3("GET", "/tagged?tagging"),
    s3("GET", "/k?acl"),
    s3("POST", "/large?uploads"),
    s3("PUT", "/large?partNumber=1&uploadId=none", b"part"),
    s3("POST", "/large?uploadId=none", PARTS),
    s3("DELETE", "/large?uploadId=none"),
    s3("POST", "?delete", DELETED),
    s3("DELETE", "/k"),
    s3("DELETE", "/k"),
    s3("OPTIONS", "/k", Origin="http://page", Access_Control_Request_Method="GET"),
    s3("GET", "/k", Origin="http://page"),
    s3("PATCH", "/k"),
    Sent("s3", "GET", "/"),
    Sent("s3", "GET", "/no-such-bucket/k"),
    Sent("s3", "GET", "/moto-api/data.json"),
    target("sqs", "AmazonSQS.CreateQueue", {"QueueName": "BUCKET"}),
    target("sqs", "AmazonSQS.GetQueueUrl", {"QueueName": "missing"}),
    target("sqs", "AmazonSQS.GetQueueAttributes", {"QueueUrl": "http://x/1/BUCKET", "AttributeNames": ["QueueArn"]}),
    target("sqs", "AmazonSQS.ReceiveMessage", {"QueueUrl": "http://x/1/BUCKET", "WaitTimeSeconds": 0}),
    target("sqs", "AmazonSQS.DeleteMessage", {"QueueUrl": "http://x/1/BUCKET", "ReceiptHandle": "no"}),
    target("sqs", "AmazonSQS.Unknown", {}),
    Sent("sqs", "POST", "/", b"no JSON", (("X-Amz-Target", "AmazonSQS.ListQueues"),)),
    query("sqs", "Action=ListQueues&Version=2012-11-05"),
    query("sns", "Action=CreateTopic&Name=BUCKET&Version=2010-03-31"),
    query("sns", "Action=ListTopics&Version=2010-03-31"),
    query("sns", "Action=GetTopicAttributes&TopicArn=arn:aws:sns:us-east-1:1:no&Version=2010-03-31"),
    query("iam", "Action=GetRole&RoleName=no&Version=2010-05-08"),
    dynamodb(
        "CreateTable",
        TableName="BUCKET",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    ),
    dynamodb("PutItem", TableName="BUCKET", Item={"id": {"S": "ü"}, "n": {"N": "1"}, "b": {"B": "AAE="}}),
    dynamodb("GetItem", TableName="BUCKET", Key={"id": {"S": "ü"}}),
    dynamodb("GetItem", TableName="BUCKET", Key={"id": {"S": "missing"}}),
    dynamodb("GetItem", TableName="missing", Key={"id": {"S": "a"}}),
    dynamodb(
        "UpdateItem",
        TableName="BUCKET",
        Key={"id": {"S": "a"}},
        UpdateExpression="SET n = :n ADD m :n",
        ExpressionAttributeValues={":n": {"N": "1"}},
        ReturnValues="ALL_NEW",
    ),
    dynamodb(
        "UpdateItem",
        TableName="BUCKET",
        Key={"id": {"S": "a"}},
        UpdateExpression="SET n = :n",
        ConditionExpression="attribute_not_exists(id)",
        ExpressionAttributeValues={":n": {"N": "1"}},
    ),
    dynamodb("BatchGetItem", RequestItems={"BUCKET": {"Keys": [{"id": {"S": "a"}}, {"id": {"S": "b"}}]}}),
    dynamodb(
        "Query", TableName="BUCKET", KeyConditionExpression="id = :i", ExpressionAttributeValues={":i": {"S": "a"}}
    ),
    dynamodb("Scan", TableName="BUCKET", Limit=1),
    dynamodb("ListTables"),
    target("logs", "Logs_20140328.CreateLogGroup", {"logGroupName": "BUCKET"}),
    target("logs", "Logs_20140328.CreateLogStream", {"logGroupName": "BUCKET", "logStreamName": "s"}),
    target("logs", "Logs_20140328.PutLogEvents", {"logGroupName": "BUCKET", "logStreamName": "s", "logEvents": []}),
    target("logs", "Logs_20140328.DescribeLogStreams", {"logGroupName": "missing"}),
    target("events", "AWSEvents.PutEvents", {"Entries": [{"Source": "a", "DetailType": "b", "Detail": "{}"}]}),
    target("events", "AWSEvents.PutEvents", {"Entries": [{"Source": "a"}]}),
    target("events", "AWSEvents.DescribeRule", {"Name": "missing"}),
    target("secretsmanager", "secretsmanager.GetSecretValue", {"SecretId": "missing"}),
    target("ssm", "AmazonSSM.GetParameter", {"Name": "missing"}),
    target("kms", "TrentService.ListKeys", {}),
    Sent("lambda", "GET", "/2015-03-31/functions/missing/configuration"),
    Sent("lambda", "GET", "/2015-03-31/functions"),
    Sent("lambda", "GET", "/2015-03-31/functions/"),
]
"""Calls in order, most of which any client may make; their answers depend on those before."""

_CHANGING = re.compile(
    r"(?i)(x-amzn-requestid|date|last-modified|x-amz-request-id|x-amz-id-2|x-amz-crc32): [^\n]*|"
    r"<(RequestId|HostId|UploadId|CreationDate|LastModified)>[^<]*<|\d{12}|127\.0\.0\.1:\d+|\bb-[ab]\b|"
    r'"(EventId|CreationDateTime|TableId|creationTime)": *("[^"]*"|[\d.]+)|[0-9a-f]{8}-[0-9a-f-]{27}'
)


def sign(engine: Engine, sent: Sent, bucket: str, session: Session | None = None) -> Any:
    """Return a request that a session has signed, or the driver."""
    headers = {name: text.replace("BUCKET", bucket) for name, text in sent.headers}
    request = AWSRequest(
        sent.method,
        engine.url + sent.target.replace("BUCKET", bucket).replace(" ", "%20"),
        headers,
        data=sent.body.replace(b"BUCKET", bucket.encode()),
    )
    kind = S3SigV4Auth if sent.service == "s3" else SigV4Auth
    signer = kind(Credentials(*(session or engine.driver)[2:5]), sent.service, "us-east-1")
    if stated := headers.get("X-Amz-Content-SHA256"):  # else the signer would state the hash of the body
        signer.payload = lambda _: stated
    signer.add_auth(request)
    return request


def answers(engine: Engine, bucket: str) -> list[str]:
    """Return the answer to each call, on one connection, without what differs from one time to the next."""
    found = []
    connection = http.client.HTTPConnection(engine.url.removeprefix("http://"))
    for sent in CALLS:
        request = sign(engine, sent, bucket)
        connection.request(sent.method, request.url.removeprefix(engine.url), request.data, dict(request.headers))
        response = connection.getresponse()
        headers = sorted(f"{name.lower()}: {value}" for name, value in response.getheaders())
        body = response.read()
        if b"<UploadId>" in body or b"CreationDateTime" in body:  # of any length
            headers = [header for header in headers if header != f"content-length: {len(body)}"]
        found.append(_CHANGING.sub(r"\1\2", "\n".join([str(response.status), *headers, "", body.decode()])))
    connection.close()
    return found


def test_a_call_is_answered_as_through_flask(monkeypatch: pytest.MonkeyPatch) -> None:
    with Engine.start() as fast, Engine.start() as slow:
        monkeypatch.setattr(slow._gateway._moto, "_view", lambda *_: None)
        for sent, found, expected in zip(CALLS, answers(fast, "b-a"), answers(slow, "b-b"), strict=True):
            assert (sent, found) == (sent, expected)


HEADERS = st.dictionaries(
    st.sampled_from(["ETag", "content-type", "Content-Type", "content-length", "Content-Length", "location", "X"]),
    st.one_of(st.text("aü%\n", max_size=3), st.integers(0, 9), st.none(), st.lists(st.text("a", max_size=2))),
    max_size=4,
)


@given(
    status=st.sampled_from([200, 201, 204, 206, 304, 404, 500]),
    headers=HEADERS,
    content=st.one_of(st.text(max_size=3), st.binary(max_size=3)),
    method=st.sampled_from(["GET", "HEAD"]),
)
def test_an_answer_is_what_flask_makes(status: int, headers: dict[str, Any], content: str | bytes, method: str) -> None:
    environ = {"REQUEST_METHOD": method, "wsgi.url_scheme": "http", "HTTP_HOST": "h", "PATH_INFO": "/"}
    try:
        response = Response(content, status, headers)
        if method == "HEAD" and "content-length" in headers:
            response.headers["Content-Length"] = headers["content-length"]
        expected = [(name.lower(), value) for name, value in response.get_wsgi_headers(environ)]
    except ValueError:  # a header with a line break
        with pytest.raises(ValueError, match="newline"):
            build_answer(status, headers, content, environ)
        return
    answer = build_answer(status, headers, content, environ)
    found = [(name.lower(), value) for name, value in answer.headers.items()]
    assert joined(found) == joined([*expected, ("access-control-allow-origin", "*")])
    assert (answer.status, answer.body) == (status, response.get_data())


def joined(headers: list[tuple[str, str]]) -> dict[str, str]:
    """Return the values by name, those of a name with commas between them, as a client reads them."""
    return {name: ", ".join(value for other, value in headers if other == name) for name, _ in headers}


def test_a_call_of_this_process_is_decided_on_and_answered_as_one_over_http() -> None:
    with Engine.start() as engine:
        request = Request(
            "s3", "us-east-1", engine.account, "PUT", "/bucket", {}, {}, b"", access_key=engine.driver.access_key
        )
        key = request._replace(path="/bucket/ü %/+", body=b"body")
        assert [engine._gateway.answer(each).status for each in (request, key)] == [200, 200]
        assert engine.client("s3").get_object(Bucket="bucket", Key="ü %/+")["Body"].read() == b"body"
        assert engine._gateway.answer(key._replace(method="GET")).body == b"body"


@pytest.mark.parametrize("path", ["/b/k", "/b/a%20b", "/"])
@pytest.mark.parametrize("query", ["", "?", "?a=b&c", "?a=%2F"])
@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "h:80", "[::1]:80", "ü"])
def test_a_request_is_what_moto_makes_of_its_environment(path: str, query: str, host: str) -> None:
    environ = {
        "REQUEST_METHOD": "PUT",
        "SCRIPT_NAME": "",
        "PATH_INFO": path.replace("%20", " "),
        "QUERY_STRING": query.removeprefix("?"),
        "RAW_URI": path + query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "1",
        "wsgi.url_scheme": "http",
        "HTTP_HOST": host,
        "CONTENT_LENGTH": "4",
        "CONTENT_TYPE": "",
        "HTTP_X_AMZ_META_A": "b",
        "HTTP_X_AMZ_META_B_C": "d",
        "HTTP_X_MOTO_ACCOUNT_ID": "1",
        "moto.preserved_header_names": {"HTTP_X_AMZ_META_B_C": "x-amz-meta-b_C"},
    }
    plain = BackendRequest(environ | {"wsgi.input": io.BytesIO(b"body")})
    headers = {"host": host, "content-length": "4", "content-type": "", "x-amz-meta-a": "b", "x-amz-meta-b-c": "d"}
    spelt = {"x-amz-meta-b-c": "x-amz-meta-b_C"}
    listed = listed_headers(Message("PUT", path + query, headers, bytes, spelt), "1")
    made = MotoRequest(environ | {"wsgi.input": io.BytesIO(b"body")}, b"body", listed)
    for name in ("url", "raw_url", "raw_path", "data", "path", "method", "query_string"):
        assert getattr(made, name) == getattr(plain, name), name
    assert list(made.headers) == list(plain.headers)
    for name in ("Host", "x-amz-meta-a", "X_Amz_Meta_A", "content-length", "missing"):
        assert (made.headers.get(name), name in made.headers) == (plain.headers.get(name), name in plain.headers)
    assert dict(made.form) == dict(plain.form)
    assert dict(made.args) == dict(plain.args)


def test_a_text_in_a_document_is_no_parameter() -> None:
    text = "a&Action=DeleteQueue&QueueUrl=x&b=c"
    with Engine.start() as engine:
        sqs = engine.client("sqs")
        queue = sqs.create_queue(QueueName="queue")["QueueUrl"]
        sqs.send_message(QueueUrl=queue, MessageBody=text)
        assert engine.messages(queue) == [text]


def test_the_region_of_a_call_is_that_of_its_signature_whatever_the_client_and_the_host_are_called() -> None:
    call, names = query("sqs", "Action=CreateQueue&QueueName=QUEUE&Version=2012-11-05"), ["a", "b", "c"]
    headers = [("User-Agent", "x region/eu-west-1"), ("Host", "eu-west-1.queue.amazonaws.com"), ("Host", "h")]
    with Engine.start() as engine:
        connection = http.client.HTTPConnection(engine.url.removeprefix("http://"))
        for name, header in zip(names, headers, strict=True):
            sent = call._replace(body=call.body.replace(b"QUEUE", name.encode()), headers=(*call.headers, header))
            request = sign(engine, sent, "")
            connection.request("POST", "/", request.data, dict(request.headers))
            assert connection.getresponse().read()
        connection.close()
        urls = engine.client("sqs").list_queues()["QueueUrls"]
        assert [url.rpartition("/")[2] for url in urls] == names


@pytest.mark.parametrize("origin", [(), (("Origin", "http://page"),)], ids=["plain", "flask"])
@pytest.mark.parametrize("kind", [FORM, "multipart/form-data; boundary=B"], ids=["form", "files"])
def test_an_object_is_kept_as_it_comes_though_its_type_is_that_of_a_form(
    kind: str, origin: tuple[tuple[str, str], ...]
) -> None:
    body = b'--B\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nkey=v&tagging=\r\n--B--\r\n'
    with Engine.start() as engine:
        engine.client("s3").create_bucket(Bucket="bucket")
        connection = http.client.HTTPConnection(engine.url.removeprefix("http://"))
        request = sign(engine, Sent("s3", "PUT", "/bucket/k", body, (("Content-Type", kind), *origin)), "")
        connection.request("PUT", "/bucket/k", request.data, dict(request.headers))
        assert connection.getresponse().status == 200
        connection.close()
        found = engine.client("s3").get_object(Bucket="bucket", Key="k")
        assert (found["Body"].read(), found["ContentType"]) == (body, kind)


@pytest.mark.parametrize("key", ["a\nb", "\n", "a/\r\n/b"])
def test_a_key_may_have_line_breaks(key: str) -> None:
    with Engine.start() as engine:
        s3 = engine.client("s3")
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key=key, Body=b"body")
        assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == b"body"
