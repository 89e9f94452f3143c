"""What a test of a handler uses: emulated AWS, and the handler run in it as a stage.

pytest finds the fixture `aws` itself, because pyproject.toml names this module among its plugins. All other names are
imported from here, and need that fixture. moto and boto3 are imported by the first test that uses it, not before.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import Any, Final, TypeAlias
from unittest import mock

import msgspec
import pytest

from ceap.errors import UsageError
from handlers.runtime.aws import _session, client
from handlers.runtime.contract import error_key, output_key, rejected_key
from handlers.runtime.document import Header, encode_document
from handlers.runtime.logs import logger
from handlers.runtime.needs import (
    EVENT_BUS_VARIABLE,
    SETTINGS_VARIABLE,
    Table,
    parameter_variable,
    secret_variable,
    table_variable,
)
from handlers.runtime.stage import WorkflowLambdaHandler
from handlers.runtime.tables import Item, TableClient
from handlers.runtime.values import forget

__all__ = [
    "Json",
    "aws",
    "error",
    "events",
    "items",
    "message",
    "put_items",
    "put_parameter",
    "put_secret",
    "put_source",
    "rejected",
    "run",
    "run_first",
]

BUCKET: Final = "workflow-bucket"
EXECUTION: Final = "execution-1"
STAGE: Final = "OwnStage"
STAGE_BEFORE: Final = "BeforeStage"
REGION: Final = "eu-central-1"
ENVIRONMENT: Final = "test"
ACCOUNT_ID: Final = "123456789012"
"""moto's own."""

Json: TypeAlias = dict[str, Any]
Handler: TypeAlias = WorkflowLambdaHandler[Any, Any]


class Account:
    """What happened in emulated AWS: the last run, as execution and stage, and the details of the events taken."""

    def __init__(self) -> None:
        self.last_run: tuple[str, str] | None = None
        self.events: list[Json] = []


_ACCOUNTS: Final[list[Account]] = []
"""That of the test that runs, if it uses the fixture."""


class Invocation:
    """Lambda's context of an invocation that has a minute left."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Emulated AWS, new for each test, and the environment of a deployed function.

    There are the workflow bucket, an event bus, and the tables that the handlers of the project declare, all empty.
    Secrets and parameters that they declare are not there, until a test puts them.
    Settings are the handler's defaults, until a run names its own.
    """
    mock_aws = _load_emulator()
    from templates import discovery

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)  # it may name an endpoint, which would be called
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "own-function")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "test")
    logger()  # made now: in a test that captures its output, it would keep a stream that is closed afterwards
    monkeypatch.setenv(EVENT_BUS_VARIABLE, "default")
    monkeypatch.delenv(SETTINGS_VARIABLE, raising=False)
    forget()
    for variable, name in _names().items():
        monkeypatch.setenv(variable, name)
    with mock_aws():
        make_bucket(BUCKET)
        for table in discovery.tables().values():
            monkeypatch.setenv(table_variable(table.name), table.name)
            create_table(table, client("dynamodb"))
        with _observe():
            yield


def run(
    handler: Handler,
    records: Iterable[object],
    *,
    settings: Mapping[str, Any] | None = None,
    execution: str = EXECUTION,
) -> Json:
    """Run a handler as a stage after another that wrote these records; return the document that it wrote.

    The document is that of output.json: `data` are the records, `metadata` the counts. They are checked: every record
    is accounted for. Another `execution` is what a redelivered message starts; the same one is a retry.

    Args:
        handler: The instance that ends the handler's module.
        records: Structs or dicts.
        settings: Those of the step, as its declaration would set them; `${Environment}` is `test` there. Default: none,
            so that the handler's hold.
        execution: The execution's id.

    Raises:
        PermanentStageError, TransientStageError: The stage failed; the exception of the handler is the cause.
    """
    write_output(STAGE_BEFORE, records, execution)
    return invoke(handler, STAGE, previous=STAGE_BEFORE, settings=settings, execution=execution)


def run_first(
    handler: Handler,
    message: str | Mapping[str, Any],
    *,
    settings: Mapping[str, Any] | None = None,
    execution: str = EXECUTION,
) -> Json:
    """Run a handler as the first stage, on the message that started the execution; otherwise like `run`.

    The message is the text that a queue holds, e.g. of `message`, or the object that is sent as JSON.
    """
    body = message if isinstance(message, str) else msgspec.json.encode(message).decode()
    return invoke(handler, STAGE, initial_data=body, settings=settings, execution=execution)


def message(records: Iterable[object], **fields: Any) -> str:
    """Return a message with its records in it (`inline`), and with these fields beside `source`."""
    source = {"kind": "inline", "records": list(records)}
    return msgspec.json.encode({"source": source, **fields}).decode()


def put_source(bucket: str, key: str, body: str | bytes) -> None:
    """Put an object that messages may name into a source bucket, which is made if it is not there; text as UTF-8."""
    _account()
    make_bucket(bucket)
    client("s3").put_object(Bucket=bucket, Key=key, Body=body)


def put_items(table: Table, items: Iterable[Item]) -> None:
    """Put items into a table, over those of the same keys; the keys must be distinct."""
    TableClient(_name(table)).put_many(items)


def put_secret(name: str, text: str) -> None:
    """Put a secret, or a new text of it; `name` is written as in NEEDS."""
    own, secrets = _named(secret_variable(name), name), client("secretsmanager")
    try:
        secrets.create_secret(Name=own, SecretString=text)
    except secrets.exceptions.ResourceExistsException:
        secrets.put_secret_value(SecretId=own, SecretString=text)
    forget()


def put_parameter(name: str, value: str) -> None:
    """Put a parameter, or a new value of it; `name` is written as in NEEDS."""
    own = _named(parameter_variable(name), name)
    client("ssm").put_parameter(Name=own, Value=value, Type="String", Overwrite=True)
    forget()


def items(table: Table) -> list[Item]:
    """Return all items of a table, sorted by their keys."""
    names = [name for name in (table.partition_key, table.sort_key) if name]
    pages = client("dynamodb").get_paginator("scan").paginate(TableName=_name(table))
    keys = [{name: item[name]["S"] for name in names} for page in pages for item in page["Items"]]
    return sorted(TableClient(table.name).get_many(keys), key=lambda item: [item[name] for name in names])


def events() -> list[Json]:
    """Return the details of all events that the bus has taken in this test, in order."""
    return list(_account().events)


def rejected() -> list[Json]:
    """Return the lines of rejected.jsonl of the last run: `code`, `reason`, `record`, and the details."""
    return [json.loads(line) for line in (_read_last(rejected_key) or b"").splitlines()]


def error() -> Json:
    """Return error.json of the last run: `errorType`, `errorMessage`, `cause`, `details` and others.

    Raises:
        UsageError: The last run has not failed.
    """
    body = _read_last(error_key)
    if body is None:
        raise UsageError("the last run has not failed, so there is no error.json; expect a failure with pytest.raises")
    description: Json = json.loads(body)
    return description


def invoke(
    handler: Handler,
    stage: str,
    *,
    previous: str | None = None,
    initial_data: object = None,
    settings: Mapping[str, Any] | None = None,
    execution: str = EXECUTION,
) -> Json:
    """Invoke a handler as its task in the state machine does; check what it returns, and return its document."""
    _account().last_run = execution, stage
    for key in (rejected_key, error_key):  # an earlier attempt may have left them
        client("s3").delete_object(Bucket=BUCKET, Key=key(execution, stage))
    event = {
        "executionId": execution,
        "currentStage": stage,
        "previousStage": previous,
        "workflowBucket": BUCKET,
        "initialData": initial_data,
    }
    environment = {} if settings is None else {SETTINGS_VARIABLE: _filled(json.dumps(settings))}
    with mock.patch.dict(os.environ, environment):
        result = handler(event, Invocation())
    document: Json = json.loads(_read_last(output_key) or b"")
    metadata = document["metadata"]
    accounted = sum(metadata[f"{way}RecordCount"] for way in ("output", "rejected", "merged", "stale"))
    assert metadata["inputRecordCount"] + metadata["expandedRecordCount"] == accounted
    assert metadata["outputRecordCount"] == len(document["data"])
    assert result == {
        "status": "SUCCESS",
        "stage": stage,
        "recordsProcessed": metadata["inputRecordCount"],
        "errorMessage": None,
    }
    return document


def write_output(stage: str, records: Iterable[object], execution: str = EXECUTION) -> None:
    """Write records as the document of a stage."""
    _account()
    header = Header(execution_id=execution, stage=stage, started_at="2026-01-02T03:04:05Z")
    body = b"".join(encode_document(header, records, lambda count: {"outputRecordCount": count}))
    client("s3").put_object(Bucket=BUCKET, Key=output_key(execution, stage), Body=body)


def make_bucket(name: str) -> None:
    """Make a bucket if it is not there."""
    s3 = client("s3")
    if name not in (bucket["Name"] for bucket in s3.list_buckets()["Buckets"]):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})


def create_table(table: Table, dynamodb: Any) -> None:
    """Create a table as the foundation's template does, with keys and indexes."""
    schema = _schema(table.partition_key, table.sort_key)
    indexes = [
        {
            "IndexName": index.name,
            "KeySchema": _schema(index.partition_key, index.sort_key),
            "Projection": {"ProjectionType": "ALL"},
        }
        for index in table.indexes
    ]
    names = {key["AttributeName"] for key in schema}
    names |= {name for index in table.indexes for name in (index.partition_key, index.sort_key)}
    dynamodb.create_table(
        TableName=table.name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=schema,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in sorted(names)],
        **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
    )


def _schema(partition: str, sort: str | None) -> list[dict[str, str]]:
    pairs = [(partition, "HASH")] + ([(sort, "RANGE")] if sort else [])
    return [{"AttributeName": name, "KeyType": kind} for name, kind in pairs]


def _load_emulator() -> Any:
    if find_spec("moto") is None:
        pytest.fail("the fixture aws needs moto; install the extra: .venv/bin/pip install -e '.[local]'", pytrace=False)
    return _import_emulator()


@cache
def _import_emulator() -> Any:
    from moto import mock_aws

    # Clients that were made before moto was imported call AWS itself.
    client.cache_clear()
    _session.cache_clear()
    return mock_aws


@contextmanager
def _observe() -> Iterator[None]:
    """Note the last run, and the events that the bus takes."""
    account = Account()
    emitter = client("events").meta.events

    def note(params: Json, context: Json, **_: object) -> None:
        context["entries"] = params["Entries"]

    def take(parsed: Json, context: Json, **_: object) -> None:
        answers = zip(context["entries"], parsed.get("Entries", []), strict=False)  # a refused request has no answers
        account.events += [json.loads(entry["Detail"]) for entry, answer in answers if "ErrorCode" not in answer]

    emitter.register("provide-client-params.events.PutEvents", note)
    emitter.register_last("after-call.events.PutEvents", take)
    _ACCOUNTS.append(account)
    try:
        yield
    finally:
        _ACCOUNTS.remove(account)
        emitter.unregister("provide-client-params.events.PutEvents", note)
        emitter.unregister("after-call.events.PutEvents", take)


def _account() -> Account:
    if not _ACCOUNTS:
        raise UsageError(
            "the test does not use the fixture aws, without which AWS itself would be called; write "
            '`pytestmark = pytest.mark.usefixtures("aws")` into its module'
        )
    return _ACCOUNTS[-1]


def _name(table: Table) -> str:
    """Return the name of a table; UsageError if no handler of the project declares it."""
    from templates import discovery, words

    _account()
    tables = discovery.tables()
    if table.name not in tables:
        raise UsageError(
            f"no handler has table {table.name!r} in its NEEDS; {words.allowed(table.name, tables)}; add it there"
        )
    return table.name


def _names() -> dict[str, str]:
    """Return the names of all secrets and parameters that the handlers of the project declare, by their variables."""
    from templates import discovery

    needs = [discovery.load_needs(handler) for handler in discovery.handler_names()]
    variables = {secret_variable(name): name for each in needs for name in each.secrets}
    variables |= {parameter_variable(name): name for each in needs for name in each.parameters}
    return {variable: _filled(name) for variable, name in variables.items()}


def _filled(text: str) -> str:
    """Return a text with the values that placeholders have in tests."""
    from templates.placeholders import fill

    return fill(text, {"Environment": ENVIRONMENT, "AWS::AccountId": ACCOUNT_ID, "AWS::Region": REGION})


def _named(variable: str, name: str) -> str:
    """Return the name of a secret or parameter in emulated AWS; UsageError if no handler of the project declares it."""
    _account()
    if variable not in os.environ:
        raise UsageError(f"no handler has {name!r} in its NEEDS; write the name as it stands there, or add it")
    return os.environ[variable]


def _read_last(key: Callable[[str, str], str]) -> bytes | None:
    """Return an object of the last run; None if it has not written it."""
    last = _account().last_run
    if last is None:
        raise UsageError("no handler has run in this test; call run or run_first before")
    s3 = client("s3")
    try:
        body: bytes = s3.get_object(Bucket=BUCKET, Key=key(*last))["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    return body
