"""Redriving executions of a STANDARD workflow: which, what of it, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ceap.aws.executions import arn_of, describe
from ceap.aws.moment import now_of
from ceap.errors import CommandError, UsageError
from ceap.local.executions import Execution
from ceap.operate.redrive import token_of
from ceap.operate.selection import Wanted, _beginning, named
from tests.local.support import document_of, statuses
from tests.operate.failing import DAY_S, STACK, STAGES, run, small_workflow, travel
from tests.operate.redriving import CALL, call, drain, lines, refusal
from tests.operated import Operated


@pytest.fixture(scope="module")
def small() -> Iterator[Operated]:
    """The workflow, which the tests of this module share: each has executions of its own."""
    with small_workflow() as found:
        yield found


@pytest.fixture
def begin(small: Operated) -> float:
    """The moment, by which `--since` takes the executions of one test only."""
    travel(10)
    return now_of(small.aws)


def test_an_execution_is_redriven_in_place_from_the_stage_that_failed(small: Operated) -> None:
    execution = run(small, "SiftStage")
    assert execution.status == "FAILED"
    report = call(small, execution.name)
    assert lines(report) == [f"redriven      {execution.name}  SiftStage", "1 redriven"]
    assert (execution.status, execution.redrives) == ("SUCCEEDED", 1)
    assert [statuses(execution, stage) for stage in STAGES] == [["SUCCEEDED"], ["FAILED", "SUCCEEDED"], ["SUCCEEDED"]]
    assert document_of(small.deployed, execution, "RateStage")["executionId"] == execution.name
    assert not report.has_failed


def test_an_execution_may_be_named_by_its_arn_and_the_first_stage_needs_no_input(small: Operated) -> None:
    execution = run(small, "TakeStage")
    travel(8 * DAY_S)
    call(small, execution.arn)
    assert execution.status == "SUCCEEDED"


def test_what_runs_or_has_succeeded_is_refused(small: Operated) -> None:
    execution = run(small)
    assert refusal(call(small, execution.name)) == (
        "nothing failed: it is SUCCEEDED, so there is nothing to redrive; "
        f"`ceap replay {CALL} {execution.name} --again` processes its message again"
    )
    execution.status = "RUNNING"
    assert refusal(call(small, execution.name)) == "nothing failed: it is RUNNING, so there is nothing to redrive"
    execution.status = "SUCCEEDED"


def test_the_beginning_of_a_name_is_enough_if_it_is_that_of_one_failed_execution(small: Operated) -> None:
    execution, other = run(small, "SiftStage"), run(small, "SiftStage")
    found = named(small.aws, small.workflow, [execution.name[:12], execution.name, other.arn[:-8]])
    assert [(each.execution.name, each.execution.error) for each in found] == [
        (execution.name, "PermanentStageError"),
        (other.name, "PermanentStageError"),
    ]
    listing = [found[0].execution, found[1].execution]
    with pytest.raises(UsageError, match=r"^: 2 failed executions begin so: .*; give more$"):
        _beginning(small.aws, [arn_of(small.workflow.machine, "")], listing)


def test_an_unknown_execution_is_refused_before_any_is_redriven(small: Operated) -> None:
    execution = run(small, "SiftStage")
    with pytest.raises(UsageError, match=r"^nobody: no execution of ceap-standard-dev has this name, and none that "):
        call(small, execution.name, "nobody")
    with pytest.raises(UsageError, match=f"^{execution.name[:3]}: no execution of ceap-standard-dev has this name"):
        call(small, execution.name[:3])
    other = execution.arn.replace("standard", "other")
    with pytest.raises(UsageError, match=r"is not an execution of .*:stateMachine:ceap-standard-dev; name one of"):
        call(small, other)
    assert execution.redrives == 0


def test_after_14_days_aws_redrives_no_more_and_its_reason_is_told(small: Operated, begin: float) -> None:
    execution = run(small, "TakeStage")
    travel(14 * DAY_S + 60)
    assert refusal(call(small, execution.name)) == (
        "AWS redrives them no more: it ended 14 d ago, and AWS redrives it no more: Execution redrivable period "
        f"exceeded; `ceap replay {CALL} {execution.name}` processes its message again"
    )
    told: list[str] = []
    assert lines(call(small, since_s=begin, told=told)) == ["nothing to redrive"]
    assert told == [
        "ceap-standard-dev: 1 execution failed more than 14 d ago: AWS redrives none of them; `ceap replay "
        f"{CALL} --failed` processes their messages again"
    ]


def test_an_input_that_has_expired_is_refused_before_the_call(small: Operated) -> None:
    execution = run(small, "SiftStage")
    travel(8 * DAY_S)
    report = call(small, execution.name)
    assert refusal(report) == (
        f"inputs expired: its input s3://{small.deployed.bucket}/executions/{execution.name}/TakeStage/output.json has "
        f"expired or was removed; `ceap replay {CALL} {execution.name}` starts again from its message"
    )
    assert lines(report)[-1] == "0 redriven, 1 refused (1 inputs expired)"
    assert (execution.status, execution.redrives) == ("FAILED", 0)


def test_an_input_that_expires_soon_is_told(small: Operated) -> None:
    execution = run(small, "SiftStage")
    assert call(small, execution.name, dry_run=True).planned[0].notes == ()
    expires = call(small, execution.name, dry_run=True).planned[0].input_expires
    assert expires is not None
    assert 7 * DAY_S < expires - execution.started <= 8 * DAY_S
    assert expires % DAY_S == 0
    travel(expires - now_of(small.aws) - 3 * 3600)
    [note] = call(small, execution.name, dry_run=True).planned[0].notes
    assert note.startswith(("its input expires in 2 h 59 m, at ", "its input expires in 3 h, at "))


def test_all_that_failed_are_redriven_the_earliest_end_first(small: Operated, begin: float) -> None:
    first, second, _ = run(small, "SiftStage"), run(small, "RateStage"), run(small)
    asked: list[str] = []

    def consent(question: str) -> bool:
        asked.append(question)
        return True

    report = call(small, since_s=begin, consent=consent)
    assert lines(report) == [
        f"redriven      {first.name}  SiftStage",
        f"redriven      {second.name}  RateStage",
        "2 redriven",
    ]
    assert asked == ["ceap-standard-dev: redrive 2 executions?"]
    assert [each.status for each in (first, second)] == ["SUCCEEDED", "SUCCEEDED"]
    assert lines(call(small, since_s=begin)) == ["nothing to redrive"]


def test_without_consent_nothing_is_redriven(small: Operated, begin: float) -> None:
    executions = [run(small, "SiftStage"), run(small, "SiftStage")]
    told: list[str] = []
    with pytest.raises(CommandError, match=r"^ceap-standard-dev: not confirmed, so nothing was redriven$"):
        call(small, since_s=begin, consent=lambda _: False, told=told)
    assert told == [f"to redrive    {each.name}  SiftStage" for each in executions]
    assert [each.redrives for each in executions] == [0, 0]


def test_a_dry_run_lists_and_redrives_nothing(small: Operated, begin: float) -> None:
    execution = run(small, "SiftStage")
    assert lines(call(small, since_s=begin, dry_run=True)) == [
        f"to redrive    {execution.name}  SiftStage",
        "1 to redrive",
    ]
    assert execution.redrives == 0


def test_failed_executions_are_chosen_by_error_stage_time_and_number(small: Operated, begin: float) -> None:
    sift, rate = run(small, "SiftStage"), run(small, "RateStage", error="PermanentStageError")
    taken = run(small, "TakeStage")

    def names(**chosen: Any) -> list[str]:
        return [each.execution.name for each in call(small, dry_run=True, **{"since_s": begin, **chosen}).planned]

    assert names() == [sift.name, rate.name, taken.name]
    assert names(wanted=Wanted(error="permanentstage")) == [sift.name, rate.name, taken.name]
    assert names(wanted=Wanted(error="NoSuchError")) == []
    assert names(wanted=Wanted(state="RateStage")) == [rate.name]
    assert names(limit=2) == [sift.name, rate.name]
    assert names(since_s=taken.ended - 0.01) == [taken.name]
    with pytest.raises(UsageError, match=r"^--stage SiftStag: did you mean SiftStage\? allowed: TakeStage, "):
        names(wanted=Wanted(state="SiftStag"))


def test_it_waits_for_the_ends_and_tells_what_failed_again(small: Operated, begin: float) -> None:
    good, bad = run(small, "SiftStage"), run(small, "RateStage")
    small.engine.functions.inject(f"{STACK}-Rate", "PermanentStageError", 2)
    told: list[str] = []
    report = call(small, since_s=begin, wait=True, told=told)
    small.engine.functions.inject(f"{STACK}-Rate", "PermanentStageError", 0)
    assert {each.candidate.execution.name: each.status for each in report.redriven} == {
        good.name: "FAILED",
        bad.name: "FAILED",
    }
    assert lines(report)[0].startswith(
        f"failed again  {good.name}  SiftStage; FAILED: PermanentStageError: This failure "
    )
    assert lines(report)[-1] == "2 redriven, 2 failed again"
    assert report.has_failed
    assert lines(call(small, since_s=begin, wait=True))[-1] == "2 redriven, 2 succeeded"


def test_an_answer_of_aws_from_before_the_redrive_is_not_its_end(small: Operated) -> None:
    execution = run(small, "SiftStage")
    states = small.aws.client("stepfunctions")
    real, late = states.describe_execution, [states.describe_execution(executionArn=execution.arn)]

    def answer(**given: str) -> Any:
        return late.pop() if execution.redrives and late else real(**given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(states, "describe_execution", answer)
        assert lines(call(small, execution.name, wait=True))[-1] == "1 redriven, 1 succeeded"
    assert late == []


def test_two_who_redrive_at_once_redrive_once(small: Operated) -> None:
    execution = run(small, "SiftStage")
    states = small.aws.client("stepfunctions")
    real, seen_by_the_other = states.redrive_execution, describe(small.aws, execution.arn)

    def twice(**given: str) -> Any:
        real(executionArn=execution.arn, clientToken=token_of(seen_by_the_other))
        return real(**given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(states, "redrive_execution", twice)
        assert lines(call(small, execution.name))[-1] == "1 redriven"
    assert (execution.status, execution.redrives) == ("SUCCEEDED", 1)


def test_a_redrive_that_aws_does_not_accept_is_a_refusal_and_the_others_go_on(small: Operated, begin: float) -> None:
    first, second = run(small, "SiftStage"), run(small, "SiftStage")
    states = small.aws.client("stepfunctions")
    real = states.redrive_execution

    def stolen(**given: str) -> Any:
        if given["executionArn"] == first.arn:
            real(executionArn=first.arn)
        return real(**given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(states, "redrive_execution", stolen)
        report = call(small, since_s=begin)
    [refused] = report.refused
    assert refused.reason == (
        f"AWS: Execution {first.arn} invalid for redrive as: Execution is RUNNING and cannot be redriven"
    )
    assert lines(report)[-1] == "1 redriven, 1 refused (1 not accepted by AWS)"
    assert second.redrives == 1


def test_an_interruption_tells_how_far_it_came_and_the_same_call_does_the_rest(small: Operated, begin: float) -> None:
    first, second = run(small, "SiftStage"), run(small, "SiftStage")
    states = small.aws.client("stepfunctions")
    real = states.redrive_execution

    def interrupted(**given: str) -> Any:
        if given["executionArn"] == second.arn:
            raise KeyboardInterrupt
        return real(**given)

    told: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(states, "redrive_execution", interrupted)
        with pytest.raises(KeyboardInterrupt):
            call(small, since_s=begin, told=told)
    assert told[-1] == "redriven 1 of 2; the same command goes on with the others"
    drain(small)
    assert lines(call(small, since_s=begin)) == [f"redriven      {second.name}  SiftStage", "1 redriven"]
    assert (first.redrives, second.redrives) == (1, 1)


def test_what_was_replayed_is_redriven_only_when_asked_for(small: Operated) -> None:
    execution = run(small, "SiftStage")
    replay = small.aws.client("stepfunctions").start_execution(
        stateMachineArn=execution.machine, name=f"{execution.name}-replay-1", input=execution.input
    )
    drain(small)
    assert refusal(call(small, execution.name)) == (
        f"replayed already: it was replayed as {execution.name}-replay-1 (SUCCEEDED): a redrive, too, would process "
        "its message twice; give --again for that"
    )
    assert replay["executionArn"].endswith("-replay-1")
    assert lines(call(small, execution.name, again=True))[-1] == "1 redriven"


def test_an_express_workflow_has_nothing_to_redrive(express: Operated) -> None:
    with pytest.raises(UsageError) as refused:
        call(express)
    assert str(refused.value) == (
        "ceap-express-dev is EXPRESS: there is nothing to redrive, as the message of a failed execution is in the "
        f"queue again, or in the dead-letter queue: `ceap replay {CALL} --dead-letters`"
    )


def test_what_was_stopped_or_timed_out_is_redriven_too(small: Operated, begin: float) -> None:
    execution: Execution = run(small, "SiftStage")
    for status in ("ABORTED", "TIMED_OUT"):
        execution.status = status
        assert [each.execution.name for each in call(small, since_s=begin, dry_run=True).planned] == [execution.name]
