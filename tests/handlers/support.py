"""What the tests of handlers share: records to give, stages to run, faults below the client."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import msgspec
from botocore.awsrequest import AWSResponse  # type: ignore[import-untyped]  # botocore ships no types
from botocore.exceptions import EndpointConnectionError  # type: ignore[import-untyped]  # botocore ships no types
from moto.core.botocore_stubber import BotocoreStubber

from handlers.candidates.candidate import Candidate
from handlers.runtime.aws import client
from handlers.runtime.contract import error_key, output_key, rejected_key
from handlers.runtime.document import Header, encode_document
from handlers.runtime.stage import WorkflowLambdaHandler

BUCKET = "workflow-bucket"
EXECUTION = "execution-1"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

Json = dict[str, Any]

# What differs between any two runs: the audit fields and what derives from them, and how the work was done.
AUDIT = {
    *("createdAt", "updatedAt", "expiresAt", "workflowExecutionId", "ttl", "GSI2PK", "GSI2SK"),  # of a candidate
    *("timestamp",),  # of a score
    *("owner", "leaseUntil", "windowUntil", "keepUntil"),  # of a claim
    *("executionId", "startedAt", "processingTimeMs", "counts", "published", "reason"),  # of a document
}


def raw(customer: str = "c1", **fields: Any) -> Json:
    """A record that ETL makes a candidate of."""
    return {
        "customerId": customer,
        "subjectType": "order",
        "subjectId": "o1",
        "eventDate": "2026-01-01T00:00:00Z",
        "orderValue": 50,
        **fields,
    }


def candidate(
    customer: str = "c1",
    *,
    subject: str = "o1",
    version: int = 1,
    scores: Json | None = None,
    metadata: Json | None = None,
    **attributes: Any,
) -> Candidate:
    fields = {
        "customerId": customer,
        "context": [{"type": "program", "id": "p"}, {"type": "marketplace", "id": "m"}],
        "subject": {"type": "order", "id": subject},
        "attributes": {"eventDate": "2026-01-01T00:00:00Z", "channelEligibility": {"email": True}, **attributes},
        "metadata": {
            "createdAt": NOW,
            "updatedAt": NOW,
            "expiresAt": datetime(2036, 1, 1, tzinfo=UTC),
            "version": version,
            "sourceConnectorId": "message",
            "workflowExecutionId": EXECUTION,
            **(metadata or {}),
        },
    }
    if scores is not None:
        fields["scores"] = {
            model: {"timestamp": NOW, **(score if isinstance(score, dict) else {"value": score, "confidence": 1})}
            for model, score in scores.items()
        }
    return msgspec.convert(fields, Candidate)


def message(records: Iterable[object], **fields: Any) -> str:
    source = {"kind": "inline", "records": list(records)}
    return msgspec.json.encode({"programId": "p", "marketplace": "m", "source": source, **fields}).decode()


class Invocation:
    """Lambda's context of an invocation that has a minute left."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def run(
    handler: WorkflowLambdaHandler[Any, Any],
    stage: str,
    *,
    previous: str | None = None,
    initial_data: object = None,
    execution: str = EXECUTION,
) -> Json:
    """Invoke a handler as its task in the state machine does; check what it returns."""
    event = {
        "executionId": execution,
        "currentStage": stage,
        "previousStage": previous,
        "workflowBucket": BUCKET,
        "initialData": initial_data,
    }
    result = handler(event, Invocation())
    document = output(stage, execution)
    metadata = document["metadata"]
    accounted = sum(metadata[f"{way}RecordCount"] for way in ("output", "rejected", "merged", "stale"))
    assert metadata["inputRecordCount"] == accounted
    assert metadata["outputRecordCount"] == len(document["data"])
    assert result == {
        "status": "SUCCESS",
        "stage": stage,
        "recordsProcessed": metadata["inputRecordCount"],
        "errorMessage": None,
    }
    return document


def run_on(handler: WorkflowLambdaHandler[Any, Any], records: Iterable[object], execution: str = EXECUTION) -> Json:
    """Run a handler as a stage after another that wrote these records."""
    write_output("BeforeStage", records, execution)
    return run(handler, "OwnStage", previous="BeforeStage", execution=execution)


def write_output(stage: str, records: Iterable[object], execution: str = EXECUTION) -> None:
    header = Header(execution_id=execution, stage=stage, started_at="2026-01-02T03:04:05Z")
    body = b"".join(encode_document(header, records, lambda count: {"outputRecordCount": count}))
    put_object(output_key(execution, stage), body)


def put_object(key: str, body: bytes) -> None:
    client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)


def get_object(key: str) -> bytes:
    body: bytes = client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return body


def keys(prefix: str = "") -> list[str]:
    return [entry["Key"] for entry in client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]


def open_uploads() -> list[Json]:
    uploads: list[Json] = client("s3").list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    return uploads


def output(stage: str, execution: str = EXECUTION) -> Json:
    document: Json = json.loads(get_object(output_key(execution, stage)))
    return document


def rejected(stage: str, execution: str = EXECUTION) -> list[Json]:
    return [json.loads(line) for line in get_object(rejected_key(execution, stage)).splitlines()]


def error(stage: str, execution: str = EXECUTION) -> Json:
    description: Json = json.loads(get_object(error_key(execution, stage)))
    return description


def items(table: str) -> list[Json]:
    scanned: list[Json] = client("dynamodb").scan(TableName=table)["Items"]
    return scanned


def strip(value: Any) -> Any:
    """Return an item or a document without what differs between any two runs."""
    match value:
        case dict():
            return {name: strip(part) for name, part in value.items() if name not in AUDIT}
        case list():
            return [strip(part) for part in value]
        case str() if value.startswith("{"):  # a candidate or a score in an item
            return strip(json.loads(value))
        case _:
            return value


class Refusal(msgspec.Struct, frozen=True):
    """An answer that AWS may give instead of doing what it was asked; status 0 is no answer at all."""

    status: int
    code: str = "Code"
    headers: dict[str, str] = {}


@contextmanager
def fault(service: str, operation: str, refusal: Refusal, *, times: int = 1000, after: int = 0) -> Iterator[list[str]]:
    """Refuse requests of an operation, below the client and instead of the emulator; gives the URLs of all of them.

    The first `after` requests and those past the next `times` are let through.
    """
    seen: list[str] = []
    numbers = itertools.count()
    event = f"before-send.{client(service).meta.service_model.service_id.hyphenize()}.{operation}"
    emulate = BotocoreStubber.__call__

    def answer(emulator: BotocoreStubber, event_name: str, request: Any, **context: object) -> Any:
        if event_name != event:
            return emulate(emulator, event_name, request, **context)
        seen.append(request.url)
        if not after <= next(numbers) < after + times:
            return emulate(emulator, event_name, request, **context)
        if not refusal.status:
            raise EndpointConnectionError(endpoint_url=request.url)
        if service == "s3":
            body = f"<Error><Code>{refusal.code}</Code><Message>injected</Message></Error>"
        else:
            body = json.dumps({"__type": refusal.code, "message": "injected"})
        return AWSResponse(request.url, refusal.status, refusal.headers, _Body(body.encode()))

    with mock.patch.object(BotocoreStubber, "__call__", answer):
        yield seen


class _Body(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


@contextmanager
def calls(service: str) -> Iterator[list[tuple[str, Json]]]:
    """Record the operations of a service and their parameters."""
    seen: list[tuple[str, Json]] = []

    def note(params: Json, model: Any, **_: object) -> None:
        seen.append((model.name, dict(params)))

    emitter = client(service).meta.events
    event = f"provide-client-params.{service}.*"
    emitter.register(event, note, unique_id="calls")
    try:
        yield seen
    finally:
        emitter.unregister(event, note, unique_id="calls")


@contextmanager
def refuse_entries(*numbers: int, times: int, code: str = "ThrottlingException") -> Iterator[list[list[Json]]]:
    """Let the bus refuse the entries at these places, a number of times; gives the details of each request."""
    requests: list[list[Json]] = []

    def refuse(params: Json, **_: object) -> None:
        requests.append([json.loads(entry["Detail"]) for entry in params["Entries"]])

    def answer(parsed: Json, **_: object) -> None:
        if len(requests) <= times:
            for number in numbers:
                parsed["Entries"][number : number + 1] = [{"ErrorCode": code}]

    emitter = client("events").meta.events
    emitter.register("provide-client-params.events.PutEvents", refuse, unique_id="refuse")
    emitter.register("after-call.events.PutEvents", answer, unique_id="answer")
    try:
        yield requests
    finally:
        emitter.unregister("provide-client-params.events.PutEvents", refuse, unique_id="refuse")
        emitter.unregister("after-call.events.PutEvents", answer, unique_id="answer")
