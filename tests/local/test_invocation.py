"""The environment in which a stage runs in this process."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ceap import project
from ceap.local.invocation import environment_of
from ceap.local.workers import Function
from handlers.runtime.aws import client
from handlers.runtime.logs import logger
from handlers.runtime.values import read_parameter

VARIABLES = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": "us-east-1",
    "HOME": "/nowhere",
    "LAMBDA_TASK_ROOT": "/nowhere/task",
    "PATH": "/nowhere/bin",
    "POWERTOOLS_SERVICE_NAME": "orders",
    "SETTINGS": '{"percent": 10}',
    "TMPDIR": "/nowhere",
    "TZ": "UTC",
}
FUNCTION = Function(
    "f", "arn", "handlers.take.handler", 60, 1024, VARIABLES, Path("/nowhere/task"), Path("/nowhere/lacking.json")
)


@pytest.fixture
def in_new_york() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "EST5")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_new_york")
def test_the_variables_are_those_of_the_function_but_for_those_that_tools_of_the_machine_need(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/mine")
    monkeypatch.setenv("NO_PROXY", "example.com")
    monkeypatch.delenv("no_proxy", raising=False)
    before = dict(os.environ)
    with environment_of(FUNCTION):
        changed = {name: value for name, value in os.environ.items() if before.get(name) != value}
        assert time.timezone == 0
    assert changed == {name: VARIABLES[name] for name in VARIABLES if name not in {"HOME", "PATH", "TMPDIR"}} | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "LAMBDA_TASK_ROOT": str(project.ROOT),
        "no_proxy": "example.com,127.0.0.1",
    }
    assert dict(os.environ) == before
    assert time.timezone == 5 * 3600


def test_secrets_and_parameters_are_those_of_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    function = FUNCTION._replace(environment={**VARIABLES, "AWS_DEFAULT_REGION": "us-east-1"})
    for value in ("first", "second"):
        with environment_of(function):
            answer = {"Parameter": {"Value": value}}
            monkeypatch.setattr(client("ssm"), "get_parameter", lambda answer=answer, **_: answer)
            assert read_parameter("/url") == value


def test_clients_and_logger_are_those_of_one_function() -> None:
    with environment_of(FUNCTION):
        first = client("s3"), logger()
        assert logger().service == "orders"
    assert (client.cache_info().currsize, logger.cache_info().currsize) == (0, 0)
    changed = FUNCTION._replace(environment={**VARIABLES, "AWS_ACCESS_KEY_ID": "other", "POWERTOOLS_SERVICE_NAME": "o"})
    with environment_of(changed):
        assert client("s3")._request_signer._credentials.access_key == "other"
        assert logger().service == "o"
        assert first[0] is not client("s3")
