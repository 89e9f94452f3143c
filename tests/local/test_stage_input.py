"""What a stage is given that runs alone."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import handlers
from ceap.errors import UsageError
from ceap.local.stage_input import open_input
from handlers.runtime.contract import output_key
from templates import discovery
from templates.config import load_workflow

TYPED = """\
from collections.abc import Iterator
from typing import Any

import msgspec

from handlers.runtime.needs import BucketName, Needs
from handlers.runtime.stage import WorkflowLambdaHandler


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source_bucket: BucketName | None = None


class Order(msgspec.Struct, frozen=True):
    id: str
    amount: int


class TypedStage(WorkflowLambdaHandler[Order, Settings]):
    record_type = Order

    def process_data(self, records: Iterator[Order], stage: Any) -> Iterator[Order]:
        yield from records


NEEDS = Needs(settings=Settings, bucket_setting="source_bucket")
handler = TypedStage(NEEDS)
"""
FIRST = "name: orders\ntype: EXPRESS\nsteps:\n  - {stage: TypedStage, handler: typed}\n"
LATER = f"{FIRST}  - {{stage: OtherStage, handler: typed}}\n"
OF_A_BUCKET = FIRST.replace("typed}", "typed, settings: {source_bucket: my-exports}}")
HEADER = '{"executionId":"e","stage":"TypedStage","startedAt":"2026-01-02T03:04:05Z","data":['
FOOTER = '],"metadata":{"outputRecordCount":1}}'


class Given(NamedTuple):
    """What a stage was given, with the content of its object."""

    body: Any
    bucket: str | None
    key: str | None
    content: list[str]
    notes: tuple[str, ...]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A handler that takes orders; the current folder is that of its workflow."""
    write("handlers/typed.py", TYPED, tmp_path)
    monkeypatch.setattr(handlers, "__path__", [*handlers.__path__, str(tmp_path / "handlers")])
    monkeypatch.delitem(sys.modules, "handlers.typed", raising=False)
    monkeypatch.chdir(tmp_path)
    cached = (discovery.handler_names, discovery.load_needs, discovery.load_contract, discovery.tables)
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


def write(name: str, text: str, folder: Path = Path()) -> str:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return name


def given(declaration: str, name: str | None) -> Given:
    """Return what the last stage of a workflow is given; ids of executions read `e`."""
    workflow = load_workflow(Path(write("orders.yaml", declaration)))
    with open_input(workflow, workflow.lambda_steps[-1], name, Path("messages/orders.json")) as found:
        body = None if found.body is None else json.loads(found.body)
        if found.upload is None:
            return Given(body, None, None, [], found.notes)
        key = found.upload.key.replace(found.execution, "e")
        content = found.upload.content.read().decode().replace(found.execution, "e").splitlines()
        return Given(body, found.upload.bucket, key, content, found.notes)


def refused(declaration: str, name: str | None) -> str:
    with pytest.raises(UsageError) as refusal:
        given(declaration, name)
    return str(refusal.value)


def records(found: Given) -> list[Any]:
    """Return the records of a document that a stage is given as the one before would have written it."""
    header = json.loads(found.content[0] + "]}")
    assert (found.body, found.bucket, found.key) == (None, None, output_key("e", "TypedStage"))
    assert (header["executionId"], header["stage"]) == ("e", "TypedStage")
    document: dict[str, Any] = json.loads("".join(found.content))
    assert document["metadata"] == {"outputRecordCount": len(document["data"])}
    rows: list[Any] = document["data"]
    return rows


def test_a_message_is_taken_as_it_is() -> None:
    name = write("message.json", '{"source": {"kind": "inline", "records": []}, "program": "p"}')
    assert given(FIRST, name) == Given(json.loads(Path(name).read_bytes()), None, None, [], ())


def test_the_default_is_the_message_of_the_workflow() -> None:
    write("messages/orders.json", '{"source": {"kind": "inline", "records": []}}')
    assert given(FIRST, None).body == {"source": {"kind": "inline", "records": []}}


def test_a_message_from_standard_input_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"source": 1}')))
    assert given(FIRST, "-").body == {"source": 1}


def test_json_lines_for_a_first_stage_travel_in_the_message_and_the_stage_rejects_what_does_not_fit() -> None:
    write("messages/orders.json", '{"source": {"kind": "s3"}, "program": "p"}')
    name = write("rows.jsonl", '{"id": "o1", "amount": "many"}\n\n{"id": "o2", "amount": 2, "more": 1}\n')
    rows = [{"id": "o1", "amount": "many"}, {"id": "o2", "amount": 2, "more": 1}]
    assert given(FIRST, name).body == {"source": {"kind": "inline", "records": rows}, "program": "p"}


def test_csv_for_a_first_stage_gets_the_types_of_its_records() -> None:
    name = write("rows.CSV", "id,amount\no1,5\no2,many\n")
    rows = [{"id": "o1", "amount": 5}, {"id": "o2", "amount": "many"}]
    assert given(FIRST, name).body == {"source": {"kind": "inline", "records": rows}}


def test_a_file_for_a_stage_with_a_source_bucket_becomes_an_object_there() -> None:
    name = write("data/rows.csv", "id,amount\no1,many\n")
    source = {"kind": "s3", "bucket": "my-exports", "key": "rows.csv"}
    assert given(OF_A_BUCKET, name) == Given({"source": source}, "my-exports", "rows.csv", ["id,amount", "o1,many"], ())


def test_a_message_that_a_queue_would_refuse_for_its_size_is_said_to_be_one() -> None:
    name = write("rows.jsonl", f'{{"id": "{"o" * 130_000}"}}\n')
    note = "the message has 130,050 bytes, SQS allows 122,880; such a file needs a source bucket"
    assert given(FIRST, name).notes == (note,)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.jsonl", '{"id": "o1", "amount": 5, "more": 1}\n'),
        ("rows.ndjson", '\n{"id": "o1", "amount": 5}'),
        ("rows.csv", "amount,id\n5,o1\n"),
        ("output.json", f'{HEADER}\n{{"id": "o1", "amount": 5}}\n{FOOTER}\n'),
    ],
)
def test_records_for_a_later_stage_stand_where_the_stage_before_writes(name: str, text: str) -> None:
    found = given(LATER, write(name, text))
    assert (records(found), found.notes) == ([{"id": "o1", "amount": 5}], ())


def test_packed_records_are_unpacked() -> None:
    Path("rows.csv.gz").write_bytes(gzip.compress(b"id,amount\no1,5\n"))
    assert records(given(LATER, "rows.csv.gz")) == [{"id": "o1", "amount": 5}]


def test_records_from_standard_input_are_json_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"id": "o1", "amount": 5}\n')))
    assert records(given(LATER, "-")) == [{"id": "o1", "amount": 5}]
    assert not sys.stdin.closed


def test_records_from_a_pipe_are_json_lines() -> None:
    reader, writer = os.pipe()
    os.write(writer, b'{"id": "o1", "amount": 5}\n')
    os.close(writer)
    try:
        assert records(given(LATER, f"/dev/fd/{reader}")) == [{"id": "o1", "amount": 5}]
    finally:
        os.close(reader)


def test_an_empty_file_is_no_records() -> None:
    assert records(given(LATER, write("rows.jsonl", ""))) == []


def test_the_document_of_another_stage_is_taken_with_a_note() -> None:
    header = HEADER.replace("TypedStage", "OddStage")
    found = given(LATER, write("output.json", f'{header}\n{{"id": "o1", "amount": 5}}\n{FOOTER}\n'))
    assert records(found) == [{"id": "o1", "amount": 5}]
    by = "output.json was written by OddStage, not by TypedStage, which is the stage before; its records are taken"
    assert found.notes == (by,)


def test_of_a_run_that_was_kept_the_output_of_the_stage_before_is_taken() -> None:
    text = f'{HEADER}\n{{"id": "o1", "amount": 5}}\n{FOOTER}\n'
    write("runs/2026-01-02T030405Z/executions/e1/TypedStage/output.json", text)
    Path("runs/latest").symlink_to("2026-01-02T030405Z")
    assert records(given(LATER, "runs/latest")) == [{"id": "o1", "amount": 5}]
    write("runs/2026-01-02T030405Z/executions/e2/TypedStage/output.json", text)
    assert refused(LATER, "runs/latest").startswith("--input runs/latest: 2 executions have an output of TypedStage, ")


UNFIT = (
    "does not fit Order: Expected `int`, got `str` - at `$.amount`; correct the record, or the `record_type` of the "
)
DOCUMENT = (
    "(`],...`): it was cut short, or text follows the footer; correct the stage that wrote it, or give its records as "
    "JSON Lines or CSV in a file whose name ends in .jsonl or .csv"
)
CURE = "the message cannot be read: No such file or directory; write one, or name another with --input FILE"


@pytest.mark.parametrize(
    ("declaration", "name", "text", "message"),
    [
        (LATER, "rows.jsonl", '\n{"id": "o1", "amount": "5"}', f"line 2 of rows.jsonl {UNFIT}"),
        (LATER, "rows.csv", "id,amount\no1,many\n", f"line 2 of rows.csv {UNFIT}"),
        (LATER, "rows.jsonl", "id,amount", "line 1 of rows.jsonl is not a JSON object: JSON is malformed: "),
        (LATER, "rows.csv", "id;amount", "rows.csv separates its columns by semicolons; export it as CSV with commas"),
        (
            LATER,
            "rows.json",
            "[1]",
            f"rows.json is not a stage document: its last line is not a footer {DOCUMENT}",
        ),
        (LATER, "rows.json", f'{HEADER}\n{{"id": 1}}\n{FOOTER}', "record 1 of rows.json is not of type Order: "),
        (FIRST, "rows.jsonl", "id,amount", "line 1 of rows.jsonl is not a JSON object: JSON is malformed: "),
        (FIRST, "message.json", " ", "message.json: the message is empty; write a JSON document into it"),
    ],
)
def test_what_a_stage_could_never_take_is_refused_with_its_place(
    declaration: str, name: str, text: str, message: str
) -> None:
    assert refused(declaration, write(name, text)).startswith(message)


@pytest.mark.parametrize(
    ("declaration", "name", "message"),
    [
        (LATER, "none.json", "none.json: cannot be read: No such file or directory; name another file with --input"),
        (OF_A_BUCKET, ".jsonl", ".jsonl: cannot be read: No such file or directory; name another file with --input"),
        (FIRST, None, f"messages/orders.json: {CURE}"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_option(
    declaration: str, name: str | None, message: str
) -> None:
    assert refused(declaration, name) == message


OLD = "name: orders\ntype: STANDARD\nsteps:\n  - {stage: OldStage, legacy: OldFunctionArn}\n"


def test_an_existing_function_that_comes_first_takes_messages_of_its_own_form() -> None:
    assert given(OLD, write("message.json", '[1, {"any": "JSON"}]')).body == [1, {"any": "JSON"}]
    assert refused(OLD, write("orders.csv", "id\n1\n")) == (
        "orders.csv: OldStage is done by an existing function, whose messages ceap does not know; give what it takes "
        "as the text of a message, in a file of another name than orders.csv"
    )
