from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ceap.testing import BUCKET, EXECUTION, Invocation, Json, message, write_output
from handlers.runtime.context import StageContext
from handlers.runtime.contract import PermanentStageError, output_key
from handlers.runtime.document import EDGE_BYTES, CopiedHeader, encode_document
from handlers.runtime.message import Message
from handlers.runtime.needs import Needs
from handlers.runtime.replay import is_replay, read_skip
from handlers.runtime.stage import WorkflowLambdaHandler
from tests.handlers.conftest import Log
from tests.handlers.metric_lines import measured
from tests.handlers.support import calls, keys, put_object

pytestmark = pytest.mark.usefixtures("aws")

REPLAY = f"{EXECUTION}-replay-1"
SKIPPED = {"status": "SUCCESS", "stage": "OwnStage", "recordsProcessed": 0, "errorMessage": None}
LIKE_A_MESSAGE = {"source": {"kind": "inline", "records": []}}


class Settings(msgspec.Struct, frozen=True):
    """None."""


class Work(WorkflowLambdaHandler[Json, Settings]):
    """Notes that it was called."""

    message_type: ClassVar[type[Message]] = Message
    called: ClassVar[int] = 0

    def process_data(self, records: Iterator[Json], stage: StageContext[Settings]) -> Iterator[Json]:
        Work.called += 1
        return records


WORK = Work(Needs(settings=Settings))


def skip(*stages: str, execution: str = REPLAY, copied_from: str = EXECUTION) -> Json:
    return {"executionId": execution, "copiedFrom": copied_from, "skip": list(stages)}


def write_copy(*stages: str, records: list[Any] | None = None, execution: str = REPLAY) -> None:
    """Write a document of BeforeStage that was copied for a replay which skips these stages."""
    header = CopiedHeader(
        execution_id=execution, stage="BeforeStage", started_at="2026-01-02T03:04:05Z", copied_from="x", skip=stages
    )
    body = b"".join(encode_document(header, records or [], lambda count: {"outputRecordCount": count}))
    put_object(output_key(execution, "BeforeStage"), body)


def call(*, initial_data: Any = None, previous: str | None = None, execution: str = REPLAY) -> Json:
    Work.called = 0
    event = {"executionId": execution, "currentStage": "OwnStage", "previousStage": previous}
    return WORK(event | {"workflowBucket": BUCKET, "initialData": initial_data}, Invocation())


@pytest.mark.parametrize("form", [json.dumps, lambda value: value], ids=["text", "parsed"])
def test_a_first_stage_that_the_message_names_does_nothing_at_all(form: Any, log: Log) -> None:
    with calls("s3") as made:
        assert call(initial_data=form(skip("OwnStage"))) == SKIPPED
    assert (Work.called, made, keys()) == (0, [], [])
    assert [line["message"] for line in log.lines()] == ["stage started", "stage paths", "stage skipped"]
    assert log.lines()[-1]["copiedFrom"] == EXECUTION
    assert log.lines()[-1]["result"] == SKIPPED


def test_a_later_stage_that_its_input_names_reads_the_first_line_and_does_nothing_else(
    log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    write_copy("BeforeStage", "OwnStage", records=[{"text": "x" * 2 * EDGE_BYTES}])
    before = keys()
    with calls("s3") as made:
        assert call(previous="BeforeStage") == SKIPPED
    [(operation, asked)] = made
    assert (operation, asked["Range"]) == ("GetObject", f"bytes=0-{EDGE_BYTES - 1}")
    assert (Work.called, keys()) == (0, before)
    assert log.lines()[-1]["copiedFrom"] == "x"
    assert measured(capsys) == {}


def test_the_stage_that_a_replay_begins_at_takes_the_records_of_the_copy() -> None:
    write_copy("BeforeStage", records=[{"id": 1}, {"id": 2}])
    assert call(previous="BeforeStage")["recordsProcessed"] == 2
    assert Work.called == 1


def test_later_stages_of_a_replay_run() -> None:
    write_output("BeforeStage", [{"id": 1}], REPLAY)
    assert call(previous="BeforeStage")["recordsProcessed"] == 1


def test_a_message_that_is_replayed_from_its_start_is_run() -> None:
    assert call(initial_data=message([{"id": 1}]))["recordsProcessed"] == 1


@pytest.mark.parametrize("execution", [EXECUTION, "e-replay-", "e-replay-0", "e-replay-1x", "-replay-1", "e-replay-01"])
def test_in_any_other_execution_the_message_of_a_replay_is_a_wrong_message(execution: str) -> None:
    with pytest.raises(PermanentStageError, match="the message is wrong"):
        call(initial_data=json.dumps(skip("OwnStage", execution=execution)), execution=execution)
    assert not is_replay(execution)
    assert read_skip(skip("OwnStage", execution=execution), execution) is None


@pytest.mark.parametrize(
    "body",
    [
        skip("OwnStage", execution=f"{EXECUTION}-replay-2"),
        {"copiedFrom": EXECUTION, "skip": ["OwnStage"]},
        skip("OtherStage"),
        skip("OwnStage") | {"skip": []},
        skip("OwnStage") | {"skip": "OwnStage"},
        skip("OwnStage", copied_from=""),
    ],
    ids=["for another execution", "for none", "another stage", "no stage", "a text", "from nowhere"],
)
def test_in_a_replay_a_message_that_is_not_exactly_its_own_is_a_wrong_message(body: Json) -> None:
    with pytest.raises(PermanentStageError, match="the message is wrong"):
        call(initial_data=json.dumps(body))


def test_a_message_with_a_source_is_run_whatever_else_it_holds() -> None:
    assert call(initial_data=json.dumps(skip("OwnStage") | LIKE_A_MESSAGE)) == SKIPPED
    assert Work.called == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    root=st.uuids().map(str),
    number=st.none() | st.integers(1, 99),
    execution=st.none() | st.text(min_size=1, max_size=20),
    rest=st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)
def test_who_does_not_know_the_name_of_a_replay_cannot_make_it_skip(
    root: str, number: int | None, execution: str | None, rest: Json
) -> None:
    body = {"copiedFrom": "e", "skip": ["OwnStage"]} | ({"executionId": execution} if execution else {}) | rest
    assert read_skip(json.dumps(body), root if number is None else f"{root}-replay-{number}") is None


def test_an_execution_that_is_no_replay_makes_the_requests_that_it_always_made() -> None:
    made = {}
    for execution in (EXECUTION, REPLAY):
        write_output("BeforeStage", [{"id": 1}], execution)
        with calls("s3") as seen:
            call(previous="BeforeStage", execution=execution)
        made[execution] = [(operation, asked.get("Range")) for operation, asked in seen]
    ordinary = [("GetObject", f"bytes=-{EDGE_BYTES}"), ("PutObject", None)]
    assert made == {EXECUTION: ordinary, REPLAY: [("GetObject", f"bytes=0-{EDGE_BYTES - 1}"), *ordinary]}


def test_a_first_stage_of_no_replay_makes_no_request_but_for_its_output() -> None:
    with calls("s3") as made:
        call(initial_data=message([{"id": 1}]), execution=EXECUTION)
    assert [operation for operation, _ in made] == ["PutObject"]


def test_a_replay_whose_copy_is_missing_fails() -> None:
    with pytest.raises(PermanentStageError, match="BeforeStage should have written it"):
        call(previous="BeforeStage")


def test_a_copy_in_another_execution_than_a_replay_is_refused() -> None:
    write_copy("BeforeStage", "OwnStage", execution=EXECUTION)
    with pytest.raises(PermanentStageError, match="says that it is a copy"):
        call(previous="BeforeStage", execution=EXECUTION)
