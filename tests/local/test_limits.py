"""Limits that moto does not know: what is beyond one is refused with AWS's code and wording, and nothing is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.engine import Engine
from tests.local.support import function, role, template_text, upload_code

MIB = 1024 * 1024
TOO_LONG = "One or more parameters are invalid. Reason: Message must be shorter than {} bytes."


def refusal(call: Callable[[], Any]) -> tuple[int, str, str]:
    """Return the status, code and message with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call()
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def attributes(**values: str) -> dict[str, Any]:
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}


@pytest.fixture
def queue(engine: Engine) -> Callable[..., Any]:
    """A function that sends to a queue with a limit, by default AWS's."""
    sqs = engine.client("sqs")
    urls = {
        limit: sqs.create_queue(QueueName=f"q{limit}", Attributes={"MaximumMessageSize": str(limit)})["QueueUrl"]
        for limit in (1024, MIB)
    }
    return lambda body, limit=MIB, **named: sqs.send_message(QueueUrl=urls[limit], MessageBody=body, **named)


def test_a_message_is_as_long_as_its_bytes_and_its_attributes(queue: Callable[..., Any]) -> None:
    queue("é" * (MIB // 2))
    queue("x" * (MIB - 10), MessageAttributes=attributes(abc="x"))
    too_long = (400, "InvalidParameterValue", TOO_LONG.format(MIB))
    assert refusal(lambda: queue("é" * (MIB // 2) + "x")) == too_long
    assert refusal(lambda: queue("x" * (MIB - 9), MessageAttributes=attributes(abc="x"))) == too_long
    small = refusal(lambda: queue("x" * 1020, 1024, MessageAttributes=attributes(abc="x")))
    assert small == (400, "InvalidParameterValue", TOO_LONG.format(1024))


def test_a_message_is_not_empty_and_has_only_characters_of_xml(queue: Callable[..., Any]) -> None:
    queue("\t\n\r \ud7ff\ue000\ufffd\U0001f600")
    missing = (400, "MissingParameter", "The request must contain the parameter MessageBody.")
    assert refusal(lambda: queue("")) == missing
    for wrong in ("\x00", "\x1f", "\ufffe"):
        assert refusal(lambda: queue(f"a{wrong}"))[1] == "InvalidMessageContents"  # noqa: B023 (called at once)


def test_a_message_has_at_most_ten_attributes(queue: Callable[..., Any]) -> None:
    ten = attributes(**{f"a{number}": "x" for number in range(10)})
    queue("body", MessageAttributes=ten)
    text = "Number of message attributes [11] exceeds the allowed maximum [10]."
    eleven = refusal(lambda: queue("body", MessageAttributes=ten | attributes(more="x")))
    assert eleven == (400, "InvalidParameterValue", text)


def test_a_batch_of_messages_has_the_limits_of_one_message(engine: Engine) -> None:
    sqs = engine.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]

    def send(*bodies: str) -> Any:
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        return sqs.send_message_batch(QueueUrl=url, Entries=entries)

    send("é" * (MIB // 4), "x" * (MIB // 2))
    too_long = f"Batch requests cannot be longer than {MIB} bytes. You have sent {MIB + 1} bytes."
    code = "AWS.SimpleQueueService.BatchRequestTooLong"
    assert refusal(lambda: send("é" * (MIB // 4), "x" * (MIB // 2 + 1))) == (400, code, too_long)
    missing = "The request must contain the parameter SendMessageBatchRequestEntry.2.MessageBody."
    assert refusal(lambda: send("a", "")) == (400, "MissingParameter", missing)
    assert len(engine.messages(url)) == 2


def test_a_batch_deletes_or_changes_at_most_ten_messages(engine: Engine) -> None:
    sqs = engine.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    entries = [{"Id": str(number), "ReceiptHandle": f"r{number}"} for number in range(11)]
    text = "Maximum number of entries per request are 10. You have sent 11."
    expected = (400, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", text)
    assert refusal(lambda: sqs.delete_message_batch(QueueUrl=url, Entries=entries)) == expected
    changes = [{**entry, "VisibilityTimeout": 1} for entry in entries]
    assert refusal(lambda: sqs.change_message_visibility_batch(QueueUrl=url, Entries=changes)) == expected


EVENT = {"Source": "shop", "DetailType": "Sold", "Detail": "{}"}


def test_the_entries_of_a_request_have_at_most_a_mebibyte(engine: Engine) -> None:
    events = engine.client("events")
    room = MIB - len("shopSold{}")
    half = {**EVENT, "Detail": '{"a":"%s"}' % ("é" * (room // 4))}
    rest = room + 2 - sum(len(text.encode()) for text in half.values()) - len("shopSold")
    fits = {**EVENT, "Detail": '{"a":"%s"}' % ("x" * (rest - len('{"a":""}') + 8))}
    assert sum(len(text.encode()) for entry in (half, fits) for text in entry.values()) == MIB
    assert events.put_events(Entries=[half, fits])["FailedEntryCount"] == 0
    text = "Total size of the entries in the request is over the limit."
    more = {**fits, "Detail": fits["Detail"] + " "}
    assert refusal(lambda: events.put_events(Entries=[half, more])) == (400, "ValidationException", text)
    timed = {**fits, "Time": 0}
    assert refusal(lambda: events.put_events(Entries=[half, timed])) == (400, "ValidationException", text)
    assert len(engine.events()) == 2


MALFORMED = {
    "list": "[]",
    "text": '"a"',
    "NaN": '{"a": NaN}',
    "integer of more than 64 bits": '{"a": 9223372036854775808}',
    "too deep": '{"a":' + "[" * 100_000 + "]" * 100_000 + "}",
}


@pytest.mark.parametrize("detail", MALFORMED.values(), ids=MALFORMED)
def test_a_detail_that_is_no_object_is_refused_alone(engine: Engine, detail: str) -> None:
    answer = engine.client("events").put_events(Entries=[EVENT, {**EVENT, "Detail": detail}, EVENT])
    assert answer["Entries"][1] == {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    assert answer["FailedEntryCount"] == 1
    assert engine.events() == [EVENT, EVENT]


def test_the_sources_of_aws_are_not_for_others(engine: Engine) -> None:
    answer = engine.client("events").put_events(Entries=[{**EVENT, "Source": "aws.s3"}, EVENT])
    refused = {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
    assert answer["Entries"][0] == refused
    assert engine.events() == [EVENT]


def test_more_than_ten_entries_are_refused_whatever_they_are(engine: Engine) -> None:
    entries = [EVENT] * 9 + [{**EVENT, "Source": "aws.s3"}] * 2
    assert refusal(lambda: engine.client("events").put_events(Entries=entries))[1] == "ValidationException"
    assert engine.events() == []


@pytest.fixture
def s3(engine: Engine) -> Any:
    s3 = engine.client("s3")
    s3.create_bucket(Bucket="bucket")
    return s3


def test_a_key_has_at_most_1024_bytes(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="é" * 512)
    for call in (s3.put_object, s3.get_object, s3.create_multipart_upload):
        assert refusal(lambda: call(Bucket="bucket", Key="é" * 512 + "x")) == (  # noqa: B023 (called at once)
            400,
            "KeyTooLongError",
            "Your key is too long",
        )


def test_metadata_has_at_most_2_kibibytes(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="k", Metadata={"ab": "x" * 2046})
    assert refusal(lambda: s3.put_object(Bucket="bucket", Key="more", Metadata={"ab": "x" * 2047})) == (
        400,
        "MetadataTooLarge",
        "Your metadata headers exceed the maximum allowed metadata size",
    )


def test_a_request_deletes_at_most_a_thousand_objects(s3: Any) -> None:
    def delete(count: int) -> Any:
        objects = [{"Key": str(number)} for number in range(count)]
        return s3.delete_objects(Bucket="bucket", Delete={"Objects": objects})

    s3.put_object(Bucket="bucket", Key="0")
    assert refusal(lambda: delete(1001))[:2] == (400, "MalformedXML")
    assert s3.list_objects_v2(Bucket="bucket")["KeyCount"] == 1
    assert len(delete(1000)["Deleted"]) == 1000


def test_a_part_has_a_number_and_an_upload(s3: Any) -> None:
    upload = {"Bucket": "bucket", "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    text = "Part number must be an integer between 1 and 10000, inclusive"
    for number in (0, 10_001):
        refused = refusal(lambda: s3.upload_part(**upload, PartNumber=number))  # noqa: B023 (called at once)
        assert refused == (400, "InvalidArgument", text)
    s3.abort_multipart_upload(**upload)
    assert refusal(lambda: s3.upload_part(**upload, PartNumber=1))[:2] == (404, "NoSuchUpload")


@pytest.fixture
def functions(engine: Engine) -> Any:
    source = "def handle(event, context): return 'x' * event['size'] if 'size' in event else len(event['text'])"
    upload_code(engine, {"module.py": source})
    engine.deploy(template_text(FunctionRole=role("lambda"), F=function("f", "module.handle")), "stack")
    return engine.client("lambda")


def test_an_event_of_a_function_has_at_most_6_mebibytes(functions: Any) -> None:
    def invoke(size: int) -> Any:
        payload = json.dumps({"text": "x" * (size - len('{"text": ""}'))})
        return functions.invoke(FunctionName="f", Payload=payload)

    assert "FunctionError" not in invoke(6 * MIB)
    text = "Request must be smaller than 6291456 bytes for the InvokeFunction operation"
    assert refusal(lambda: invoke(6 * MIB + 1)) == (413, "RequestTooLargeException", text)


def test_a_result_of_a_function_that_is_too_large_fails(functions: Any) -> None:
    def invoke(size: int) -> Any:
        return functions.invoke(FunctionName="f", Payload=json.dumps({"size": size - 2}))

    assert "FunctionError" not in invoke(6_291_556)
    answer = invoke(6_291_557)
    assert answer["FunctionError"] == "Unhandled"
    assert json.load(answer["Payload"]) == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    }


def test_an_asynchronous_invocation_is_refused(functions: Any) -> None:
    status, code, message = refusal(lambda: functions.invoke(FunctionName="f", InvocationType="Event"))
    assert (status, code) == (501, "NotImplemented")
    assert "the invocation type Event is not modelled" in message
