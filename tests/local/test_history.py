"""Events of executions, as GetExecutionHistory and log groups have them."""

from __future__ import annotations

import json
from typing import Any

from ceap.local import history

ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:machine"
MOMENT = 1_790_201_713.392  # 2026-09-23T22:15:13.392Z


def event(kind: str, **details: Any) -> dict[str, Any]:
    return {"timestamp": MOMENT, "type": kind, "id": 3, "previousEventId": 2, "details": details}


def test_an_event_is_answered_with_the_details_of_its_kind() -> None:
    assert history.answered(event("TaskStateExited", name="T", output="1"), with_data=True) == {
        "timestamp": MOMENT,
        "type": "TaskStateExited",
        "id": 3,
        "previousEventId": 2,
        "stateExitedEventDetails": {"name": "T", "output": "1"},
    }


def test_without_data_an_event_keeps_its_names_and_errors() -> None:
    data = {"input": "1", "inputDetails": {}, "output": "2", "outputDetails": {}}
    answer = history.answered(event("TaskFailed", error="E", cause="c", **data), with_data=False)
    assert answer["taskFailedEventDetails"] == {"error": "E", "cause": "c"}


def test_a_log_entry_holds_texts_and_milliseconds() -> None:
    line = history.log_line(event("ExecutionFailed", error="E"), "arn:x", 1, with_data=True)
    assert json.loads(line) == {
        "details": {"error": "E"},
        "redrive_count": "1",
        "id": "3",
        "type": "ExecutionFailed",
        "previous_event_id": "2",
        "event_timestamp": "1790201713392",
        "execution_arn": "arn:x",
    }


def test_a_standard_machine_has_a_log_stream_an_hour_and_an_express_machine_one_a_minute() -> None:
    streams = [history.log_stream(ARN, is_express=is_express, moment=MOMENT) for is_express in (False, True)]
    spans = [stream.rpartition("/")[0] for stream in streams]
    assert spans == ["states/machine/2026-09-23-22", "states/machine/2026-09-23-22-15"]
    assert {len(stream.rpartition("/")[2]) for stream in streams} == {8}


def test_the_times_of_the_context_object_have_milliseconds() -> None:
    assert history.iso_time(MOMENT) == "2026-09-23T22:15:13.392Z"
    assert history.iso_time(1_790_201_713) == "2026-09-23T22:15:13.000Z"
