"""Secrets and parameters: which are read, how long they are kept, and what is said when one cannot be read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

import handlers
from ceap.testing import Json, put_parameter, put_secret, run
from handlers.runtime import values
from handlers.runtime.aws import client
from handlers.runtime.context import StageContext
from handlers.runtime.contract import PermanentStageError, TransientStageError
from handlers.runtime.needs import Needs
from handlers.runtime.stage import WorkflowLambdaHandler
from tests import reference

ASK = reference.load_stage("ask")
KEY, URL = ASK.VENDOR_KEY, ASK.VENDOR_URL
OWN_KEY, OWN_URL = "vendor/key-test", "/vendor/test/url"
ENCRYPTED = "what is encrypted with a key of its own also needs kms:Decrypt on it, by `grants` in NEEDS"

pytestmark = pytest.mark.usefixtures("aws")


class Settings(msgspec.Struct, frozen=True): ...


class Reader(WorkflowLambdaHandler[Json, Settings]):
    """Yields what each record names."""

    def process_data(self, records: Iterator[Json], stage: StageContext[Settings]) -> Iterator[Json]:
        for record in records:
            read = stage.secret if "secret" in record else stage.parameter
            [name] = record.values()
            yield {"value": read(name)}


NEEDS = Needs(settings=Settings, secrets=(KEY,), parameters=(URL,))


def read(needs: Needs = NEEDS, /, **record: str) -> str:
    """Return the value that a stage reads for a record."""
    [read] = run(Reader(needs), [record])["data"]
    value: str = read["value"]
    return value


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, to set."""
    now = [1000.0]
    monkeypatch.setattr(values, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The requests that are sent, by the names of their operations."""
    made: list[str] = []
    services = [client(service).meta.events for service in ("secretsmanager", "ssm")]

    def note(model: Any, **_: object) -> None:
        made.append(model.name)

    for service in services:
        service.register("before-call", note)
    yield made
    for service in services:
        service.unregister("before-call", note)


def test_a_stage_reads_what_the_names_are_in_its_environment() -> None:
    put_secret(KEY, "hush")
    put_parameter(URL, "https://vendor.example")
    assert client("secretsmanager").get_secret_value(SecretId=OWN_KEY)["SecretString"] == "hush"
    assert client("ssm").get_parameter(Name=OWN_URL)["Parameter"]["Value"] == "https://vendor.example"
    assert (read(secret=KEY), read(parameter=URL)) == ("hush", "https://vendor.example")


def test_an_encrypted_parameter_is_decrypted() -> None:
    client("ssm").put_parameter(Name=OWN_URL, Value="hush", Type="SecureString")
    assert client("ssm").get_parameter(Name=OWN_URL)["Parameter"]["Value"] != "hush"
    assert read(parameter=URL) == "hush"


def test_a_value_is_read_once_in_five_minutes(clock: list[float], calls: list[str]) -> None:
    client("secretsmanager").create_secret(Name=OWN_KEY, SecretString="old")
    client("ssm").put_parameter(Name=OWN_URL, Value="old", Type="String")
    assert (read(secret=KEY), read(parameter=URL)) == ("old", "old")
    client("secretsmanager").put_secret_value(SecretId=OWN_KEY, SecretString="new")
    client("ssm").put_parameter(Name=OWN_URL, Value="new", Type="String", Overwrite=True)
    calls.clear()
    clock[0] += 299.9
    assert (read(secret=KEY), read(parameter=URL), calls) == ("old", "old", [])
    clock[0] += 0.1
    assert (read(secret=KEY), read(parameter=URL)) == ("new", "new")
    assert (read(secret=KEY), calls) == ("new", ["GetSecretValue", "GetParameter"])


def test_what_could_not_be_read_is_read_again() -> None:
    with pytest.raises(PermanentStageError, match=r"found nothing .ResourceNotFoundException.; create secret"):
        read(secret=KEY)
    client("secretsmanager").create_secret(Name=OWN_KEY, SecretString="new")
    assert read(secret=KEY) == "new"


def failure(**record: str) -> str:
    """Return why a stage that reads something fails, without the place that every failure ends in."""
    with pytest.raises(PermanentStageError) as raised:
        read(**record)
    return str(raised.value).partition(" (OwnStage of")[0]


def test_what_does_not_exist_is_to_be_created() -> None:
    place = "in the function's account and Region"
    assert failure(secret=KEY) == (
        f"secretsmanager:GetSecretValue on {OWN_KEY} found nothing (ResourceNotFoundException); "
        f"create secret {OWN_KEY} with a text {place}"
    )
    assert failure(parameter=URL) == (
        f"ssm:GetParameter on {OWN_URL} found nothing (ParameterNotFound); create parameter {OWN_URL} {place}"
    )


def test_bytes_are_refused_without_being_shown() -> None:
    client("secretsmanager").create_secret(Name=OWN_KEY, SecretBinary=b"hush")
    assert failure(secret=KEY) == f"secret {OWN_KEY} holds bytes; store a text, bytes as base64"


@pytest.mark.parametrize(
    ("kind", "name", "line"),
    [
        (
            "secret",
            "other",
            '(vendor/key-${Environment}); correct the name, or declare it there: secrets=("vendor/key-$',
        ),
        (
            "parameter",
            "/other",
            'correct the name, or declare it there: parameters=("/vendor/${Environment}/url", "/other",)',
        ),
        ("secret", OWN_KEY, "secret vendor/key-test is not among the handler's NEEDS"),
    ],
)
def test_what_is_not_declared_is_refused_with_the_line_that_declares_it(kind: str, name: str, line: str) -> None:
    assert line in failure(**{kind: name})


def test_the_line_of_the_first_secret_is_whole() -> None:
    with pytest.raises(PermanentStageError) as raised:
        read(Needs(settings=Settings), secret="vendor-${Environment}")
    assert str(raised.value).startswith(
        "secret vendor-${Environment} is not among the handler's NEEDS (none); correct the name, or declare it there: "
        'secrets=("vendor-${Environment}",) ('
    )


def refuse(monkeypatch: pytest.MonkeyPatch, code: str, status: int, message: str = "no") -> None:
    """Let both services answer with an error."""

    def answer(operation: str) -> Callable[..., Any]:
        def call(**_: object) -> Any:
            answered = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(answered, operation)

        return call

    monkeypatch.setattr(client("secretsmanager"), "get_secret_value", answer("GetSecretValue"))
    monkeypatch.setattr(client("ssm"), "get_parameter", answer("GetParameter"))


@pytest.mark.parametrize("record", [{"secret": KEY}, {"parameter": URL}])
@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 400), ("InternalServiceError", 500)])
def test_throttling_and_faults_of_aws_are_transient(
    monkeypatch: pytest.MonkeyPatch, record: dict[str, str], code: str, status: int
) -> None:
    refuse(monkeypatch, code, status)
    with pytest.raises(TransientStageError, match=f"failed: {status} {code}: no; a later attempt may succeed"):
        read(**record)


def test_a_denied_call_says_what_may_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "AccessDeniedException", 400, "User: x is not authorized")
    assert failure(secret=KEY) == (
        f"secretsmanager:GetSecretValue on {OWN_KEY} was denied: User: x is not authorized; if it does not exist, "
        f"create secret {OWN_KEY} with a text in the function's account and Region; "
        f"else deploy the handler's template again; {ENCRYPTED}"
    )
    assert failure(parameter=URL) == (
        f"ssm:GetParameter on {OWN_URL} was denied: User: x is not authorized; deploy the handler's template again; "
        f"{ENCRYPTED}"
    )


def test_a_handler_that_reads_no_value_loads_nothing_more() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(handlers.__file__).parent.parent)!r}); "
        "import handlers.runtime.stage; print('handlers.runtime.values' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
