"""A malformed input is refused before any side effect; a record that a stage cannot take is rejected alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypeAlias

import msgspec
import pytest

from ceap.testing import EXECUTION, invoke, message, rejected, run, run_first, write_output
from handlers.runtime import document
from handlers.runtime import stage as stage_module
from handlers.runtime.context import StageContext
from handlers.runtime.contract import PermanentStageError, TransientStageError, output_key
from handlers.runtime.needs import Needs, Publish, Table
from handlers.runtime.records import BadRecordError
from handlers.runtime.stage import WorkflowLambdaHandler
from tests.handlers.support import declared, get_object, no_side_effect, put_object, refused, uses

pytestmark = pytest.mark.usefixtures("aws")

Identifier: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A record with fields that it must have."""

    id: Identifier
    amount: float = 1
    details: dict[str, Any] = {}


class Ledger(WorkflowLambdaHandler[Entry, Settings]):
    """Has its effects at the first record that it takes."""

    record_type = Entry

    def check_record(self, record: Entry, stage: StageContext[Settings]) -> None:
        if record.amount < 0:
            raise BadRecordError("AMOUNT_NEGATIVE", "its amount is below 0")


class Book(Ledger):
    """Writes each record to a table."""

    def process_data(self, records: Iterator[Entry], stage: StageContext[Settings]) -> Iterator[Entry]:
        table = stage.table(ENTRIES.name)
        for record in records:
            table.put_many([{"PK": record.id, "SK": "ENTRY"}])
            yield record


class Announce(Ledger):
    """Publishes each record."""

    def process_data(self, records: Iterator[Entry], stage: StageContext[Settings]) -> Iterator[Entry]:
        for record in records:
            stage.publish([{"id": record.id}])
            yield record


ENTRIES = Table("records", "PK", "SK")
STAGES: dict[str, WorkflowLambdaHandler[Any, Any]] = {
    "book": Book(Needs(settings=Settings, tables={ENTRIES: ("BatchWriteItem",)})),
    "announce": Announce(Needs(settings=Settings, events=Publish("source", "type"))),
}
KEY = output_key(EXECUTION, "BeforeStage")
# More than the largest batch of a stage, and more bytes than are read with the footer: what is wrong comes late.
COUNT, LATE = 600, 400
GOOD = [Entry(id=f"c{number}", details={"text": "x" * 300}) for number in range(COUNT)]


def change_record(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Change a text in the late record."""

    def change(body: bytes) -> bytes:
        lines = body.split(b"\n")
        lines[LATE + 1] = lines[LATE + 1].replace(old, new)
        assert lines != body.split(b"\n")
        return b"\n".join(lines)

    return change


@pytest.mark.parametrize("handler", STAGES.values(), ids=STAGES)
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        pytest.param(lambda body: b"", "it is empty", id="an empty object"),
        pytest.param(lambda body: body[:-100], "cut short", id="cut short"),
        pytest.param(lambda body: body[: body.rindex(b"\n]")], "not a footer", id="not a footer"),
        pytest.param(lambda body: body.replace(b'Count":600', b'Count":601'), "states 601 records", id="a wrong count"),
        pytest.param(lambda body: b"\xef\xbb\xbf" + body, "byte-order mark", id="a byte-order mark"),
        pytest.param(lambda body: body.replace(b"\n", b"\r\n"), "carriage return", id="CRLF"),
        pytest.param(change_record(b"{", b"?"), rf"record {LATE + 1} \(line {LATE + 2}\) is wrong", id="no JSON"),
        pytest.param(change_record(b'"c400"', b"400"), "Expected `str`, got `int`", id="a wrong type"),
        pytest.param(change_record(b'"id"', b'"no"'), "missing required field", id="a missing field"),
        pytest.param(change_record(b'"c400"', b'"\xff"'), "record 401", id="bad UTF-8"),
        pytest.param(
            change_record(b'"amount"', b'"more":' + b"[" * 20_000 + b"]" * 20_000 + b',"amount"'),
            "maximum recursion depth",
            id="brackets without end",
        ),
        pytest.param(change_record(b'"c400"', b'"' + b"c" * 256 + b'"'), "length <= 255", id="a long id"),
    ],
)
def test_a_document_that_is_wrong_anywhere_is_refused_before_any_side_effect(
    handler: WorkflowLambdaHandler[Any, Any], change: Callable[[bytes], bytes], fault: str
) -> None:
    write_output("BeforeStage", GOOD)
    put_object(KEY, change(get_object(KEY)))
    refused(handler, fault)


@pytest.mark.parametrize("handler", STAGES.values(), ids=STAGES)
@pytest.mark.parametrize("count", [3, COUNT])
def test_a_document_of_any_size_that_is_wrong_at_its_end_is_refused_before_any_side_effect(
    handler: WorkflowLambdaHandler[Any, Any], count: int
) -> None:
    write_output("BeforeStage", [*GOOD[: count - 1], {"no": "c1"}])
    refused(handler, f"record {count} ")


@pytest.mark.parametrize("handler", STAGES.values(), ids=STAGES)
def test_a_line_that_is_longer_than_the_limit_is_refused_before_any_side_effect(
    handler: WorkflowLambdaHandler[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "RECORD_BYTES", 100_000)
    write_output("BeforeStage", [*GOOD, Entry(id="long", details={"text": "x" * 100_000})])
    refused(handler, "a line is longer than 100000 bytes")


@pytest.mark.parametrize("handler", STAGES.values(), ids=STAGES)
def test_a_message_without_a_record_that_fits_is_refused_before_any_side_effect(
    handler: WorkflowLambdaHandler[Any, Any],
) -> None:
    with no_side_effect(), pytest.raises(PermanentStageError) as refusal:
        run_first(handler, message([{"no": "c1"}, {"id": 7}]))
    assert str(refusal.value).startswith(
        "none of the 2 records of the source can be taken (RECORD_INVALID 2); the first: record 1 of the message does "
        "not fit Entry: Object missing required field `id`; send records that fit, or put a stage first that makes "
        "them (OwnStage of execution "
    )


@pytest.mark.parametrize("handler", STAGES.values(), ids=STAGES)
def test_a_record_of_a_message_that_does_not_fit_is_rejected_and_the_others_go_on(
    handler: WorkflowLambdaHandler[Any, Any],
) -> None:
    given = {"id": "secret", "amount": "much"}
    document = run_first(handler, message([*GOOD[:2], given, GOOD[2]]))
    assert [record["id"] for record in document["data"]] == ["c0", "c1", "c2"]
    reason = "record 3 of the message does not fit Entry: Expected `float`, got `str` - at `$.amount`"
    assert rejected() == [{"code": "RECORD_INVALID", "reason": reason, "record": given}]


@pytest.mark.parametrize("handler", STAGES.values(), ids=STAGES)
def test_a_record_that_the_stage_refuses_itself_is_rejected_and_the_others_go_on(
    handler: WorkflowLambdaHandler[Any, Any],
) -> None:
    with uses() as (tables, events):
        document = run(handler, [*GOOD[:10], Entry(id="bad", amount=-1), *GOOD[10:20]])
    assert (tables, events) == declared(handler._needs)
    assert [record["id"] for record in document["data"]] == [entry.id for entry in GOOD[:20]]
    assert rejected() == [
        {
            "code": "AMOUNT_NEGATIVE",
            "reason": "its amount is below 0",
            "record": {"id": "bad", "amount": -1.0, "details": {}},
        }
    ]
    assert document["metadata"]["rejections"] == {"AMOUNT_NEGATIVE": 1}


@pytest.mark.parametrize("handler", STAGES.values(), ids=STAGES)
def test_a_record_of_a_message_that_the_stage_refuses_is_rejected_beside_rows_that_are_no_records(
    handler: WorkflowLambdaHandler[Any, Any],
) -> None:
    document = run_first(handler, message([{"id": "a", "amount": -1}, {"id": "b"}]))
    assert [record["id"] for record in document["data"]] == ["b"]
    assert document["metadata"]["rejections"] == {"AMOUNT_NEGATIVE": 1}


@pytest.mark.parametrize("handler", STAGES.values(), ids=STAGES)
def test_a_document_without_records_and_a_line_separator_in_a_string_are_fine(
    handler: WorkflowLambdaHandler[Any, Any],
) -> None:
    assert run(handler, [])["data"] == []
    assert run(handler, [Entry(id="c\u2028\u2029\r")])["data"][0]["id"] == "c\u2028\u2029\r"


def test_a_document_that_is_replaced_between_its_check_and_its_use_is_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    write_output("BeforeStage", GOOD)
    read_all = stage_module._read_all

    def replace_after(records: Any) -> None:
        read_all(records)
        put_object(KEY, get_object(KEY) + b" ")

    monkeypatch.setattr(stage_module, "_read_all", replace_after)
    with no_side_effect(), pytest.raises(TransientStageError, match="PreconditionFailed"):
        invoke(STAGES["book"], "OwnStage", previous="BeforeStage")
