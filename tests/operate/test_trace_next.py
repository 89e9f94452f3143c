"""Where a message is said to be, and what to do next, for all that may have become of its executions."""

from __future__ import annotations

from typing import Any

import pytest

from ceap.aws.flow import Messages
from ceap.operate.attempts import Attempt
from ceap.operate.trace_model import ExecutionStory, Output, RecordCounts, StageFailure, StageStory
from ceap.operate.trace_next import AGAIN_S, Flow, place_and_next
from ceap.operate.trace_text import _output
from templates.model import StepKind

DAY_S = 86_400
STARTED, ENDED, VISIBILITY_S = 1_000_000.0, 1_000_010.0, 1800.0
DUE = STARTED + VISIBILITY_S


def flow(*, is_express: bool) -> Flow:
    waiting, dead = Messages(waiting=4, in_flight=1), Messages(waiting=2, in_flight=0)
    return Flow(is_express, VISIBILITY_S, 3, waiting, dead, "--env dev w.yaml")


def execution(**fields: Any) -> ExecutionStory:
    given: dict[str, Any] = {
        "name": "one",
        "arn": "arn",
        "status": "FAILED",
        "told_by": "its log",
        "started": STARTED,
        "ended": ENDED,
        "stages": (StageStory(stage="A", kind=StepKind.LAMBDA),),
        "receive": 1,
        "message": "m1",
    }
    return ExecutionStory(**given | fields)


@pytest.mark.parametrize(
    ("fields", "now", "place", "command"),
    [
        ({"status": "SUCCEEDED"}, ENDED, "not in the queue: the pipe deletes", ""),
        ({"status": "RUNNING"}, ENDED, "in flight", "ceap logs --env dev w.yaml one --follow"),
        ({}, DUE - 1, "in the queue, hidden until about 1970-01-12 14:16:40 UTC; then the pipe receives it again", ""),
        ({}, DUE + AGAIN_S - 1, "in the queue, hidden until about", ""),
        ({}, DUE + AGAIN_S, "not known: it was to be received again", "ceap status --env dev w.yaml"),
        ({"receive": 3}, DUE - 1, "in the queue, hidden until about 1970-01-12 14:16:40 UTC; then SQS moves it", ""),
        (
            {"receive": 3},
            DUE,
            "in the dead-letter queue since about 1970-01-12 14:16:40 UTC, unless it was replayed or deleted; the "
            "queue has 4 messages waiting and 1 in flight, the dead-letter queue 2 messages waiting",
            "ceap replay --env dev w.yaml --dead-letters --message m1",
        ),
        ({"receive": None}, ENDED, "not known: no log tells which message", "ceap status --env dev w.yaml"),
        ({"status": "UNKNOWN", "receive": 3}, DUE, "in the dead-letter queue", "ceap replay --env dev w.yaml --dead-l"),
    ],
)
def test_of_an_express_message(fields: dict[str, Any], now: float, place: str, command: str) -> None:
    found, step = place_and_next(flow(is_express=True), [execution(**fields)], now)
    assert found.startswith(place)
    assert step.command.startswith(command)
    assert bool(step.command) == bool(command)


@pytest.mark.parametrize(
    ("fields", "now", "text", "command"),
    [
        ({"status": "SUCCEEDED"}, ENDED, "nothing to do: execution one succeeded", ""),
        ({"status": "RUNNING", "ended": None}, ENDED, "wait", "ceap logs --env dev w.yaml one --follow"),
        ({}, ENDED + DAY_S, "redrive the execution from where it failed", "ceap redrive --env dev w.yaml one"),
        (
            {"error": "PermanentStageError"},
            ENDED,
            "correct the cause, then redrive",
            "ceap redrive --env dev w.yaml one",
        ),
        ({"expired": True}, ENDED + 8 * DAY_S, "replay its message: the outputs", "ceap replay --env dev w.yaml one"),
        ({}, ENDED + 15 * DAY_S, "replay its message: it ended more than 14", "ceap replay --env dev w.yaml one"),
    ],
)
def test_of_a_standard_execution(fields: dict[str, Any], now: float, text: str, command: str) -> None:
    place, step = place_and_next(flow(is_express=False), [execution(**fields)], now)
    assert place.startswith("not in the queue: the pipe deleted it when it had started the execution")
    assert step.text.startswith(text)
    assert step.command == command


def test_a_success_leaves_nothing_to_do_for_failures_that_started_before_it() -> None:
    runs = [execution(name="one"), execution(name="two", status="RUNNING"), execution(name="done", status="SUCCEEDED")]
    for is_express in (True, False):
        _, step = place_and_next(flow(is_express=is_express), runs, ENDED)
        assert (step.text, step.command) == ("nothing to do: execution done succeeded", "")


@pytest.mark.parametrize(
    ("is_express", "status", "text", "command"),
    [
        (False, "FAILED", "redrive the execution from where it failed", "ceap redrive --env dev w.yaml again"),
        (False, "RUNNING", "wait: execution again runs; follow its lines", "ceap logs --env dev w.yaml again --follow"),
        (True, "FAILED", "replay the dead letter", "ceap replay --env dev w.yaml --dead-letters --message m1"),
    ],
)
def test_what_came_after_a_success_is_not_done(*, is_express: bool, status: str, text: str, command: str) -> None:
    runs = [
        execution(name="done", status="SUCCEEDED"),
        execution(name="again", status=status, started=DUE, ended=None, receive=3),
    ]
    _, step = place_and_next(flow(is_express=is_express), runs, DUE + 2 * VISIBILITY_S)
    assert (step.text, step.command) == (f"{text}; execution done succeeded before it", command)


UNEXPECTED = "unexpected KeyError; error.json has its text"


@pytest.mark.parametrize(
    ("message", "cause", "attempted", "cure"),
    [
        (UNEXPECTED, "KeyError('CHF')", UNEXPECTED, "correct handlers/price.py:33, deploy, then "),
        (UNEXPECTED, "KeyError('CHF')", None, "correct handlers/price.py:33, deploy, then "),
        (UNEXPECTED, "KeyError('CHF')", "Unable to import module", ""),  # error.json is of an attempt before
        ("slow", "KeyError('CHF')", "slow", ""),  # the handler itself called it transient
        (UNEXPECTED, "ClientError('ThrottlingException')", UNEXPECTED, ""),
        (UNEXPECTED, "EndpointConnectionError('no')", UNEXPECTED, ""),
    ],
)
def test_a_fault_of_a_handler_is_to_be_corrected_at_its_place_before_the_execution_goes_on(
    message: str, cause: str, attempted: str | None, cure: str
) -> None:
    place = "handlers/price.py:33"
    failure = StageFailure(written=1.0, error="TransientStageError", message=message, cause=cause, frame=place)
    last = Attempt(stage="A", number=3, status="FAILED", started=STARTED, cause=attempted)
    attempts = (last,) if attempted else ()
    stage = StageStory(stage="A", kind=StepKind.LAMBDA, attempts=attempts, failure=failure)
    run = execution(error="TransientStageError", stages=(stage,), receive=3)
    _, redrive = place_and_next(flow(is_express=False), [run], ENDED)
    assert redrive.text == f"{cure}redrive the execution from A"
    _, replay = place_and_next(flow(is_express=True), [run], DUE)
    assert replay.text == f"{cure}replay the dead letter"


@pytest.mark.parametrize("is_express", [False, True])
def test_a_message_that_is_wrong_is_neither_redriven_nor_replayed(*, is_express: bool) -> None:
    last = execution(error="PermanentStageError", cause="the message is wrong: JSON is malformed", receive=3)
    _, step = place_and_next(flow(is_express=is_express), [last], DUE)
    assert (step.text.partition(",")[0], step.command) == ("send a corrected message", "")


def test_a_module_that_cannot_be_imported_is_to_be_deployed_anew() -> None:
    _, step = place_and_next(flow(is_express=False), [execution(error="Runtime.ImportModuleError")], ENDED)
    assert step.text.startswith("correct the cause, deploy, then redrive")


def test_records_that_do_not_add_up_are_said_not_to() -> None:
    even = RecordCounts(records_in=3, expanded=1, out=1, rejected=1, merged=1, stale=1)
    lost = RecordCounts(records_in=4, expanded=1, out=1, rejected=1, merged=1, stale=1)
    assert (even.is_even, lost.is_even) == (True, False)
    assert equation(even) == "3 in + 1 expanded = 1 out + 1 rejected + 1 merged + 1 stale"
    assert equation(lost) == "4 in + 1 expanded is not 1 out + 1 rejected + 1 merged + 1 stale"


def equation(counts: RecordCounts) -> str:
    return list(_output(Output(size_bytes=1, written=0.0, counts=counts)))[1].strip()
