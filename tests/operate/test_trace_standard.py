"""The story of executions of a STANDARD workflow, from Step Functions, Glue and their objects."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import dedent

import pytest

from ceap.errors import CommandError, UsageError
from ceap.local.clock import CLOCK
from ceap.operate import finding
from ceap.operate.execution_chart import outcome_of
from ceap.operate.replay_from import replay_from
from ceap.operate.trace_text import trace_lines
from tests.local.support import deploy_standard, standard_template
from tests.operate.traced import CALL, back_in_time, screen, search_in, trace_of
from tests.operated import Operated, operated
from tests.reference import MESSAGE

__all__ = ["back_in_time"]

TAKE, KEEP, JOB = "ceap-standard-dev-Take", "ceap-standard-dev-Keep", "ceap-standard-dev-HeavyGlue"
LOG = "/aws/vendedlogs/states/ceap-standard-dev"


@pytest.fixture(scope="module")
def standard() -> Iterator[Operated]:
    """A workflow whose Glue job is in the middle, and always fails: no Spark is started."""
    with operated(
        "standard", lambda engine: deploy_standard(engine, standard_template("TakeStage", "KeepStage"))
    ) as it:
        yield it


@pytest.fixture(scope="module")
def glue() -> Iterator[Operated]:
    template = standard_template("HeavyGlueStage", "KeepStage")
    with operated("standard", lambda engine: deploy_standard(engine, template)) as found:
        yield found


def send(standard: Operated, body: str = MESSAGE) -> str:
    """Send a message, let all be done, and return its id."""
    message = standard.engine.send(standard.deployed.queue, body)
    standard.engine.drain()
    return message


def wait(seconds: float) -> None:
    moment = CLOCK.now() + seconds
    assert CLOCK.jump(lambda: moment, CLOCK.ended)


def failed(standard: Operated) -> tuple[str, str]:
    """Let an execution fail at its last stage; return the id of its message, and its name."""
    standard.engine.functions.inject(KEEP, "PermanentStageError", 1)
    return send(standard), standard.engine.executions[-1].name


def test_an_execution_that_failed_was_redriven_and_succeeded_is_told_attempt_by_attempt(standard: Operated) -> None:
    message, name = failed(standard)
    before = trace_of(standard, message)
    assert before.next.command == f"ceap redrive {CALL} {name}"
    assert before.next.text == "correct the cause, then redrive the execution from KeepStage"
    states = standard.engine.client("stepfunctions")
    states.redrive_execution(executionArn=standard.engine.executions[-1].arn)
    standard.engine.drain()
    assert screen(trace_of(standard, message)) == dedent("""\
        message ID-1
          sent DATE
          received 1 time when its last execution started, first at DATE
        execution ID-2
          SUCCEEDED, as Step Functions says
          started DATE, N s, receive 1 of its message
          redriven 1 time, last DATE
          TakeStage     TIME attempt 1 SUCCEEDED in N s
                        TIME rejected.jsonl, N bytes
                          ID_MISSING: id is missing
                        TIME output.json, N bytes
                          6 in + 0 expanded = 5 out + 1 rejected + 0 merged + 0 stale
                          rejected by code: ID_MISSING 1
          KeepStage     TIME attempt 1 FAILED in N s: PermanentStageError: ASKED FOR
                        redrive 1
                        TIME attempt 2 SUCCEEDED in N s
                        TIME output.json, N bytes
                          5 in + 0 expanded = 5 out + 0 rejected + 0 merged + 0 stale
        now   not in the queue: the pipe deleted it when it had started the execution, whose input keeps it
        next  nothing to do: execution ID-2 succeeded""")


def test_an_execution_is_found_by_message_name_beginning_and_arn(standard: Operated) -> None:
    message = send(standard)
    execution = standard.engine.executions[-1]
    by_message = screen(trace_of(standard, message))
    for what in (execution.name, execution.name[:13], execution.arn):
        assert screen(trace_of(standard, what)) == by_message, what


def test_without_a_log_the_message_is_looked_for_in_the_inputs_of_executions(
    standard: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = send(standard)
    monkeypatch.setattr(finding, "read_lines", lambda *_, **__: iter(()))
    monkeypatch.setattr(finding, "_TELL_EACH", 1)
    told: list[str] = []
    found = finding.find(search_in(standard, told=told), message)
    assert [seen.execution.name for seen in found.executions] == [standard.engine.executions[-1].name]
    assert told[0] == "1 executions asked for their message"
    with pytest.raises(
        CommandError, match=r"no trace of a message or an execution since .* in the executions of ceap-"
    ):
        trace_of(standard, "11111111-2222-3333-4444-555555555555")


def test_a_replay_is_told_with_what_it_repeats(standard: Operated) -> None:
    message, name = failed(standard)
    states, first = standard.engine.client("stepfunctions"), standard.engine.executions[-1]
    states.start_execution(stateMachineArn=first.machine, name=f"{name}-replay-1", input=first.input)
    standard.engine.drain()
    for what in (message, name, f"{name}-replay-1"):
        story = trace_of(standard, what)
        assert [(each.name, each.status) for each in story.executions] == [
            (name, "FAILED"),
            (f"{name}-replay-1", "SUCCEEDED"),
        ]
        assert story.next.text == f"nothing to do: execution {name}-replay-1 succeeded"


def test_a_stage_that_a_replay_skipped_is_told_with_where_its_output_is_from(standard: Operated) -> None:
    message, name = failed(standard)
    replay = f"{name}-replay-1"
    replay_from(standard.aws, standard.workflow, name, "KeepStage", replay, dry_run=False, say=lambda _: None)
    standard.engine.drain()
    first, second = trace_of(standard, message, lines=True).executions
    assert (first.status, second.status, second.name) == ("FAILED", "SUCCEEDED", replay)
    skipped, kept = second.stages
    assert skipped.output is not None
    assert (skipped.is_skipped, skipped.output.copied_from) == (True, name)
    assert (kept.is_skipped, kept.output is not None) == (False, True)
    # The line of the skipped stage names the first execution, and is not one of its lines.
    assert not any("stage skipped" in line.message for line in first.stages[0].lines)
    assert any("stage skipped" in line.message for line in skipped.lines)
    assert f"copied from execution {name}: the stage was skipped" in "\n".join(trace_lines(trace_of(standard, replay)))


def test_a_stage_that_failed_in_a_replay_was_not_skipped_though_its_output_is_a_copy(standard: Operated) -> None:
    _, name = failed(standard)
    replay = f"{name}-replay-1"
    standard.engine.functions.inject(TAKE, "PermanentStageError", 1)
    replay_from(standard.aws, standard.workflow, name, "KeepStage", replay, dry_run=False, say=lambda _: None)
    standard.engine.drain()
    execution = trace_of(standard, replay).executions[-1]
    take, keep = execution.stages
    assert take.output is not None
    assert (take.output.copied_from, take.is_skipped, execution.failed_stage) == (name, False, take)
    assert [outcome_of(stage).status for stage in (take, keep)] == ["FAILED", "NOT_RUN"]
    assert "the stage was skipped" not in "\n".join(trace_lines(trace_of(standard, replay)))


def test_of_several_executions_that_begin_alike_one_has_to_be_named(standard: Operated) -> None:
    states, machine = standard.engine.client("stepfunctions"), standard.workflow.machine
    for name in ("alike-one", "alike-two"):
        states.start_execution(stateMachineArn=machine, name=name, input="[]")
    standard.engine.drain()
    with pytest.raises(UsageError, match="alike: 2 executions begin so: alike-one, alike-two; give more"):
        trace_of(standard, "alike")
    story = trace_of(standard, "alike-one")
    assert (story.messages, story.place) == ((), "there is no message: somebody started the execution, not the pipe")


def test_once_its_objects_have_expired_an_execution_is_to_be_replayed_not_redriven(standard: Operated) -> None:
    message, name = failed(standard)
    wait(8 * 86_400)
    standard.engine.drain()
    story = trace_of(standard, message)
    assert story.executions[0].expired
    assert "  no objects: what it wrote has expired after 7 days" in screen(story)
    assert story.next.command == f"ceap replay {CALL} {name}"
    assert "the outputs of its stages have expired" in story.next.text
    wait(7 * 86_400)
    assert "it ended more than 14 days ago" in trace_of(standard, name).next.text


def test_runs_of_a_glue_job_are_told_with_state_and_error(glue: Operated) -> None:
    glue.engine.jobs.inject(JOB, "JobError", 3)
    story = trace_of(glue, send(glue))
    assert screen(story) == dedent("""\
        message ID-1
          sent DATE
          received 1 time when its last execution started, first at DATE
        execution ID-2
          FAILED at HeavyGlueStage, as Step Functions says
          started DATE, N s, receive 1 of its message
          initial/output.json, N bytes: the message, for the job
          HeavyGlueStage  TIME attempt 1 FAILED in N s: States.TaskFailed: JobError: ASKED FOR
                          TIME job run jr_ID FAILED in N s
                          TIME attempt 2 FAILED in N s: the same error again
                          TIME job run jr_ID FAILED in N s
                          TIME attempt 3 FAILED in N s: the same error again
                          TIME job run jr_ID FAILED in N s
                          no output.json
          KeepStage       not reached
        now   not in the queue: the pipe deleted it when it had started the execution, whose input keeps it
        next  redrive the execution from HeavyGlueStage: ceap redrive --env dev express.yaml ID-2""")


def test_a_job_that_ran_is_told_with_its_output_and_its_lines(glue: Operated) -> None:
    story = trace_of(glue, send(glue), lines=True)
    job = story.executions[0].stages[0]
    assert [run.state for run in job.runs] == ["SUCCEEDED"]
    assert job.output is not None
    assert job.output.counts is not None
    assert job.output.counts.records_in == 6
    assert any(line.group == "/aws-glue/jobs/ceap-standard-dev-HeavyGlue/output" for line in job.lines)
