"""What a run tells of its stages while it goes on: attempts, lines and failures, without an engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ceap.local.executions import Attempt, Execution
from ceap.local.jobs import Job
from ceap.local.progress import Printed, Progress
from ceap.local.workers import Function, Outcome
from handlers.runtime.contract import output_key
from handlers.runtime.needs import LEGACY_VARIABLE
from tests.local.test_workers import function

FUNCTION = function(Path("/unpacked"))
BRIDGE = FUNCTION._replace(
    handler="handlers.runtime.legacy.handler",
    environment={LEGACY_VARIABLE: "arn:aws:lambda:eu-central-1:123456789012:function:Rate:live"},
)
EVENT = {"executionId": "e", "currentStage": "A"}
EXECUTION = Execution(arn="e", name="e", machine="m", input="")


class Told(Progress):
    """Keeps what is told of one execution of a stage A."""

    def __init__(self, *, logs: bool = False) -> None:
        self.said: list[str] = []
        super().__init__(self.said.append, messages=1, logs=logs, metrics=False, all_frames=False)
        self.follow(EXECUTION, None)

    def fail(self, number: int, *lines: int, printed: tuple[str, ...] = ()) -> None:
        """Tell of an attempt that failed with frames of those lines of a handler; of none: without an exception."""
        error = "ValueError"
        for line in printed:
            self.hear(FUNCTION, EVENT, line)
        if lines:
            frames = [["/unpacked/handlers/a.py", line, "f", None] for line in lines]
            failure = {"causes": [{"type": error, "text": "t", "frames": frames, "halted": []}], "record": None}
            payload = json.dumps({"errorType": error, "errorMessage": "t"})
            self.end(FUNCTION, EVENT, Outcome(payload, True, list(printed), 0.1, 1, failure))
        attempt = Attempt(state="A", number=number, status="FAILED", started=0, ended=1, error="Own", cause="c")
        self.follow(EXECUTION, attempt)


def test_failures_at_the_same_place_are_one_whatever_led_there() -> None:
    told = Told()
    for number, lines in enumerate([(1, 9), (2, 9), (1, 8)], 1):
        told.fail(number, *lines)
    assert [line for line in told.failures() if not line.startswith("    ")] == [
        "",
        "A failed in attempt 1",
        "  ValueError: t, at handlers/a.py:9",
        "  again in attempt 2",
        "",
        "A failed in attempt 3",
        "  ValueError: t, at handlers/a.py:8",
    ]


@pytest.mark.parametrize(
    ("failures", "reasons"),
    [
        ([(9,), (8,)], {("e", "A"): "ValueError: t, at handlers/a.py:8"}),
        ([(9,), ()], {}),  # such as at the timeout of the task
    ],
)
def test_the_reason_of_a_stage_is_that_of_its_last_attempt(
    failures: list[tuple[int, ...]], reasons: dict[tuple[str, str], str]
) -> None:
    told = Told()
    for number, lines in enumerate(failures, 1):
        told.fail(number, *lines)
    assert told.reasons() == reasons


@pytest.mark.parametrize("logs", [False, True])
def test_the_last_lines_of_a_failed_attempt_are_shown_unless_all_were(logs: bool) -> None:
    told = Told(logs=logs)
    told.fail(1, 9, printed=tuple(f"line {number}" for number in range(30)))
    tail = ["  20 last lines that it printed:", *(f"  | line {number}" for number in range(10, 30))]
    assert told.failures()[4:] == ([] if logs else tail)


def test_each_attempt_has_the_lines_that_it_printed() -> None:
    told = Told()
    for number, printed in enumerate([("one", "two"), (), ("three",)], 1):
        told.fail(number, 9, printed=printed)
    assert told.printed() == [
        Printed("e", "A", 1, ["one", "two"]),
        Printed("e", "A", 2, []),
        Printed("e", "A", 3, ["three"]),
    ]
    assert told.log_files() == {"executions/e/logs/A.log": b"one\ntwo\nthree\n"}


def test_the_lines_of_a_job_are_shown_at_its_stage_and_those_of_spark_only_kept() -> None:
    told = Told()
    job = Job("heavy", "arn", "role", "s3://b/heavy.py", {}, timeout_min=1, concurrent_runs=1)
    arguments = {"--execution-id": "e", "--output-key": output_key("e", "HeavyStage")}
    told.hear_job(job, arguments, "3 records", is_error=False)
    told.hear_job(job, arguments, "WARN Utils", is_error=True)
    told.hear_job(job, {}, "begun by hand", is_error=False)
    assert told.said[1:] == [f"  {'HeavyStage':<20} | 3 records", f"  {'heavy':<20} | begun by hand"]
    assert told.log_files() == {
        "executions/e/logs/HeavyStage.log": b"3 records\nWARN Utils\n",
        "executions/-/logs/heavy.log": b"begun by hand\n",
    }


def test_every_line_of_an_exception_that_is_logged_stands_behind_its_stage() -> None:
    trace = 'Traceback (most recent call last):\n  File "/unpacked/handlers/a.py", line 9, in f\nKeyError: 1'
    told = Told(logs=True)
    told.hear(FUNCTION, EVENT, json.dumps({"level": "ERROR", "message": "m", "exception": trace}))
    assert told.said[1:] == [
        f"  {'A':<20} | ERROR   m",
        f"  {'A':<20} |   KeyError: 1",
        f"  {'A':<20} |     handlers/a.py:9 in f",
    ]


def outcome(error: str, file: str) -> Outcome:
    """Return a failed invocation, with an exception at line 3 of a file."""
    failure = {"causes": [{"type": error, "text": "t", "frames": [[file, 3, "f", None]], "halted": []}], "record": None}
    return Outcome(json.dumps({"errorType": error, "errorMessage": "t"}), True, [], 0.1, 1, failure)


@pytest.mark.parametrize(
    ("stage", "headline", "details"),
    [
        (BRIDGE, "Rate failed: KeyError: t, at rate.py:3", ["rate.py:3 in f"]),
        (
            FUNCTION._replace(handler="handlers.a.handler"),
            "OwnError: t, at handlers/a.py:3",
            ["handlers/a.py:3 in f", "Rate failed: KeyError: t, at rate.py:3", "rate.py:3 in f"],
        ),
    ],
)
def test_the_failure_of_a_called_function_is_that_of_the_stage_which_only_calls_it(
    stage: Function, headline: str, details: list[str]
) -> None:
    told = Told()
    called = FUNCTION._replace(name="Rate", root=Path("/rate"), home=Path("rate"))
    told.hear(called, EVENT, "called")
    told.end_called(called, EVENT, outcome("KeyError", "/rate/rate.py"))
    told.end(stage, EVENT, outcome("OwnError", "/unpacked/handlers/a.py"))
    told.follow(EXECUTION, Attempt(state="A", number=1, status="FAILED", started=0, ended=1, error="E", cause="c"))
    _, _, first, *rest = told.failures()
    assert first == f"  {headline}"
    tail = ["  1 last line that it printed:", "  | called"]
    assert [line.strip() for line in rest] == [*details, *(line.strip() for line in tail)]


def test_a_stage_whose_function_lived_with_the_failure_of_another_fails_by_itself() -> None:
    """The function returned something, which the stage refused."""
    told = Told()
    told.end_called(FUNCTION._replace(name="Other"), EVENT, outcome("KeyError", "/unpacked/other.py"))
    told.end(BRIDGE, EVENT, outcome("OwnError", "/unpacked/handlers/a.py"))
    told.follow(EXECUTION, Attempt(state="A", number=1, status="FAILED", started=0, ended=1, error="E", cause="c"))
    _, _, first, *rest = [line.strip() for line in told.failures()]
    assert first == "OwnError: t, at handlers/a.py:3"
    assert "Other failed: KeyError: t" in "\n".join(rest)


def test_a_called_function_that_failed_is_not_told_of_a_later_attempt(tmp_path: Path) -> None:
    told, stage = Told(), BRIDGE
    called = FUNCTION._replace(name="Rate", root=tmp_path, home=tmp_path)
    told.end_called(called, EVENT, outcome("KeyError", f"{tmp_path}/rate.py"))
    for number in (1, 2):
        told.end(stage, EVENT, outcome("OwnError", "/unpacked/handlers/a.py"))
        attempt = Attempt(state="A", number=number, status="FAILED", started=0, ended=1, error="E", cause="c")
        told.follow(EXECUTION, attempt)
    assert [line for line in told.failures() if line.startswith("  ") and line[2] != " "] == [
        "  Rate failed: KeyError: t, at rate.py:3",
        "  OwnError: t, at handlers/a.py:3",
    ]
