"""What Lambda does around functions: invocations of versions and aliases, by one another, and what is refused."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.archive import build_zip
from ceap.local.engine import Engine
from ceap.local.workers import Function, Outcome
from tests.local.support import (
    AT_ONCE,
    CODE_BUCKET,
    CODE_KEY,
    function,
    log_group,
    role,
    template_text,
    upload_code,
)

CALLED: Final = "arn:aws:lambda:us-east-1:{}:function:called"
SOURCE = """
import json
import os

import boto3

def called(event, context):
    print("called with", json.dumps(event))
    if isinstance(event, dict):
        open(event["begun"], "w").close()
        open(event["go"]).read()
    if event == "fail":
        raise KeyError("colour")
    return [os.environ["NAME"], context.function_version, context.invoked_function_arn.partition(":function:")[2]]

def caller(event, context):
    answer = boto3.client("lambda").invoke(FunctionName=event["function"], Payload=json.dumps(event.get("event")))
    return [answer.get("FunctionError"), json.loads(answer["Payload"].read())]
"""


class Heard:
    """What is told of functions, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, Any]] = []

    def hear(self, function: Function, event: Any, line: str) -> None:
        self.told.append((f"{function.name} printed {line}", "hear", event))

    def end(self, function: Function, event: Any, outcome: Outcome) -> None:
        self.told.append((function.name, "failed" if outcome.failed else "ended", event))

    def end_called(self, function: Function, event: Any, outcome: Outcome) -> None:
        self.told.append((function.name, "failed as called" if outcome.failed else "ended as called", event))


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine.start(warm=False) as engine:
        upload_code(engine, {"module.py": SOURCE})
        yield engine


def deploy(engine: Engine, name: str = "first", **grants: str) -> None:
    """Deploy `called`, and `caller`, which may invoke it, or what else is said."""
    invocable = grants or {"called": CALLED.format(engine.account)}
    template = template_text(
        FunctionRole=role("lambda", *(("lambda:InvokeFunction", arn) for arn in invocable.values())),
        Called=function("called", "module.called", Environment={"Variables": {"NAME": name}}, Timeout=60),
        Caller=function("caller", "module.caller"),
    )
    engine.deploy(template, "functions")


def publish(engine: Engine, name: str) -> str:
    """Publish a version of `called` as it is when its variable has that value; return the version."""
    calls = engine.client("lambda")
    calls.update_function_configuration(FunctionName="called", Environment={"Variables": {"NAME": name}})
    version: str = calls.publish_version(FunctionName="called")["Version"]
    return version


def invoke(engine: Engine, function: str, payload: bytes = b"1", **given: str) -> tuple[Any, str]:
    """Return the result of an invocation, and the version that ran."""
    answer = engine.client("lambda").invoke(FunctionName=function, Payload=payload, **given)
    return json.loads(answer["Payload"].read()), answer["ExecutedVersion"]


def test_a_version_stays_what_it_was_and_an_alias_leads_to_one(engine: Engine) -> None:
    deploy(engine)
    version = publish(engine, "second")
    engine.client("lambda").create_alias(FunctionName="called", Name="live", FunctionVersion=version)
    publish(engine, "third")
    arn = CALLED.format(engine.account)
    assert invoke(engine, "called") == (["third", "$LATEST", "called"], "$LATEST")
    assert invoke(engine, arn) == (["third", "$LATEST", "called"], "$LATEST")
    assert invoke(engine, f"{arn}:{version}") == (["second", version, f"called:{version}"], version)
    assert invoke(engine, "called", Qualifier="live") == (["second", version, "called:live"], version)
    engine.client("lambda").update_alias(FunctionName="called", Name="live", FunctionVersion="$LATEST")
    assert invoke(engine, f"{arn}:live") == (["third", "$LATEST", "called:live"], "$LATEST")
    assert len(engine.functions.pids()) == 2


@pytest.mark.parametrize("name", ["other", "called:7", "called:live", "called:a:b", "called:$latest"])
def test_what_does_not_exist_is_not_found(engine: Engine, name: str) -> None:
    deploy(engine)
    arn = f"arn:aws:lambda:us-east-1:{engine.account}:function:{name}"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        invoke(engine, arn)


@pytest.mark.parametrize(("name", "asked"), [("other", "other:$LATEST"), ("called:7", "called:7")])
def test_what_is_not_found_is_named_with_its_version(engine: Engine, name: str, asked: str) -> None:
    deploy(engine)
    missing = f"arn:aws:lambda:us-east-1:{engine.account}:function:{asked}"
    with pytest.raises(ClientError, match=re.escape(f"Function not found: {missing}") + "$"):
        invoke(engine, name)


@pytest.mark.parametrize(
    ("payload", "code"),
    [(b'{"a": NaN}', "InvalidRequestContentException"), (b"{", "InvalidRequestContentException")],
)
def test_an_event_that_is_no_json_is_refused(engine: Engine, payload: bytes, code: str) -> None:
    deploy(engine)
    with pytest.raises(ClientError, match=f"{code}.*Could not parse request body into json"):
        invoke(engine, "called", payload)


@pytest.mark.parametrize(
    ("function", "given", "reason"),
    [
        ("called", {"InvocationType": "Event"}, "the invocation type Event is not modelled"),
        ("arn:aws:lambda:eu-west-1:{}:function:called", {}, "belongs to another account or Region"),
        ("arn:aws:lambda:us-east-1:{}:function:called:both", {}, "the alias both leads to two versions"),
    ],
)
def test_what_the_engine_does_not_model_of_an_invocation_is_refused(
    engine: Engine, function: str, given: Mapping[str, str], reason: str
) -> None:
    deploy(engine)
    for name in ("second", "third"):
        publish(engine, name)
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    engine.client("lambda").create_alias(FunctionName="called", Name="both", FunctionVersion="1", RoutingConfig=weights)
    with pytest.raises(ClientError, match=f"NotImplemented.*{reason}"):
        engine.client("lambda").invoke(FunctionName=function.format(engine.account), **given)


def test_a_role_invokes_what_its_policy_names_and_no_other_version(engine: Engine) -> None:
    arn = CALLED.format(engine.account)
    deploy(engine, live=f"{arn}:live")
    version = publish(engine, "second")
    engine.client("lambda").create_alias(FunctionName="called", Name="live", FunctionVersion=version)
    result, _ = invoke(engine, "caller", json.dumps({"function": f"{arn}:live"}).encode())
    assert result == [None, ["second", version, "called:live"]]
    for other in (arn, f"{arn}:{version}", f"{arn}:$LATEST"):
        result, _ = invoke(engine, "caller", json.dumps({"function": other}).encode())
        assert result["errorType"] == "ClientError"
        assert f"not authorized to perform: lambda:InvokeFunction on resource: {other}" in result["errorMessage"]


def test_what_a_called_function_does_is_told_with_the_event_of_its_caller(engine: Engine) -> None:
    deploy(engine)
    heard = Heard()
    engine.functions.listener = heard
    event = {"function": "called", "event": "fail"}
    outcome = engine.functions.invoke("caller", event)
    assert json.loads(outcome.payload)[0] == "Unhandled"
    assert heard.told == [
        ('called printed called with "fail"', "hear", event),
        ("called", "failed as called", event),
        ("caller", "ended", event),
    ]
    heard.told.clear()
    engine.functions.invoke("called", 5)
    assert heard.told == [("called printed called with 5", "hear", 5), ("called", "ended", 5)]


def test_a_function_whose_caller_has_ended_goes_on_and_keeps_no_other_waiting(engine: Engine, tmp_path: Path) -> None:
    deploy(engine)
    begun, go = tmp_path / "begun", tmp_path / "go"
    os.mkfifo(go)
    slow = {"function": "called", "event": {"begun": str(begun), "go": str(go)}}
    heard = engine.functions.listener = Heard()
    assert "Sandbox.Timedout" in engine.functions.invoke("caller", slow).payload
    assert begun.exists()
    assert engine.functions.invoke("caller", {"function": "called"}).payload.startswith('[null, ["first"')
    ends = [(name, what) for name, what, _ in heard.told if what != "hear"]
    assert ends == [("caller", "failed"), ("called", "ended as called"), ("caller", "ended")]
    assert len(engine.functions.pids()) == 3


def test_the_answer_has_the_id_of_the_invocation(engine: Engine) -> None:
    deploy(engine)
    answer = engine.client("lambda").invoke(FunctionName="called", Payload=b'"fail"')
    assert answer["ResponseMetadata"]["RequestId"] == json.loads(answer["Payload"].read())["requestId"]


def test_a_function_that_invokes_itself_is_refused_where_it_would_wait_for_ever(engine: Engine) -> None:
    deploy(engine, caller=f"arn:aws:lambda:us-east-1:{engine.account}:function:caller")
    outcome = engine.functions.invoke("caller", {"function": "caller"})
    assert "a function that invokes itself, also by way of others" in json.loads(outcome.payload)["errorMessage"]


def test_a_deleted_function_leaves_no_process_of_its_versions(engine: Engine) -> None:
    deploy(engine)
    version = publish(engine, "second")
    invoke(engine, "called")
    invoke(engine, f"called:{version}")
    assert len(engine.functions.pids()) == 2
    engine.client("cloudformation").delete_stack(StackName="functions")
    engine.client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName="functions", WaiterConfig=AT_ONCE
    )
    assert engine.functions.pids() == []


def test_the_log_of_a_version_names_it(engine: Engine) -> None:
    resources = {"LogGroup": log_group("/aws/lambda/called")}
    template = template_text(
        FunctionRole=role("lambda", ("logs:*", "*")),
        Called=function("called", "module.called", Environment={"Variables": {"NAME": "n"}}),
        **resources,
    )
    engine.deploy(template, "functions")
    version = publish(engine, "second")
    invoke(engine, f"called:{version}")
    start, *_ = engine.logs.read("/aws/lambda/called")
    assert start.endswith(f" Version: {version}")


def test_code_that_is_not_ceaps_keeps_the_packages_that_it_brings(engine: Engine, tmp_path: Path) -> None:
    files = {
        "module.py": "import sorting\nfrom importlib.metadata import version\n"
        "def called(event, context):\n    return [sorting.NAME, version('sorting')]\n",
        "sorting/__init__.py": "NAME = 'brought'\n",
        "sorting-0.1.dist-info/METADATA": "Metadata-Version: 2.1\nName: sorting\nVersion: 0.1\n",
        "sorting-0.1.dist-info/RECORD": "sorting/__init__.py,,\n",
    }
    code = build_zip({name: text.encode() for name, text in files.items()})
    engine.client("s3").put_object(Bucket=CODE_BUCKET, Key=CODE_KEY, Body=code)
    engine.functions.homes["called"] = tmp_path
    engine.deploy(template_text(FunctionRole=role("lambda"), Called=function("called", "module.called")), "functions")
    assert json.loads(engine.functions.invoke("called", None).payload) == ["brought", "0.1"]
