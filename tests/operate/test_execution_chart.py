from __future__ import annotations

import msgspec
import pytest

from ceap.graph.chart import Outcome
from ceap.graph.read import read_chart
from ceap.operate.attempts import Attempt
from ceap.operate.execution_chart import outcome_of, with_execution
from ceap.operate.trace_model import ExecutionStory, Output, StageFailure, StageStory
from templates.model import StepKind
from tests.graph.support import template_of
from tests.reference import EXPRESS

OUTPUT = Output(size_bytes=10, written=3.0)
FAILED = StageFailure(written=3.0, error="TransientStageError", message="slow")


def attempt(number: int, status: str, started: float, ended: float | None, error: str | None = None) -> Attempt:
    return Attempt(
        stage="TakeStage",
        number=number,
        status=status,  # type: ignore[arg-type]
        started=started,
        ended=ended,
        error=error,
        cause="c" * 200 if error else None,
    )


def story(
    attempts: tuple[Attempt, ...] = (), output: Output | None = None, failure: StageFailure | None = None
) -> StageStory:
    return StageStory(stage="TakeStage", kind=StepKind.LAMBDA, attempts=attempts, output=output, failure=failure)


def test_a_stage_has_the_outcome_of_its_last_attempt_and_the_time_of_all() -> None:
    attempts = (attempt(1, "FAILED", 0.0, 1.0, "E"), attempt(2, "SUCCEEDED", 21.0, 22.5))
    assert outcome_of(story(attempts, OUTPUT)) == Outcome("SUCCEEDED", 2, 22.5)


def test_the_last_error_is_shown_short() -> None:
    outcome = outcome_of(story((attempt(1, "FAILED", 0.0, 1.0, "E"),), failure=FAILED))
    assert (outcome.status, outcome.error) == ("FAILED", f"E: {'c' * 77}...")


def test_a_stage_that_runs_has_no_duration_yet() -> None:
    assert outcome_of(story((attempt(1, "RUNNING", 0.0, None),))) == Outcome("RUNNING", 1, None)


@pytest.mark.parametrize(
    ("output", "failure", "expected"),
    [
        (OUTPUT, None, Outcome("SUCCEEDED", 0)),
        (OUTPUT, FAILED, Outcome("SUCCEEDED", 0)),  # a retry wrote the output
        (None, FAILED, Outcome("FAILED", 0, error="TransientStageError")),
        (None, None, Outcome("NOT_RUN", 0)),
    ],
)
def test_objects_decide_where_no_log_tells_of_attempts(
    output: Output | None, failure: StageFailure | None, expected: Outcome
) -> None:
    assert outcome_of(story(output=output, failure=failure)) == expected


def test_a_stage_that_a_replay_skipped_says_so() -> None:
    skipped = StageStory(stage="TakeStage", kind=StepKind.LAMBDA, is_skipped=True)
    assert outcome_of(skipped) == Outcome("SKIPPED", 0)


@pytest.mark.parametrize(
    ("attempts", "failure", "expected"),
    [
        ((attempt(1, "FAILED", 0.0, 1.0, "E"),), None, "FAILED"),
        ((), FAILED, "FAILED"),
        ((), None, "NOT_RUN"),
    ],
)
def test_a_copied_output_says_nothing_of_a_stage_that_did_not_return(
    attempts: tuple[Attempt, ...], failure: StageFailure | None, expected: str
) -> None:
    copied = story(attempts, msgspec.structs.replace(OUTPUT, copied_from="before"), failure)
    assert outcome_of(copied).status == expected
    assert copied.is_seen == (expected != "NOT_RUN")


def test_the_chart_names_the_execution_and_leaves_states_that_are_no_stages() -> None:
    execution = ExecutionStory(
        name="x",
        arn=None,
        status="TIMED_OUT",
        told_by="its log",
        started=0.0,
        ended=90.0,
        stages=(story(output=OUTPUT),),
    )
    chart = with_execution(read_chart(template_of(EXPRESS)), execution)
    assert chart.execution == "execution x: timed out, as its log told, started 1970-01-01 00:00:00 UTC, 1 m 30 s"
    outcomes = {block.title: block.outcome for block in chart.states}
    assert (outcomes["ReceiveMessage"], outcomes["TakeStage"]) == (None, Outcome("SUCCEEDED", 0))
