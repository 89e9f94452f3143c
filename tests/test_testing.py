"""The support that tests of handlers use, as a user's tests use it."""

from __future__ import annotations

import hashlib
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from ceap import testing
from ceap.errors import UsageError
from ceap.project import ROOT
from ceap.testing import (
    error,
    events,
    items,
    message,
    put_items,
    put_parameter,
    put_secret,
    put_source,
    rejected,
    run,
    run_first,
)
from handlers.runtime.aws import client
from handlers.runtime.context import StageContext
from handlers.runtime.contract import PermanentStageError, TransientStageError
from handlers.runtime.needs import BucketName, Needs, Publish, Table
from handlers.runtime.stage import WorkflowLambdaHandler
from tests import reference
from tests.handlers.support import refuse_entries

RATINGS: Table = reference.load_stage("rate").RATINGS
LIMIT_EXCEEDED = "LIMIT_EXCEEDED"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limit: Annotated[float, msgspec.Meta(gt=0)] = 10
    exports: BucketName | None = None


class Invoice(msgspec.Struct, frozen=True):
    id: str
    amount: float


class BookStage(WorkflowLambdaHandler[Invoice, Settings]):
    """Publishes and writes each invoice up to the limit."""

    record_type = Invoice

    def process_data(self, records: Iterator[Invoice], stage: StageContext[Settings]) -> Iterator[Invoice]:
        for invoice in records:
            if invoice.amount > stage.settings.limit:
                stage.reject(invoice, LIMIT_EXCEEDED, "above the limit", limit=str(stage.settings.limit))
                continue
            if invoice.id == "wrong":
                raise PermanentStageError("an invoice is wrong", {"id": invoice.id})
            stage.publish([{"invoice": invoice.id}])
            stage.table(RATINGS.name).put_many([{"PK": "INVOICE", "SK": invoice.id, "amount": invoice.amount}])
            yield invoice


NEEDS = Needs(
    settings=Settings,
    tables={RATINGS: ("BatchWriteItem",)},
    events=Publish(source="test", detail_type="Booked"),
    bucket_setting="exports",
)
handler = BookStage(NEEDS)
GOOD, HIGH, WRONG = {"id": "i1", "amount": 5.5}, {"id": "i2", "amount": 20}, {"id": "wrong", "amount": 1}


def test_the_page_has_every_name_and_argument() -> None:
    page = (ROOT / "docs/reference/testing.md").read_text(encoding="utf-8")
    calls = re.findall(r"^\| `(\w+)\((.*?)\)` \|", page, re.MULTILINE)
    assert {name for name, _ in calls} | {"Json", "aws"} == set(testing.__all__)
    for name, arguments in calls:
        parameters = inspect.signature(getattr(testing, name)).parameters.values()
        given = [str(each).partition(":")[0] for each in parameters if each.kind is not each.KEYWORD_ONLY]
        assert arguments == ", ".join(given), name
    by_name = [each.name for each in inspect.signature(run).parameters.values() if each.kind is each.KEYWORD_ONLY]
    assert re.findall(r"^- `(\w+)=", page, re.MULTILINE) == by_name == ["settings", "execution"]


@pytest.mark.usefixtures("aws")
def test_a_stage_after_another_takes_its_records_and_leaves_a_document() -> None:
    document = run(handler, [Invoice("i1", 5.5), HIGH])
    assert (document["executionId"], document["data"]) == ("execution-1", [GOOD])
    assert document["metadata"]["rejections"] == {LIMIT_EXCEEDED: 1}


@pytest.mark.usefixtures("aws")
def test_the_first_stage_takes_a_message_as_text_or_as_the_object_that_is_sent() -> None:
    given = {"source": {"kind": "inline", "records": [GOOD]}}
    for body in (message([GOOD]), given):
        assert run_first(handler, body, execution="execution-2")["data"] == [GOOD]
    assert msgspec.json.decode(message([GOOD], shop="s1")) == {**given, "shop": "s1"}


@pytest.mark.usefixtures("aws")
def test_settings_are_those_of_one_run() -> None:
    assert run(handler, [HIGH], settings={"limit": 30})["data"] == [HIGH]
    assert run(handler, [HIGH])["data"] == []
    with pytest.raises(PermanentStageError, match="SETTINGS is wrong: Object contains unknown field `limits`"):
        run(handler, [], settings={"limits": 30})


@pytest.mark.usefixtures("aws")
def test_a_message_may_name_an_object_that_a_test_has_put() -> None:
    put_source("my-exports", "day.csv", "id,amount\nü1,5.5\n")
    put_source("my-exports", "later.jsonl", b'{"id": "i2", "amount": 1}\n')
    settings = {"exports": "my-exports"}
    for key, expected in (("day.csv", ["ü1"]), ("later.jsonl", ["i2"])):
        document = run_first(handler, {"source": {"kind": "s3", "bucket": "my-exports", "key": key}}, settings=settings)
        assert [record["id"] for record in document["data"]] == expected


@pytest.mark.usefixtures("aws")
def test_a_setting_of_each_environment_has_the_value_of_the_tests() -> None:
    put_source("acme-test", "day.jsonl", b'{"id": "i3", "amount": 2}\n')
    sent = {"source": {"kind": "s3", "bucket": "acme-test", "key": "day.jsonl"}}
    document = run_first(handler, sent, settings={"exports": "acme-${Environment}"})
    assert [record["id"] for record in document["data"]] == ["i3"]


@pytest.mark.usefixtures("aws")
def test_items_are_plain_and_sorted_by_their_keys() -> None:
    put = [{"PK": "p", "SK": f"{number:03}", "n": number, "parts": [{"x": 0.1}, None]} for number in range(120)]
    put_items(RATINGS, reversed(put))
    assert items(RATINGS) == put
    put_items(RATINGS, [{"PK": "p", "SK": "000"}])
    assert items(RATINGS) == [{"PK": "p", "SK": "000"}, *put[1:]]


@pytest.mark.usefixtures("aws")
def test_events_are_all_that_the_bus_has_taken_in_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert events() == []
    run(handler, [GOOD])
    with refuse_entries(0, times=2):
        run(handler, [GOOD | {"id": "i3"}], execution="execution-2")
    with refuse_entries(0, times=100), pytest.raises(TransientStageError):
        run(handler, [GOOD | {"id": "i4"}])
    assert events() == [{"invoice": "i1"}, {"invoice": "i3"}]


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("execution", ["execution-1", "execution-2"])
def test_rejected_lines_and_the_error_are_those_of_the_last_run(execution: str) -> None:
    with pytest.raises(PermanentStageError, match="an invoice is wrong"):
        run(handler, [HIGH, WRONG])
    line = {"code": LIMIT_EXCEEDED, "reason": "above the limit", "limit": "10", "record": HIGH}
    assert rejected() == [line]
    assert (error()["errorType"], error()["details"]) == ("PermanentStageError", {"id": "wrong"})
    run(handler, [GOOD], execution=execution)
    assert rejected() == []
    with pytest.raises(UsageError, match=r"^the last run has not failed, so there is no error\.json; expect a failure"):
        error()


@pytest.mark.usefixtures("aws")
def test_each_test_begins_with_nothing() -> None:
    assert (items(RATINGS), events()) == ([], [])
    with pytest.raises(UsageError, match=r"^no handler has run in this test; call run or run_first before$"):
        rejected()


@pytest.mark.usefixtures("aws")
def test_a_table_that_no_handler_declares_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^no handler has table 'rating' in its NEEDS; did you mean ratings\?"):
        items(Table(name="rating", partition_key="PK"))


@pytest.mark.parametrize(
    "use",
    [
        lambda: run(handler, []),
        lambda: run_first(handler, message([])),
        lambda: put_source("my-exports", "key", ""),
        lambda: put_items(RATINGS, []),
        lambda: items(RATINGS),
        events,
        rejected,
        error,
    ],
    ids=["run", "run_first", "put_source", "put_items", "items", "events", "rejected", "error"],
)
def test_without_the_fixture_nothing_is_asked_of_aws(use: Callable[[], object]) -> None:
    with pytest.raises(UsageError) as refused:
        use()
    assert str(refused.value) == (
        "the test does not use the fixture aws, without which AWS itself would be called; write "
        '`pytestmark = pytest.mark.usefixtures("aws")` into its module'
    )


def test_without_moto_the_test_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moto", None)
    with pytest.raises(pytest.fail.Exception) as failed:
        testing._load_emulator()
    assert str(failed.value) == "the fixture aws needs moto; install the extra: .venv/bin/pip install -e '.[local]'"


def test_the_plugin_loads_no_aws_library_before_a_test_uses_it() -> None:
    heavy = {"moto", "boto3", "botocore", "templates", "troposphere", "ceap.local"}
    code = f"import sys; import ceap.testing; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


OF_THE_MACHINE = {
    "AWS_ACCESS_KEY_ID": "mine",
    "AWS_SECRET_ACCESS_KEY": "mine",
    "AWS_PROFILE": "mine",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
}
TEST = """
import os

import pytest

from handlers.runtime.aws import client


def test_a_client_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert client("s3").meta.endpoint_url == os.environ["AWS_ENDPOINT_URL_S3"]


@pytest.mark.usefixtures("aws")
def test_aws_is_emulated_all_the_same() -> None:
    assert client("s3").meta.endpoint_url == "https://s3.eu-central-1.amazonaws.com"
    assert [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]] == ["workflow-bucket"]
"""


def test_aws_is_emulated_whatever_the_machine_is_set_up_for_and_whatever_ran_before(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(TEST)
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text("[default]\nendpoint_url = http://127.0.0.1:9\n")
    environment = {**os.environ, **OF_THE_MACHINE, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    done = subprocess.run(
        [*command, "--rootdir", str(tmp_path), str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()[-1].split(" in ")[0]) == (0, "2 passed"), done.stdout


ASK = reference.load_stage("ask")


@pytest.mark.usefixtures("aws")
def test_a_handler_reads_the_secrets_and_parameters_that_a_test_has_put() -> None:
    client("sqs").create_queue(QueueName=ASK.QUEUE)
    testing.make_bucket(ASK.BUCKET)
    for key, url in (("old", "https://old.example"), ("new", "https://new.example")):
        put_secret(ASK.VENDOR_KEY, key)
        put_parameter(ASK.VENDOR_URL, url)
        [signed] = run(ASK.handler, [{"id": "r1"}])["data"]
        assert signed["url"] == url
        assert signed["signature"] == hashlib.sha256(key.encode() + b'{"id":"r1"}').hexdigest()


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("put", [put_secret, put_parameter])
def test_a_name_that_no_handler_declares_cannot_be_put(put: Callable[[str, str], None]) -> None:
    with pytest.raises(UsageError, match="no handler has 'vendor/key-test' in its NEEDS; write the name as it stands"):
        put("vendor/key-test", "x")


@pytest.mark.usefixtures("aws")
def test_a_secret_that_no_test_has_put_is_not_there() -> None:
    with pytest.raises(PermanentStageError, match="create secret vendor/key-test with a text"):
        run(ASK.handler, [{"id": "r1"}])
