"""What the tests of handlers share beside `ceap.testing`: objects, what is called, faults below the client."""

from __future__ import annotations

import ast
import io
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import pytest
from botocore.awsrequest import AWSResponse  # type: ignore[import-untyped]  # botocore ships no types
from botocore.exceptions import EndpointConnectionError  # type: ignore[import-untyped]  # botocore ships no types
from moto.core.botocore_stubber import BotocoreStubber

from ceap.testing import BUCKET, EXECUTION, STAGE, STAGE_BEFORE, Json, error, invoke
from handlers.runtime.aws import client
from handlers.runtime.contract import PermanentStageError, output_key
from handlers.runtime.needs import Needs, Publish
from handlers.runtime.stage import WorkflowLambdaHandler

# What differs between the documents of any two runs.
AUDIT = {"executionId", "startedAt", "processingTimeMs", "counts"}


def run_in_order(
    handlers: Mapping[str, WorkflowLambdaHandler[Any, Any]],
    order: Sequence[str],
    records: Sequence[object],
    body: str,
    execution: str,
) -> None:
    """Run stages one after the other; each must take what the one before it wrote, and write only for itself."""
    previous, count = None, len(records)
    for stage in order:
        initial_data = body if previous is None else None
        document = invoke(handlers[stage], stage, previous=previous, initial_data=initial_data, execution=execution)
        assert document["metadata"]["inputRecordCount"] == count
        previous, count = stage, document["metadata"]["outputRecordCount"]
    assert {key.split("/")[2] for key in keys(f"executions/{execution}/")} == set(order)


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


def names_of_others(source: Path, stages: Iterable[str]) -> list[str]:
    """Return the texts of a handler's module that name a function, a bucket, a path or a stage.

    Docstrings may, and so may what NEEDS grant.
    """
    tree = ast.parse(source.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Grant"]
    granted = {id(node) for call in calls for node in ast.walk(call)}
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings | granted
    ]
    forbidden = ["ceap-", "arn:", "lambda:", *stages]
    texts = [text for text in texts if text != "lambda:InvokeFunction"]  # what a role is asked for, in a message
    if source.name != "contract.py":
        forbidden += ["executions/", "/output.json", "/rejected.jsonl", "/error.json"]
    return [text for text in texts if any(word in text for word in forbidden)]


def strip(value: Any, audit: set[str] = AUDIT) -> Any:
    """Return an item or a document without what differs between any two runs."""
    match value:
        case dict():
            return {name: strip(part, audit) for name, part in value.items() if name not in audit}
        case list():
            return [strip(part, audit) for part in value]
        case str() if value.startswith("{"):
            try:
                return strip(json.loads(value), audit)  # a record in an item
            except ValueError:
                return value
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
def uses() -> Iterator[tuple[set[tuple[str, str]], set[Publish]]]:
    """Record the tables used, each with its operation, and the kinds of event sent; complete when the block ends."""
    tables: set[tuple[str, str]] = set()
    events: set[Publish] = set()
    with calls("dynamodb") as table_calls, calls("events") as event_calls:
        yield tables, events
    for operation, params in table_calls:
        names = params["RequestItems"] if operation.startswith("Batch") else [params["TableName"]]
        tables |= {(name, operation) for name in names}
    for _, params in event_calls:
        events |= {Publish(entry["Source"], entry["DetailType"]) for entry in params["Entries"]}


def declared(needs: Needs) -> tuple[set[tuple[str, str]], set[Publish]]:
    """Return what a handler declares, as `uses` records it."""
    tables: set[tuple[str, str]] = {
        (table.name, action) for table, actions in needs.tables.items() for action in actions
    }
    return tables, {needs.events} if needs.events else set()


@contextmanager
def no_side_effect() -> Iterator[None]:
    """Require that nothing is asked of a table or the event bus."""
    with ExitStack() as stack:
        seen = [stack.enter_context(calls(service)) for service in ("dynamodb", "events")]
        yield
    assert seen == [[], []]


def refused(handler: WorkflowLambdaHandler[Any, Any], text: str) -> None:
    """Require that a stage fails permanently on what stands before it, before any side effect."""
    with no_side_effect(), pytest.raises(PermanentStageError, match=text):
        invoke(handler, STAGE, previous=STAGE_BEFORE)
    assert error()["errorType"] == "PermanentStageError"
    assert output_key(EXECUTION, STAGE) not in keys()


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
