"""The story of messages of an EXPRESS workflow, from its log and its objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import dedent
from typing import Any

import pytest

from ceap.aws.executions import express_events
from ceap.errors import CommandError, UsageError
from ceap.local.clock import CLOCK
from ceap.operate import finding
from tests.operate.traced import CALL, back_in_time, screen, search_in, trace_of, write_lines
from tests.operated import Operated
from tests.reference import MESSAGE

__all__ = ["back_in_time"]

RATE = "ceap-express-dev-Rate"
LOG = "/aws/vendedlogs/states/ceap-express-dev"


@pytest.fixture(autouse=True)
def without_failures(express: Operated) -> Iterator[None]:
    yield
    express.engine.functions.inject(RATE, "TransientStageError", 0)


def send(express: Operated, body: str = MESSAGE, *, once: bool = False) -> str:
    """Send a message, let all be done, and return its id."""
    message = express.engine.send(express.deployed.queue, body)
    express.engine.drain(once=once)
    return message


def wait(seconds: float) -> None:
    moment = CLOCK.now() + seconds
    assert CLOCK.jump(lambda: moment, CLOCK.ended)


@contextmanager
def without_log(express: Operated) -> Iterator[None]:
    """Delete the log group of the state machine; afterwards there is an empty one."""
    logs = express.engine.client("logs")
    logs.delete_log_group(logGroupName=LOG)
    yield
    logs.create_log_group(logGroupName=LOG)


def test_a_message_that_failed_and_then_succeeded_is_told_from_receive_to_receive(express: Operated) -> None:
    express.engine.functions.inject(RATE, "TransientStageError", 4)
    story = trace_of(express, send(express))
    assert screen(story) == dedent("""\
        message ID-1
          sent DATE
          received 2 times when its last execution started, first at DATE
        execution ID-2
          FAILED at RateStage, as its log tells
          started DATE, N s, receive 1 of its message
          TakeStage     TIME attempt 1 SUCCEEDED in N s
                        TIME rejected.jsonl, N bytes
                          ID_MISSING: id is missing
                        TIME output.json, N bytes
                          6 in + 0 expanded = 5 out + 1 rejected + 0 merged + 0 stale
                          rejected by code: ID_MISSING 1
          SiftStage     TIME attempt 1 SUCCEEDED in N s
                        TIME rejected.jsonl, N bytes
                          DROPPED: the record says so
                        TIME output.json, N bytes
                          5 in + 0 expanded = 4 out + 1 rejected + 0 merged + 0 stale
                          rejected by code: DROPPED 1
          RateStage     TIME attempt 1 FAILED in N s: TransientStageError: ASKED FOR
                        TIME attempt 2 FAILED in N s: the same error again
                        TIME attempt 3 FAILED in N s: the same error again
                        no output.json
                        | TIME  [ERROR] TransientStageError: ASKED FOR
          KeepStage     not reached
          TellStage     not reached
        execution ID-3
          SUCCEEDED, as its log tells
          started DATE, N s, receive 2 of its message
          TakeStage     TIME attempt 1 SUCCEEDED in N s
                        TIME rejected.jsonl, N bytes
                          ID_MISSING: id is missing
                        TIME output.json, N bytes
                          6 in + 0 expanded = 5 out + 1 rejected + 0 merged + 0 stale
                          rejected by code: ID_MISSING 1
          SiftStage     TIME attempt 1 SUCCEEDED in N s
                        TIME rejected.jsonl, N bytes
                          DROPPED: the record says so
                        TIME output.json, N bytes
                          5 in + 0 expanded = 4 out + 1 rejected + 0 merged + 0 stale
                          rejected by code: DROPPED 1
          RateStage     TIME attempt 1 FAILED in N s: TransientStageError: ASKED FOR
                        TIME attempt 2 SUCCEEDED in N s
                        TIME output.json, N bytes
                          4 in + 0 expanded = 4 out + 0 rejected + 0 merged + 0 stale
          KeepStage     TIME attempt 1 SUCCEEDED in N s
                        TIME output.json, N bytes
                          4 in + 0 expanded = 4 out + 0 rejected + 0 merged + 0 stale
          TellStage     TIME attempt 1 SUCCEEDED in N s
                        TIME output.json, N bytes
                          4 in + 0 expanded = 4 out + 0 rejected + 0 merged + 0 stale
        now   not in the queue: the pipe deletes the message of an execution that succeeded
        next  nothing to do: execution ID-3 succeeded""")


def test_a_dead_letter_that_is_wrong_is_told_with_its_receives_and_is_not_to_be_replayed(
    express: Operated,
) -> None:
    message = send(express, "no JSON")
    wait(3600)
    story = trace_of(express, message)
    assert [(each.receive, each.status, each.error) for each in story.executions] == [
        (number, "FAILED", "PermanentStageError") for number in (1, 2, 3)
    ]
    failure = story.executions[-1].stages[0].failure
    assert failure is not None
    assert (failure.error, failure.details) == ("PermanentStageError", None)
    assert str(failure.message).startswith("the message is wrong: JSON is malformed")
    text = screen(story)
    assert "error.json says the same" in text
    assert story.place.startswith("in the dead-letter queue since about ")
    assert "the dead-letter queue 1 message waiting" in story.place
    runbook = "docs/runbook/recover.md#a-message-that-is-wrong"
    assert text.splitlines()[-1] == f"next  send a corrected message, as this one fails again: {runbook}"
    assert story.next.command == ""


def test_what_a_handler_raised_is_told_with_its_place(express: Operated) -> None:
    send(express, json.dumps({"source": {"kind": "inline", "records": [{"id": "r1"}]}}))
    name = express.engine.executions[-1].name
    stack = [
        "Traceback (most recent call last):\n",
        '  File "/var/task/handlers/runtime/stage.py", line 9, in _run\n',
        '  File "/var/task/handlers/price.py", line 33, in process_data\n',
        '  File "/var/task/msgspec/x.py", line 1, in f\n',
        "KeyError: 'CHF'\n",
        "\nThe above exception was the direct cause of the following exception:\n\n",
        '  File "/var/task/handlers/other.py", line 1, in g\n',
    ]
    told = {"errorType": "TransientStageError", "errorMessage": "unexpected KeyError", "cause": "KeyError('CHF')"}
    key, body = f"executions/{name}/KeepStage/error.json", json.dumps(told | {"stackTrace": stack})
    express.engine.client("s3").put_object(Bucket=express.deployed.bucket, Key=key, Body=body.encode())
    lines = screen(trace_of(express, name)).splitlines()
    at = next(number for number, line in enumerate(lines) if "error.json" in line)
    assert lines[at].endswith("TIME error.json: TransientStageError: unexpected KeyError")
    assert lines[at + 1].strip() == "KeyError('CHF'), at handlers/price.py:33"


def test_a_message_that_comes_back_is_said_to_be_hidden_until_then(express: Operated) -> None:
    story = trace_of(express, send(express, "still no JSON", once=True))
    assert [each.receive for each in story.executions] == [1]
    assert story.place.startswith("in the queue, hidden until about ")
    assert story.next.text.startswith("wait: the pipe receives the message again at about ")
    assert story.next.command == ""
    express.engine.drain()


def test_the_same_is_told_by_message_name_beginning_and_arn(express: Operated) -> None:
    message = send(express)
    execution = express.engine.executions[-1]
    by_message = screen(trace_of(express, message))
    for what in (execution.name, execution.name[:13], execution.arn):
        assert screen(trace_of(express, what)) == by_message, what


def test_where_the_log_finds_whole_words_alone_the_beginning_of_a_name_is_found_by_its_objects(
    express: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_words(*arguments: Any, term: str, **given: Any) -> Any:
        return iter(()) if len(term) < 36 else express_events(*arguments, term=term, **given)

    send(express)
    name = express.engine.executions[-1].name
    whole = screen(trace_of(express, name))
    monkeypatch.setattr(finding, "express_events", of_words)
    assert screen(trace_of(express, name[:11])) == whole


def test_objects_of_another_workflow_are_not_taken_for_an_execution(express: Operated) -> None:
    key = "executions/from-another-workflow/OtherStage/output.json"
    express.engine.client("s3").put_object(Bucket=express.deployed.bucket, Key=key, Body=b"{}")
    with pytest.raises(CommandError, match="no trace of"):
        trace_of(express, "from-another-workflow")


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("ab", "'ab': is no message id and no execution; give a message id"),
        ("a/b/c/d", "'a/b/c/d': is no message id and no execution"),
        ("arn:aws:states:us-east-1:123456789012:express:other:name:id", "is not an execution of arn:aws:states"),
    ],
)
def test_what_can_be_no_execution_is_refused(express: Operated, what: str, error: str) -> None:
    with pytest.raises(UsageError, match=error):
        trace_of(express, what)


def test_nothing_is_found_where_nothing_is_and_it_says_where_it_looked(express: Operated) -> None:
    with pytest.raises(CommandError) as raised:
        trace_of(express, "11111111-2222-3333-4444-555555555555")
    text = str(raised.value)
    assert f"in the log group {LOG} and s3://{express.deployed.bucket}/executions/: it has expired, was never" in text
    assert "look further back, e.g. --since 30d" in text


def test_records_and_details_of_errors_are_told_only_if_asked_for(express: Operated) -> None:
    message = send(express)
    plain, full = trace_of(express, message), trace_of(express, message, records=True)
    assert "amount" not in screen(plain)
    assert '"amount": 99' in screen(full)
    name = express.engine.executions[-1].name
    key = f"executions/{name}/KeepStage/error.json"
    body = json.dumps({"errorType": "E", "errorMessage": "m", "details": {"customer": "c7"}})
    express.engine.client("s3").put_object(Bucket=express.deployed.bucket, Key=key, Body=body.encode())
    assert "c7" not in screen(trace_of(express, name))
    assert "c7" in screen(trace_of(express, name, records=True))


def test_all_lines_of_all_stages_are_told_if_asked_for(express: Operated) -> None:
    story = trace_of(express, send(express), lines=True)
    [execution] = story.executions
    assert [
        [line.message for line in stage.lines if "stage started" in line.message] != [] for stage in execution.stages
    ]
    assert all(line.stage == stage.stage for stage in execution.stages for line in stage.lines)
    assert {len(stage.lines) for stage in execution.stages} == {4}


def test_the_trace_of_x_ray_is_told_if_a_line_holds_its_id(express: Operated) -> None:
    send(express)
    name = express.engine.executions[-1].name
    line = {
        "level": "INFO",
        "message": "m",
        "executionId": name,
        "xray_trace_id": "1-5759e988-bd862e3fe1be46a994272793",
    }
    write_lines(express, "/aws/lambda/ceap-express-dev-Take", "traced", json.dumps(line))
    assert "  X-Ray trace 1-5759e988-bd862e3fe1be46a994272793" in screen(trace_of(express, name)).splitlines()


def test_without_a_log_the_objects_decide_that_an_execution_succeeded(express: Operated) -> None:
    send(express)
    name = express.engine.executions[-1].name
    with without_log(express):
        [execution] = trace_of(express, name).executions
    assert (execution.status, execution.told_by) == ("SUCCEEDED", "its objects")
    assert [stage.output is not None for stage in execution.stages] == [True] * 5
    assert (execution.receive, execution.message) == (None, None)


def test_without_a_log_an_error_without_an_output_is_a_failure_once_time_is_over(express: Operated) -> None:
    send(express, "no JSON at all", once=True)
    name = express.engine.executions[-1].name
    with without_log(express):
        assert trace_of(express, name).executions[0].status == "RUNNING"
        wait(400)
        story = trace_of(express, name)
    assert (story.executions[0].status, story.executions[0].told_by) == ("FAILED", "its objects")
    assert story.place.startswith("not known: no log tells which message the execution took; the queue has ")
    assert story.next.command == f"ceap status {CALL}"
    express.engine.drain()


def test_an_execution_whose_end_was_not_delivered_and_that_left_no_error_is_unknown(
    express: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_ends(*arguments: Any, **given: Any) -> Iterator[Any]:
        return (event for event in express_events(*arguments, **given) if event.get("type") != "ExecutionFailed")

    monkeypatch.setattr(finding, "express_events", without_ends)
    express.engine.functions.inject(RATE, "PermanentStageError", 1)
    send(express, once=True)
    name = express.engine.executions[-1].name
    running = next(each for each in trace_of(express, name).executions if each.name == name)
    assert (running.status, running.told_by) == ("RUNNING", "its log")
    wait(400)
    ended = next(each for each in trace_of(express, name).executions if each.name == name)
    assert (ended.status, ended.told_by) == ("UNKNOWN", "its objects")
    express.engine.drain()


def test_after_eight_days_an_execution_is_gone_for_the_time_that_is_asked_by_default(express: Operated) -> None:
    message = send(express)
    wait(8 * 86_400)
    express.engine.drain()
    with pytest.raises(CommandError, match="no trace of a message or an EXPRESS execution"):
        trace_of(express, message)
    story = trace_of(express, message, since="9d")
    assert [(each.status, each.expired) for each in story.executions] == [("SUCCEEDED", True)]
    assert "no objects: what it wrote has expired after 7 days" in screen(story)


def test_the_search_begins_seven_days_ago(express: Operated) -> None:
    assert CLOCK.now() - search_in(express).since == pytest.approx(7 * 86_400, abs=5)
