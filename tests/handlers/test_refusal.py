"""What a stage with side effects cannot take is refused before it has any, wherever in its input it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec
import pytest

from handlers import reactive, score, store
from handlers.candidates.candidate import Candidate
from handlers.runtime import document
from handlers.runtime.contract import PermanentStageError, TransientStageError, output_key
from handlers.runtime.stage import WorkflowLambdaHandler
from tests.handlers.support import (
    EXECUTION,
    calls,
    candidate,
    error,
    get_object,
    keys,
    message,
    put_object,
    run,
    run_on,
    write_output,
)

pytestmark = pytest.mark.usefixtures("aws")

STAGES: dict[str, WorkflowLambdaHandler[Any, Any]] = {
    "score": score.handler,
    "store": store.handler,
    "reactive": reactive.handler,
}
KEY = output_key(EXECUTION, "BeforeStage")
# More than the largest batch of a stage, and more bytes than are read with the footer: what is wrong comes late.
COUNT, LATE = 600, 400
GOOD = [candidate(f"c{number}") for number in range(COUNT)]


@contextmanager
def no_side_effect() -> Iterator[None]:
    with ExitStack() as stack:
        seen = [stack.enter_context(calls(service)) for service in ("dynamodb", "events")]
        yield
    assert seen == [[], []]


def refused(handler: WorkflowLambdaHandler[Any, Any], fault: str) -> None:
    with no_side_effect(), pytest.raises(PermanentStageError, match=fault):
        run(handler, "OwnStage", previous="BeforeStage")
    assert error("OwnStage")["errorType"] == "PermanentStageError"
    assert output_key(EXECUTION, "OwnStage") not in keys()


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
        pytest.param(lambda body: body[: body.rindex(b"\n]")], "no footer", id="no footer"),
        pytest.param(lambda body: body.replace(b'Count":600', b'Count":601'), "states 601 records", id="a wrong count"),
        pytest.param(lambda body: b"\xef\xbb\xbf" + body, "byte-order mark", id="a byte-order mark"),
        pytest.param(lambda body: body.replace(b"\n", b"\r\n"), "carriage return", id="CRLF"),
        pytest.param(change_record(b"{", b"?"), rf"record {LATE + 1} \(line {LATE + 2}\) is wrong", id="no JSON"),
        pytest.param(change_record(b'"c400"', b"400"), "Expected `str`, got `int`", id="a wrong type"),
        pytest.param(change_record(b'"customerId"', b'"id"'), "missing required field", id="a missing field"),
        pytest.param(change_record(b'"c400"', b'"\xff"'), "record 401", id="bad UTF-8"),
        pytest.param(
            change_record(b'"o1"', b'"o1","metadata":{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
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
    write_output("BeforeStage", [*GOOD[: count - 1], {"customerId": "c1"}])
    refused(handler, f"record {count} ")


@pytest.mark.parametrize("handler", STAGES.values(), ids=STAGES)
def test_a_line_that_is_longer_than_the_limit_is_refused_before_any_side_effect(
    handler: WorkflowLambdaHandler[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "LINE_BYTES", 100_000)
    write_output("BeforeStage", [*GOOD, candidate(timingWindow="x" * 100_000)])
    refused(handler, "a line is longer than 100000 bytes")


@pytest.mark.parametrize("handler", STAGES.values(), ids=STAGES)
def test_a_message_that_is_wrong_anywhere_is_refused_before_any_side_effect(
    handler: WorkflowLambdaHandler[Any, Any],
) -> None:
    with no_side_effect(), pytest.raises(PermanentStageError, match="record 301 of the message is none"):
        run(handler, "OwnStage", initial_data=message([*GOOD[:300], {"customerId": "c1"}]))


def without_context(kind: str) -> Candidate:
    given = candidate()
    return msgspec.structs.replace(given, context=[context for context in given.context if context.type != kind])


LONG = "\U0001f600" * 255
UNFIT = [
    pytest.param(("store", "reactive"), without_context("program"), "no context of type program", id="no program"),
    pytest.param(("store", "reactive"), without_context("marketplace"), "of type marketplace", id="no marketplace"),
    pytest.param(("store",), candidate(timingWindow="x" * 10_000_000), "content of its item", id="an item of 10 MB"),
    pytest.param(
        ("reactive",), candidate(timingWindow="x" * 10_000_000), "its event would have", id="an event of 10 MB"
    ),
    pytest.param(
        ("store",), candidate(subject=LONG), "the sort key of its item would have 1034 bytes", id="a long key"
    ),
    pytest.param(
        ("score", "reactive"),
        msgspec.structs.replace(
            candidate(LONG, subject=LONG), subject=msgspec.structs.replace(candidate().subject, type=LONG, id=LONG)
        ),
        "the partition key of its item would have",
        id="a long partition key",
    ),
]


@pytest.mark.parametrize(("names", "unfit", "fault"), UNFIT)
def test_a_record_that_its_table_or_bus_can_never_take_is_refused_before_any_side_effect(
    names: Iterable[str], unfit: Candidate, fault: str
) -> None:
    for name in names:
        write_output("BeforeStage", [*GOOD[:300], unfit])
        refused(STAGES[name], f"record 301 of the input: .*{fault}")


def test_a_record_of_10_mb_goes_through_stages_whose_tables_need_not_hold_it() -> None:
    text = "x\u2028" * 2_500_000
    assert run_on(score.handler, [candidate(timingWindow=text)])["data"][0]["attributes"]["timingWindow"] == text


@pytest.mark.parametrize("handler", STAGES.values(), ids=STAGES)
def test_a_document_without_records_and_a_line_separator_in_a_string_are_fine(
    handler: WorkflowLambdaHandler[Any, Any],
) -> None:
    assert run_on(handler, [])["data"] == []
    assert run_on(handler, [candidate("c\u2028\u2029\r")])["data"][0]["customerId"] == "c\u2028\u2029\r"


def test_a_document_that_is_replaced_between_its_check_and_its_use_is_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    write_output("BeforeStage", GOOD)
    verify = WorkflowLambdaHandler._verify

    def replace_after(handler: Any, records: Any) -> None:
        verify(handler, records)
        put_object(KEY, get_object(KEY) + b" ")

    monkeypatch.setattr(WorkflowLambdaHandler, "_verify", replace_after)
    with no_side_effect(), pytest.raises(TransientStageError, match="PreconditionFailed"):
        run(store.handler, "OwnStage", previous="BeforeStage")
