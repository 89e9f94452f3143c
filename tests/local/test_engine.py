"""The engine as a whole: its start-up guards, what it leaves behind, and two of them side by side."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import moto.sqs.models
import psutil
import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types
from moto.awslambda.models import lambda_backends
from moto.s3.models import s3_backends
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.program.program import Program

from ceap.local import engine as engine_module
from ceap.local import interpreter
from ceap.local.engine import Engine, EngineError
from tests.local.support import function, log_group, role, template_text, upload_code

SOURCE = """
import boto3
def read(event, context):
    try:
        return boto3.client("s3").get_object(Bucket="data", Key=event)["Body"].read().decode()
    except Exception as error:
        return f"{error.response['Error']['Code']} {error.response['ResponseMetadata']['HTTPStatusCode']}"
def whoami(event, context): return boto3.client("sts").get_caller_identity()["Account"]
def buckets(event, context): boto3.client("s3").list_buckets()
def queues(event, context): boto3.client("sqs").get_queue_url(QueueName="q")
def machines(event, context): boto3.client("stepfunctions").list_state_machines()
def topics(event, context): boto3.client("sns").list_topics()
"""


def deploy_functions(
    engine: Engine, *grants: tuple[str, str], names: Sequence[str] = ("whoami",), **resources: Any
) -> None:
    """Deploy functions of SOURCE with one role, and a bucket `data` with an object `there`."""
    upload_code(engine, {"module.py": SOURCE})
    functions = {name.capitalize(): function(name, f"module.{name}") for name in names}
    engine.deploy(template_text(FunctionRole=role("lambda", *grants), **functions, **resources), "stack")
    engine.client("s3").create_bucket(Bucket="data")
    engine.client("s3").put_object(Bucket="data", Key="there", Body=b"content")


OBJECTS = "arn:aws:s3:::data/*"


def test_another_version_of_moto_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "version", lambda _: "5.2.6")
    with pytest.raises(EngineError, match=r"moto is 5\.2\.6, the local engine needs exactly 5\.2\.5"):
        Engine.start()


@pytest.mark.parametrize(
    ("owner", "name"),
    [(RetrierDecl, "_eval_body"), (Program, "eval"), (moto.sqs.models, "unix_time_millis")],
)
def test_a_missing_part_of_moto_is_told_of_at_the_start(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
    Engine.start().close()
    interpreter.install.cache_clear()
    with monkeypatch.context() as patched:
        patched.delattr(owner, name)
        with pytest.raises(EngineError, match=rf"moto 5\.2\.5 is not as the engine expects: .*{name}"):
            Engine.start()


SHARING = """
import os, stat, tempfile
def mode(path): return oct(stat.S_IMODE(os.stat(path).st_mode))
def write(event, context): open(f"{tempfile.gettempdir()}/mine", "w").close()
def find(event, context):
    own = os.path.expanduser("~")
    places = (os.path.dirname(own), os.environ["LAMBDA_TASK_ROOT"], __file__)
    return [own == tempfile.gettempdir(), os.listdir(own), *map(mode, places)]
"""


def test_functions_share_code_that_none_can_change_and_no_folder() -> None:
    before = os.umask(0)
    try:
        with Engine.start() as engine:
            upload_code(engine, {"module.py": SHARING})
            functions = {name.capitalize(): function(name, f"module.{name}") for name in ("write", "find")}
            engine.deploy(template_text(FunctionRole=role("lambda"), **functions), "stack")
            found = [engine.functions.invoke(name, None).payload for name in ("write", "find")]
    finally:
        os.umask(before)
    assert found == ["null", '[true, [], "0o700", "0o555", "0o444"]']


def test_events_are_those_that_the_bus_took() -> None:
    taken = {"Source": "shop", "DetailType": "Sold", "Detail": '{"id": 1}'}
    refused = {**taken, "Detail": "no JSON"}
    with Engine.start() as engine, Engine.start() as other:
        answer = engine.client("events").put_events(Entries=[refused, taken])
        assert answer["FailedEntryCount"] == 1
        assert (engine.events(), other.events()) == ([taken], [])


def test_an_engine_leaves_nothing_behind() -> None:
    with Engine.start() as engine:
        deploy_functions(engine, names=("whoami", "read"))
        engine.functions.invoke("whoami", None)
        pids, address = engine.functions.pids(), urlsplit(engine.url)
        folder, server = engine._folder, engine._gateway._server._thread
        assert len(pids) == 2
        assert folder.exists()
    engine.close()
    assert [pid for pid in pids if psutil.pid_exists(pid)] == []
    assert not folder.exists()
    assert not server.is_alive()
    assert engine.account not in lambda_backends
    assert engine.account not in s3_backends
    with contextlib.closing(socket.socket()) as probe:
        assert probe.connect_ex((address.hostname, address.port)) != 0


def test_engines_that_come_and_go_use_up_no_file_descriptors() -> None:
    def use() -> int:
        with Engine.start() as engine:
            deploy_functions(engine)
            engine.functions.invoke("whoami", None)
        return psutil.Process().num_fds()

    use()  # what is opened once stays
    assert use() == use()


def test_two_engines_in_one_process_know_nothing_of_each_other() -> None:
    with Engine.start() as one, Engine.start() as other:
        assert one.account != other.account
        for engine in (one, other):
            engine.client("s3").create_bucket(Bucket=f"bucket-{engine.account}")
            engine.client("sqs").create_queue(QueueName="queue")
        one.send(f"{one.url}/{one.account}/queue", "for one")
        assert one.messages("queue") == ["for one"]
        assert other.messages("queue") == []
        names = [bucket["Name"] for bucket in other.client("s3").list_buckets()["Buckets"]]
        assert names == [f"bucket-{other.account}"]


def test_an_engine_that_closes_leaves_the_objects_of_others() -> None:
    with Engine.start() as one, Engine.start() as other:
        for engine in (one, other):
            engine.client("s3").create_bucket(Bucket=f"bucket-{engine.account}")
            engine.client("s3").put_object(Bucket=f"bucket-{engine.account}", Key="key", Body=b"content")
        other.close()
        assert list(one.objects(f"bucket-{one.account}")) == [("key", b"content")]
        one.client("s3").create_bucket(Bucket=f"bucket-{other.account}")


def test_two_engines_run_the_same_workflow_one_after_the_other() -> None:
    for _ in range(2):
        with Engine.start() as engine:
            deploy_functions(engine, ("s3:GetObject", OBJECTS), names=["read"])
            assert engine.functions.invoke("read", "there").payload == '"content"'


def test_who_listens_is_told_of_executions_functions_and_jobs(engine: Engine) -> None:
    listener: Any = object()
    workers: Any = object()
    engine.listen(listener, workers)
    assert engine._executions.listener is listener
    assert (engine.functions.listener, engine.jobs.listener) == (workers, workers)


def test_a_function_that_does_not_exist_cannot_be_invoked(engine: Engine) -> None:
    client = engine.client("lambda")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="nothing")


@pytest.mark.parametrize(
    ("grants", "key", "expected"),
    [
        ([("s3:GetObject", OBJECTS), ("s3:ListBucket", "arn:aws:s3:::data")], "there", "content"),
        ([("s3:GetObject", OBJECTS), ("s3:ListBucket", "arn:aws:s3:::data")], "missing", "NoSuchKey 404"),
        ([("s3:GetObject", OBJECTS)], "there", "content"),
        ([("s3:GetObject", OBJECTS)], "missing", "AccessDenied 403"),
        ([("s3:GetObject", "arn:aws:s3:::other/*")], "there", "AccessDenied 403"),
        ([], "there", "AccessDenied 403"),
    ],
)
def test_s3_answers_a_role_by_its_grants(
    engine: Engine, grants: list[tuple[str, str]], key: str, expected: str
) -> None:
    deploy_functions(engine, *grants, names=["read"])
    assert engine.functions.invoke("read", key).payload == f'"{expected}"'


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("buckets", "s3:ListAllMyBuckets"),
        ("queues", "sqs:GetQueueUrl"),
        ("machines", "states:ListStateMachines"),
        ("topics", "sns:ListTopics"),
    ],
)
def test_every_kind_of_service_denies_in_its_own_form(engine: Engine, name: str, action: str) -> None:
    deploy_functions(engine, names=[name])
    outcome = engine.functions.invoke(name, None)
    assert outcome.failed
    assert "AccessDenied" in outcome.payload
    assert f"is not authorized to perform: {action}" in outcome.payload
    assert [(call.action, call.allowed) for call in engine.trace] == [(action, False)]


def test_a_function_has_no_version_or_alias_but_its_latest(engine: Engine) -> None:
    deploy_functions(engine)
    invoke = engine.client("lambda").invoke
    missing = f"Function not found: arn:aws:lambda:us-east-1:{engine.account}:function:whoami:PROD"
    for qualified in ({"FunctionName": "whoami", "Qualifier": "PROD"}, {"FunctionName": "whoami:PROD"}):
        with pytest.raises(ClientError, match=missing):
            invoke(**qualified)
    assert invoke(FunctionName="whoami", Qualifier="$LATEST")["Payload"].read() == f'"{engine.account}"'.encode()


LOGS = "arn:aws:logs:us-east-1:*:log-group:/aws/lambda/whoami:*"


def test_a_function_writes_its_log_as_its_role(engine: Engine) -> None:
    grants = (("logs:CreateLogStream", LOGS), ("logs:PutLogEvents", LOGS))
    deploy_functions(engine, *grants, Group=log_group("/aws/lambda/whoami"))
    engine.functions.invoke("whoami", None)
    engine.functions.invoke("whoami", None)
    lines = engine.logs.read("/aws/lambda/whoami")
    assert [line.split()[0] for line in lines] == ["START", "END", "REPORT"] * 2
    assert [call.action for call in engine.trace if call.action.startswith("logs:")] == [
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "logs:PutLogEvents",
    ]


def test_a_function_that_may_not_write_its_log_works_without(engine: Engine) -> None:
    deploy_functions(engine, Group=log_group("/aws/lambda/whoami"))
    assert not engine.functions.invoke("whoami", None).failed
    assert engine.logs.read("/aws/lambda/whoami") == []


def test_an_error_and_its_trace_stand_in_the_log(engine: Engine) -> None:
    logs = "arn:aws:logs:*:*:log-group:/aws/lambda/buckets:*"
    grants = (("logs:CreateLogStream", logs), ("logs:PutLogEvents", logs))
    deploy_functions(engine, *grants, names=["buckets"], Group=log_group("/aws/lambda/buckets"))
    engine.functions.invoke("buckets", None)
    [line] = [line for line in engine.logs.read("/aws/lambda/buckets") if line.startswith("[ERROR]")]
    assert line.startswith("[ERROR] AccessDenied: An error occurred (AccessDenied) when calling the ListBuckets")


def test_a_worker_that_died_is_replaced(engine: Engine) -> None:
    deploy_functions(engine)
    assert not engine.functions.invoke("whoami", None).failed
    for pid in engine.functions.pids():
        psutil.Process(pid).kill()
    assert engine.functions.invoke("whoami", None).failed
    assert not engine.functions.invoke("whoami", None).failed


def test_moto_does_not_talk_to_the_user(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    deploy_functions(engine, names=["read"])
    engine.functions.invoke("read", "missing")
    assert logging.getLogger("moto").handlers
    assert capsys.readouterr() == ("", "")


def test_the_aws_setup_of_the_machine_has_no_say() -> None:
    work = "with Engine.start() as engine: print(engine.client('sqs').create_queue(QueueName='q')['QueueUrl'])"
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")
    own = {"AWS_PROFILE": "none", "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "MOTO_ACCOUNT_ID": "1", **proxies}
    run = subprocess.run(
        [sys.executable, "-c", f"from ceap.local.engine import Engine\n{work}"],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.endswith("/123456789012/q\n")
