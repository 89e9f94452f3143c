"""Executions of a STANDARD workflow again: from their input, under names that AWS refuses twice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.executions import Execution, arn_of
from ceap.aws.moment import now_of
from ceap.errors import UsageError
from ceap.operate import replay_from
from ceap.operate.replay_executions import Repeat, Starting, Terms, candidates, judge, redrive_hint, start
from ceap.operate.replay_report import repeat_lines, repeat_summary
from ceap.operate.selection import Wanted, failed, failures, named
from handlers.runtime.replay import Skip
from tests.operate.failing import DAY_S, run, small_workflow, travel
from tests.operated import Operated

CALL = "--env dev workflows/standard.yaml"
ENDED = Execution(
    arn="arn:aws:states:us-east-1:1:execution:m:x", name="x", status="FAILED", started=0.0, ended=1.0, input="[{}]"
)


@pytest.fixture(scope="module")
def small() -> Iterator[Operated]:
    """The workflow, which the tests of this module share: each has executions of its own."""
    with small_workflow() as found:
        yield found


def replay(
    found: Operated, *names: str, again: bool = False, stage: str | None = None, slept: list[float] | None = None
) -> list[Repeat]:
    return repeat(found, named(found.aws, found.workflow, names), Terms(now_of(found.aws), again, stage), slept)


def repeat(found: Operated, chosen: Sequence[object], terms: Terms, slept: list[float] | None = None) -> list[Repeat]:
    sleep = (lambda _: None) if slept is None else slept.append
    starting = Starting(4, lambda _: None, sleep=sleep)
    planned = list(candidates(found.aws, found.workflow, chosen, terms))  # type: ignore[arg-type]
    return list(start(found.aws, found.workflow, planned, terms, starting))


def test_a_failed_execution_is_replayed_from_its_message(small: Operated) -> None:
    old = run(small, "SiftStage")
    [done] = replay(small, old.name)
    assert (done.fate, done.replay, done.stage) == ("started", f"{old.name}-replay-1", "SiftStage")
    new = small.engine.drain()[-1]
    assert (new.name, new.status) == (done.replay, "SUCCEEDED")
    assert new.input == old.input
    assert [attempt.state for attempt in new.attempts] == ["TakeStage", "SiftStage", "RateStage"]


def test_a_second_replay_is_refused_and_again_takes_the_next_number(small: Operated) -> None:
    old = run(small, "SiftStage")
    replay(small, old.name)
    small.engine.drain()
    count = len(small.engine.executions)
    [done] = replay(small, old.name)
    assert (done.fate, done.replay) == ("replayedBefore", f"{old.name}-replay-1")
    assert done.why == f"{old.name}-replay-1 is SUCCEEDED; --again replays it once more, as {old.name}-replay-2"
    assert len(small.engine.drain()) == count

    [done] = replay(small, old.name, again=True)
    assert (done.fate, done.replay) == ("started", f"{old.name}-replay-2")
    assert small.engine.drain()[-1].status == "SUCCEEDED"


def test_a_replay_that_failed_is_replayed_under_the_next_number(small: Operated) -> None:
    old = run(small, "SiftStage")
    replay(small, old.name)
    small.engine.functions.inject("ceap-standard-dev-Sift", "PermanentStageError", 1)
    first = small.engine.drain()[-1]
    assert (first.name, first.status) == (f"{old.name}-replay-1", "FAILED")
    [done] = replay(small, first.name)
    assert done.replay == f"{old.name}-replay-2"
    assert small.engine.drain()[-1].status == "SUCCEEDED"
    assert [each.fate for each in replay(small, old.name, first.name)] == ["replayedBefore"] * 2


def test_all_that_failed_are_replayed_once_whoever_asks_twice(small: Operated) -> None:
    travel(10)
    begin = now_of(small.aws)
    names = [run(small, stage).name for stage in ("SiftStage", "TakeStage", "SiftStage")]

    def call(state: str | None = None) -> list[Repeat]:
        chosen = failed(small.aws, small.workflow, Wanted(state=state), failures(small.aws, small.workflow, begin))
        return repeat(small, list(chosen), Terms(now_of(small.aws)), slept)

    slept: list[float] = []
    done = call("SiftStage")
    assert [(each.execution, each.fate) for each in done] == [(names[0], "started"), (names[2], "started")]
    assert slept == [0.25]
    small.engine.drain()
    done = call()
    assert [each.fate for each in done] == ["replayedBefore", "started", "replayedBefore"]
    small.engine.drain()
    assert repeat_summary(call()) == "3 replayed before"
    replays = [each for each in small.engine.executions if each.name.rpartition("-replay-")[0] in names]
    assert [each.status for each in replays] == ["SUCCEEDED"] * 3


def test_what_succeeded_is_replayed_only_when_asked_again(small: Operated) -> None:
    old = run(small)
    [done] = replay(small, old.name)
    assert (done.fate, done.why) == ("refused", "it succeeded; --again does its work a second time")
    [done] = replay(small, old.name, again=True)
    assert done.fate == "started"
    small.engine.drain()


def test_a_stage_to_begin_at_takes_over_what_the_stages_before_wrote(small: Operated) -> None:
    old = run(small, "RateStage")
    [done] = replay(small, old.name, stage="RateStage")
    assert done.fate == "started"
    assert any("begins at RateStage" in note for note in done.notes)
    new = small.engine.drain()[-1]
    assert (new.name, new.status) == (f"{old.name}-replay-1", "SUCCEEDED")

    [done] = replay(small, new.name, again=True)
    assert done.fate == "refused"
    assert done.why is not None
    assert done.why.startswith(f"it is itself a replay that skipped TakeStage, SiftStage; replay {old.name} from its")


@contextmanager
def refusing(found: Operated, operation: str, code: str, times: int) -> Iterator[None]:
    """Let AWS refuse a call about a replay, so many times."""
    left, name = [times], f"provide-client-params.sfn.{operation}"

    def refuse(params: dict[str, str], **_: object) -> None:
        if left[0] and params["executionArn"].endswith("-replay-1"):
            left[0] -= 1
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)

    events = found.aws.client("stepfunctions").meta.events
    events.register(name, refuse)
    try:
        yield
    finally:
        events.unregister(name, refuse)


@pytest.mark.parametrize(("code", "times"), [("ExecutionDoesNotExist", 1), ("ThrottlingException", 9)])
def test_aws_that_does_not_know_a_new_execution_yet_is_asked_again(small: Operated, code: str, times: int) -> None:
    old, slept = run(small, "RateStage"), list[float]()
    with refusing(small, "DescribeStateMachineForExecution", code, times):
        [done] = replay(small, old.name, stage="RateStage", slept=slept)
    assert (done.fate, done.replay, len(slept)) == ("started", f"{old.name}-replay-1", times)
    assert done.notes[-1].startswith("begins at RateStage")
    assert small.engine.drain()[-1].status == "SUCCEEDED"


@pytest.mark.parametrize(("code", "waits"), [("ExecutionDoesNotExist", 9), ("AccessDeniedException", 0)])
def test_a_replay_that_cannot_be_compared_is_told_as_started_with_the_others(
    small: Operated, code: str, waits: int
) -> None:
    names, slept = [run(small, "RateStage").name for _ in range(2)], list[float]()
    with refusing(small, "DescribeStateMachineForExecution", code, 10 if waits else 1):
        done = replay(small, *names, stage="RateStage", slept=slept)
    assert [(each.fate, each.replay) for each in done] == [("started", f"{name}-replay-1") for name in names]
    assert "its definition could not be compared with the current one: AWS refused Describe" in done[0].notes[-1]
    assert done[1].notes[-1].startswith("begins at RateStage")
    assert len(slept) == waits + 1  # the last for the rate
    assert [each.status for each in small.engine.drain()[-2:]] == ["SUCCEEDED"] * 2


def test_a_replay_of_another_definition_that_cannot_be_stopped_is_told_as_started(
    small: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = run(small, "RateStage")
    definition_of = replay_from._definition_of
    other = lambda aws, arn: "{}" if "-replay-" in arn else definition_of(aws, arn)  # noqa: E731
    monkeypatch.setattr(replay_from, "_definition_of", other)
    with refusing(small, "StopExecution", "AccessDeniedException", 1):
        [done] = replay(small, old.name, stage="RateStage")
    assert (done.fate, done.replay) == ("started", f"{old.name}-replay-1")
    assert "another definition" in str(done.why)
    assert "could not be stopped: AWS refused StopExecution" in str(done.why)
    assert f"as {done.replay}: {done.why}" in next(repeat_lines([done]))
    assert small.engine.drain()[-1].status == "SUCCEEDED"


def test_a_stage_that_cannot_be_begun_at_refuses_one_and_not_the_others(small: Operated) -> None:
    early, late = run(small, "TakeStage"), run(small, "RateStage")
    done = replay(small, early.name, late.name, stage="RateStage")
    assert [each.fate for each in done] == ["refused", "started"]
    assert "there is no output of TakeStage" in str(done[0].why)
    small.engine.drain()


def test_a_dry_run_starts_nothing(small: Operated) -> None:
    old = run(small, "RateStage")
    count = len(small.engine.executions)
    for stage in (None, "RateStage"):
        terms = Terms(now_of(small.aws), stage=stage)
        planned = list(candidates(small.aws, small.workflow, named(small.aws, small.workflow, [old.name]), terms))
        [done] = start(small.aws, small.workflow, planned, terms, Starting(4, lambda _: None, dry_run=True))
        assert done.fate == "toReplay"
    assert list(repeat_lines([msgspec.structs.replace(done, notes=())])) == [
        f"to replay        {old.name}  FAILED in RateStage, PermanentStageError, as {old.name}-replay-1",
        "1 to replay",
    ]
    assert len(small.engine.drain()) == count


def test_somebody_who_replays_at_the_same_time_is_told(small: Operated) -> None:
    old = run(small, "SiftStage")
    terms = Terms(now_of(small.aws))
    planned = list(candidates(small.aws, small.workflow, named(small.aws, small.workflow, [old.name]), terms))
    replay(small, old.name)
    small.engine.drain()
    [done] = start(small.aws, small.workflow, planned, terms, Starting(4, lambda _: None))
    assert done.fate == "refused"
    assert "somebody has replayed it just now" in str(done.why)


def test_a_start_without_an_answer_is_not_told_as_refused(small: Operated) -> None:
    names = [run(small, "SiftStage").name for _ in range(2)]

    def lose(**_: object) -> None:
        raise ReadTimeoutError(endpoint_url="https://states")

    events = small.aws.client("stepfunctions").meta.events
    events.register("after-call.sfn.StartExecution", lose)
    try:
        done = replay(small, *names)
    finally:
        events.unregister("after-call.sfn.StartExecution", lose)
    assert [(each.fate, each.replay) for each in done] == [("unanswered", f"{names[0]}-replay-1"), ("refused", None)]
    assert "the same call again tells it as replayed before, or starts it" in str(done[0].why)
    assert next(repeat_lines(done)) == f"maybe started    {names[0]}  as {names[0]}-replay-1: {done[0].why}"
    assert repeat_summary(done) == "1 maybe started, 1 refused"
    small.engine.drain()
    assert [each.fate for each in replay(small, *names)] == ["replayedBefore", "started"]
    small.engine.drain()


def test_an_execution_of_another_name_or_machine_is_refused(small: Operated) -> None:
    with pytest.raises(UsageError, match="no execution"):
        replay(small, "no-such")
    with pytest.raises(UsageError, match="is not an execution of"):
        replay(small, arn_of("arn:aws:states:us-east-1:123456789012:stateMachine:other", "x"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"status": "RUNNING"}, "it runs; wait for its end, or stop it first"),
        (
            {"status": "SUCCEEDED", "redrives": 2},
            "it was redriven (2 x), and succeeded; --again does its work a second time",
        ),
        (
            {"input": None},
            "AWS does not give its input; this identity may lack kms:Decrypt on the key of the state machine",
        ),
    ],
)
def test_what_must_not_be_replayed_is_refused(changes: dict[str, object], why: str) -> None:
    done = judge(msgspec.structs.replace(ENDED, **changes), "SiftStage", [], Terms(10.0))
    assert (done.fate, done.why, done.replay) == ("refused", why, None)


def test_what_runs_is_refused_also_when_asked_again() -> None:
    running = msgspec.structs.replace(ENDED, status="RUNNING")
    assert judge(running, None, [], Terms(10.0, again=True)).fate == "refused"


def test_a_message_that_only_looks_like_a_replay_is_replayed() -> None:
    body = msgspec.json.encode(Skip(execution_id="y", copied_from="z", skip=("TakeStage",))).decode()
    given = json.dumps([{"messageId": "m", "body": body}])
    assert judge(msgspec.structs.replace(ENDED, input=given), "SiftStage", [], Terms(10.0)).fate == "toReplay"


@pytest.mark.parametrize(
    ("now", "reason", "count"), [(6 * DAY_S, None, 1), (8 * DAY_S, None, 0), (6 * DAY_S, "too old", 0)]
)
def test_what_could_be_redriven_is_said(now: float, reason: str | None, count: int) -> None:
    terms = Terms(now)
    done = judge(msgspec.structs.replace(ENDED, not_redrivable=reason), "SiftStage", [], terms)
    hint = redrive_hint([done], terms, CALL)
    assert (hint is not None) == bool(count)
    if hint:
        assert hint.startswith(
            f"1 of them can be redriven: `ceap redrive {CALL} NAME` goes on at the stage that failed"
        )
    assert redrive_hint([done], Terms(now, stage="RateStage"), CALL) is None
