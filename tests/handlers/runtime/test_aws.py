from __future__ import annotations

import gc
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import botocore  # type: ignore[import-untyped]  # botocore ships no types
import pytest
from botocore.exceptions import (  # type: ignore[import-untyped]  # botocore ships no types
    ClientError,
    UnknownServiceError,
)
from botocore.handlers import BUILTIN_HANDLERS  # type: ignore[import-untyped]  # botocore ships no types
from botocore.hooks import EventAliaser, HierarchicalEmitter  # type: ignore[import-untyped]  # botocore ships no types
from botocore.loaders import JSONFileLoader, Loader  # type: ignore[import-untyped]  # botocore ships no types
from botocore.session import Session  # type: ignore[import-untyped]  # botocore ships no types

from handlers.runtime import aws
from handlers.runtime.aws import _session, client, stage_errors
from handlers.runtime.contract import PermanentStageError, StageError, TransientStageError
from templates import discovery


@pytest.mark.parametrize("service", ["s3", "dynamodb", "events"])
def test_models_are_those_that_botocore_reads(service: str) -> None:
    data = Path(Loader.BUILTIN_DATA_PATH)
    paths = [str(path).partition(".json")[0] for path in (data / "endpoints.json", *(data / service).glob("*/*.json*"))]
    ours = _session().get_component("data_loader").file_loader
    for path in paths:
        assert ours.exists(path)
        assert ours.load_file(path) == JSONFileLoader().load_file(path)
    assert not ours.exists(f"{data}/absent")
    assert ours.load_file(f"{data}/absent") is None


PROGRAM = """
import json, sys
from handlers.runtime.aws import _DEFERRED, client

made = {service: client(service) for service in ("s3", "dynamodb", "events", "secretsmanager", "ssm")}
stub = made["s3"]
try:
    stub.get_object(Bucket="bucket", Key="key")
except Exception as error:
    failed = type(error).__name__
early = sorted(_DEFERRED.keys() & sys.modules.keys())

import boto3, dateutil.parser, importlib.metadata
others = boto3.client("sqs"), boto3.client("s3")
others[1].get_paginator("list_objects_v2"), others[1].get_waiter("object_exists")
print(json.dumps({
    "failed": failed,
    "early": early,
    "help": ["Retrieves an object" in str(each.get_object.__doc__) for each in (stub, others[1])],
    "answers": [str(dateutil.parser.parse("2026-01-02").date()), importlib.metadata.version("botocore")],
}))
"""


def test_a_client_loads_no_part_of_botocore_that_only_others_use() -> None:
    # Fails if a version of botocore cannot be imported with stand-ins, too: it is imported as a whole then.
    settings = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_MAX_ATTEMPTS": "1",
        "PYTHONPATH": str(discovery.HANDLERS_FOLDER.parent),
        "HOME": "/nonexistent",
    }
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert json.loads(done.stdout) == {
        "failed": "EndpointConnectionError",
        "early": [],
        "help": [False, True],
        "answers": ["2026-01-02", version("botocore")],
    }


def test_events_have_the_names_and_the_handlers_that_botocore_gives_them() -> None:
    # A new session of ours: what is loaded meanwhile, as Powertools, adds handlers to all later ones, after these.
    ours, theirs = (session.get_component("event_emitter") for session in (_session.__wrapped__(), Session()))
    names = [name for name, *_ in BUILTIN_HANDLERS]
    fresh = EventAliaser(HierarchicalEmitter())
    aws._remember_names(fresh)
    assert len(fresh._alias_name_cache) > len(set(names)) / 2
    assert {name: fresh._alias_event_name(name) for name in names} == {
        name: EventAliaser(HierarchicalEmitter())._alias_event_name(name) for name in names
    }
    for name in names:
        assert handlers_of(ours, name) == handlers_of(theirs, name)


def handlers_of(emitter: Any, name: str) -> list[str]:
    found = emitter._emitter._handlers.prefix_search(emitter._alias_event_name(name))
    return [getattr(each, "__qualname__", type(each).__name__) for each in found]


def test_what_a_library_adds_to_all_sessions_comes_after_the_handlers_of_botocore(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def add(session: Any) -> None:
        session.register("request-created", keep_all)

    monkeypatch.setattr(botocore, "_INITIALIZERS", [add])
    assert handlers_of(_session.__wrapped__().get_component("event_emitter"), "request-created")[-1] == "keep_all"


def test_a_botocore_that_names_events_otherwise_gives_a_session_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Session, "_register_builtin_handlers")
    monkeypatch.setattr(Session, "__init__", keep_all(Session.__init__))
    session = _session.__wrapped__()
    assert handlers_of(session.get_component("event_emitter"), "before-call.s3")


def test_a_botocore_that_keeps_no_names_of_events_gives_a_session_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "_remember_names", lambda events: events.absent)
    session = _session.__wrapped__()
    assert handlers_of(session.get_component("event_emitter"), "before-call.s3")


def keep_all(init: Any) -> Any:
    """Return a Session.__init__ that registers its handlers by itself."""

    def make(self: Any, *args: Any, include_builtin_handlers: bool = True, **kwargs: Any) -> None:
        init(self, *args, include_builtin_handlers=False, **kwargs)
        for name, handler, *_ in BUILTIN_HANDLERS if include_builtin_handlers else ():
            self.register(name, handler)

    return make


def test_a_request_says_who_sends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "eu-central-1")

    def stop(request: Any, **_: Any) -> None:
        raise InterruptedError(request.headers["User-Agent"])

    made = aws._build_client("s3")
    made.meta.events.register("before-send.s3", stop)
    with pytest.raises(InterruptedError) as caught:
        made.head_object(Bucket="bucket", Key="key")
    [told] = caught.value.args  # Powertools adds its own name, where it is loaded
    assert told.decode().partition(" PT/")[0] == f"Botocore/{version('botocore')} ceap"


def test_the_emitter_replaces_a_check_that_botocore_has() -> None:
    emitter = _session().get_component("event_emitter")
    handler = lambda: None  # noqa: E731 - takes no keyword arguments
    with pytest.raises(ValueError, match="must accept keyword"):
        HierarchicalEmitter().register("event", handler)
    emitter.register("event", handler)
    emitter.unregister("event", handler)


def test_a_service_that_botocore_does_not_know_is_refused() -> None:
    with pytest.raises(UnknownServiceError, match="s33"):
        client("s33")
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("status", "code", "retries", "error", "message"),
    [
        (
            400,
            "ValidationException",
            0,
            PermanentStageError,
            "failed: 400 ValidationException: no; correct the request",
        ),
        (503, "SlowDown", 4, TransientStageError, "failed 5 times: 503 SlowDown: no; a later attempt may succeed"),
    ],
)
def test_a_message_tells_of_retries_only_if_there_were_some(
    status: int, code: str, retries: int, error: type[StageError], message: str
) -> None:
    metadata = {"HTTPStatusCode": status, "RetryAttempts": retries}
    answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": metadata}
    with pytest.raises(error, match=f"^s3:GetObject on s3://b/k {message}"), stage_errors("s3:GetObject", "s3://b/k"):
        raise ClientError(answer, "GetObject")


def test_an_answer_that_gives_no_reason_is_told_by_its_status() -> None:
    answer = {"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 500}}
    with (
        pytest.raises(TransientStageError, match=r"^s3:GetObject on s3://b/k failed: 500 : ; a later attempt"),
        stage_errors("s3:GetObject", "s3://b/k"),
    ):
        raise ClientError(answer, "GetObject")
