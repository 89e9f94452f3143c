"""From facts to the verdict, and to what an operator types next."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ceap.operate.failure_kinds import telling_text
from ceap.operate.status_facts import Alarm, Depth, Failure, Fate, Pipe, StackState, Unread
from ceap.operate.status_judgement import Call, Kind, Problem, StatusVerdict, group, worst
from templates.model import WorkflowType
from tests.operate.status import CALL, HEALTHY, NOW, failure, judged

EMPTY = Depth(waiting=0, in_flight=0)


def problems(**facts: Any) -> list[tuple[Kind, str, tuple[str, ...]]]:
    status = judged(**facts)
    assert status.verdict is (StatusVerdict.WRONG if status.problems else StatusVerdict.HEALTHY)
    return [(problem.kind, problem.text, problem.next) for problem in status.problems]


def pipe(declared: str, desired: str, current: str, reason: str = "") -> Pipe:
    return Pipe(name="pipe", declared=declared, desired=desired, current=current, reason=reason)


def test_a_workflow_of_which_nothing_is_wrong_is_healthy() -> None:
    assert problems() == []


def test_failures_of_one_kind_are_one_problem_whose_newest_is_traced_and_all_of_which_are_redriven() -> None:
    assert problems(failures=tuple(failure(f"e{number}", 60 + number) for number in range(200))) == [
        (
            Kind.FAILED,
            "200 executions failed: RateStage: TransientStageError: the vendor does not answer",
            (
                "ceap trace --env dev workflows/orders.yaml e0",
                "ceap redrive --env dev workflows/orders.yaml --failed --error 'the vendor does not answer' "
                "--stage RateStage --since 1d",
            ),
        )
    ]


def test_a_single_failure_is_redriven_by_its_name() -> None:
    [(_, _, steps)] = problems(failures=(failure("e1"),))
    assert steps[1] == "ceap redrive --env dev workflows/orders.yaml e1"


def redrives(*failures: Failure) -> list[str]:
    """Return what the commands of the problems take after the declaration."""
    found = (steps[1] for _, _, steps in problems(failures=failures))
    return [step.removeprefix("ceap redrive --env dev workflows/orders.yaml ") for step in found]


def test_a_redrive_of_a_kind_chooses_it_alone_among_those_of_its_stage_and_error() -> None:
    keys = [failure(f"k{number}", cause="unexpected KeyError; correct the handler") for number in range(3)]
    zeros = [failure(f"z{number}", cause="unexpected ZeroDivisionError; correct the handler") for number in range(2)]
    assert redrives(*keys, *zeros) == [
        "--failed --error 'unexpected KeyError' --stage RateStage --since 1d",
        "--failed --error 'unexpected ZeroDivisionError' --stage RateStage --since 1d",
    ]


def test_a_redrive_of_a_kind_names_its_executions_where_no_text_tells_them_from_others() -> None:
    short = [failure(f"s{number}", cause="no id") for number in range(25)]
    long = [failure(f"l{number}", cause="no id in the file") for number in range(2)]
    names = " ".join(f"s{number}" for number in range(20))
    assert redrives(*short, *long) == [names, "--failed --error 'no id in the file' --stage RateStage --since 1d"]


def test_failures_without_a_cause_are_redriven_by_their_stage_if_it_has_no_others() -> None:
    ended = [failure(f"t{number}", error=None, cause=None, status="TIMED_OUT") for number in range(2)]
    others = [failure(f"o{number}", stage="KeepStage") for number in range(2)]
    by_stage = "--failed --stage RateStage --since 1d"
    by_text = "--failed --error 'the vendor does not answer' --stage KeepStage --since 1d"
    assert redrives(*ended, *others) == [by_stage, by_text]
    assert redrives(*ended, failure("e1")) == ["t0 t1", "e1"]


def test_a_message_that_is_wrong_is_not_to_be_redriven() -> None:
    [(_, _, steps)] = problems(failures=(failure("e1", cause="the message is wrong: JSON is malformed"),))
    assert steps == (
        "ceap trace --env dev workflows/orders.yaml e1",
        "docs/runbook/recover.md#a-message-that-is-wrong",
    )


@pytest.mark.parametrize(
    ("causes", "others", "text"),
    [
        (["record 17 has no id", "record 18 has no id"], [], "has no id"),
        (["record 17 has no id"], ["Has No Id"], "record"),
        (["no id; send one"], ["no id; give one"], "no id; send one"),
        (["- at `$.a`"], [], "at `$.a`"),
        (["17", "18"], [], None),
        (["no id"], ["there is no id"], None),
        ([""], ["x"], None),
        (["x" * 200], ["y"], "x" * 87),
        (["a\tb and more words"], ["y"], None),
    ],
)
def test_the_text_that_tells_a_kind_is_of_all_its_causes_and_of_no_other(
    causes: list[str], others: list[str], text: str | None
) -> None:
    assert telling_text(causes, others) == text


def test_kinds_differ_by_stage_error_or_words_but_not_by_numbers_and_the_largest_comes_first() -> None:
    found = group(
        [
            failure("e1", cause="record 17 has no id"),
            failure("e2", cause="record 4711 of a-3 has no id"),
            failure("e3", cause="record 18 has no id"),
            failure("e4", stage="KeepStage", cause="record 17 has no id"),
            failure("e5", error=None, cause=None, status="TIMED_OUT"),
        ]
    )
    assert [(str(each), [found.execution for found in each.executions]) for each in found] == [
        ("RateStage: TransientStageError: record 17 has no id", ["e1", "e3"]),
        ("RateStage: TransientStageError: record 4711 of a-3 has no id", ["e2"]),
        ("KeepStage: TransientStageError: record 17 has no id", ["e4"]),
        ("RateStage: TIMED_OUT", ["e5"]),
    ]


def test_a_long_cause_is_cut_to_its_first_line_and_cannot_write_to_the_terminal() -> None:
    [found] = group([failure("e1", cause="\x1b[2Jx" + "y" * 200 + "\nmore")])
    assert found.cause == " [2Jx" + "y" * 82 + "..."


def test_the_place_that_a_stage_writes_behind_its_cause_is_left_out() -> None:
    place = "(RateStage of execution e1; output s3://bucket/executions/e1/RateStage/output.json)"
    [found] = group([failure("e1", cause=f"no id {place}"), failure("e2", cause="no id")])
    assert (found.cause, len(found.executions)) == ("no id", 2)


def test_express_failures_are_done_with_once_their_messages_have_left_both_queues() -> None:
    dead, unknown = failure("e1", fate=Fate.DEAD), failure("e2", fate=Fate.UNKNOWN)
    express = {"type": WorkflowType.EXPRESS, "failures": (dead, unknown)}
    assert judged(**express).groups == ()
    [left] = judged(**express, queue=Depth(waiting=1, in_flight=0)).groups
    assert left.executions == (unknown,)
    [left] = judged(**express, dead_letters=Depth(waiting=1, in_flight=0)).groups
    assert left.executions == (dead, unknown)
    assert judged(failures=(failure("e1"),)).groups != ()


def test_a_failure_that_a_replay_settled_or_repeated_is_no_problem_of_its_own() -> None:
    settled = failure("e1", fate=Fate.SETTLED, later="e1-replay-1")
    repeated = failure("e2", fate=Fate.REPEATED, later="e2-replay-1")
    assert problems(failures=(settled, repeated)) == []


def test_failures_that_were_not_looked_at_are_a_problem_too() -> None:
    unseen = failure("e2", is_looked_at=False, stage=None, error=None, cause=None)
    [_, (kind, text, steps)] = problems(failures=(failure("e1"), unseen))
    assert (kind, text) == (Kind.FAILED, "1 older execution failed, too, whose errors were not looked at")
    assert steps == ("ceap status --env dev workflows/orders.yaml --all",)


@pytest.mark.parametrize(
    ("found", "text", "verb"),
    [
        (
            pipe("RUNNING", "STOPPED", "STOPPED"),
            "the pipe is STOPPED: somebody has paused it, and it takes no messages; 3 messages waiting",
            "resume",
        ),
        (
            pipe("RUNNING", "RUNNING", "START_FAILED", "no right"),
            "the pipe is START_FAILED, and takes no messages: no right; 3 messages waiting",
            "resume",
        ),
        (pipe("STOPPED", "RUNNING", "RUNNING"), "the pipe runs, though the template wants it STOPPED", "pause"),
    ],
)
def test_a_pipe_that_is_not_as_the_template_has_it_is_a_problem(found: Pipe, text: str, verb: str) -> None:
    steps = (f"ceap {verb} --env dev workflows/orders.yaml",)
    assert problems(pipe=found, queue=Depth(waiting=3, in_flight=0)) == [(Kind.PIPE, text, steps)]


@pytest.mark.parametrize("found", [pipe("STOPPED", "STOPPED", "STOPPED"), pipe("RUNNING", "RUNNING", "STARTING")])
def test_a_pipe_that_is_or_becomes_what_the_template_says_is_none(found: Pipe) -> None:
    assert problems(pipe=found) == []


def test_dead_letters_are_traced_then_looked_at_before_they_are_replayed() -> None:
    dead = failure("e9", fate=Fate.DEAD)
    found = problems(
        type=WorkflowType.EXPRESS,
        dead_letters=Depth(waiting=4, in_flight=1, oldest_s=7380),
        failures=(dead,),
    )
    assert found == [
        (
            Kind.DEAD_LETTERS,
            "5 messages in the dead-letter queue, the oldest for at least 2 h 3 m",
            (
                "ceap trace --env dev workflows/orders.yaml e9",
                "ceap replay --env dev workflows/orders.yaml --dead-letters --dry-run",
            ),
        )
    ]


def test_messages_of_failed_express_executions_that_come_back_are_a_problem() -> None:
    returning = (failure("e1", fate=Fate.RETURNING), failure("e2", fate=Fate.DEAD))
    waiting = Depth(waiting=0, in_flight=1)
    assert problems(type=WorkflowType.EXPRESS, failures=returning, queue=waiting) == [
        (
            Kind.FAILED,
            "1 message failed lately, and may come back to the queue: "
            "RateStage: TransientStageError: the vendor does not answer",
            ("ceap trace --env dev workflows/orders.yaml e1",),
        )
    ]
    other = failure("e3", fate=Fate.RETURNING, cause="no id")
    found = problems(type=WorkflowType.EXPRESS, failures=(*returning, other), queue=waiting)
    assert [steps[0].split()[-1] for _, _, steps in found] == ["e1", "e3"]
    assert problems(type=WorkflowType.EXPRESS, failures=returning, queue=EMPTY) == []


def test_failed_express_executions_of_which_the_log_does_not_tell_are_a_problem_while_the_queue_has_messages() -> None:
    [(kind, text, steps)] = problems(type=WorkflowType.EXPRESS, unexplained=2, queue=Depth(waiting=1, in_flight=0))
    assert kind is Kind.FAILED
    assert text == "2 executions failed lately, whose messages are not known, and may come back to the queue"
    assert steps == ("ceap status --env dev workflows/orders.yaml --all",)
    assert problems(type=WorkflowType.EXPRESS, unexplained=2, queue=EMPTY) == []


def test_an_alarm_is_told_with_its_reason_and_its_section_of_the_runbook() -> None:
    alarms = (
        Alarm(name="a", state="ALARM", reason="1 is above 0", since=NOW - 60, runbook="docs/runbook/alarms.md#a"),
        Alarm(name="b", state="INSUFFICIENT_DATA"),
    )
    assert problems(alarms=alarms) == [
        (Kind.ALARM, "alarm a since 2026-11-29 21:59:05 UTC: 1 is above 0", ("docs/runbook/alarms.md#a",))
    ]


def test_an_alarm_that_somebody_has_deleted_is_missed() -> None:
    assert problems(alarms=(Alarm(name="a", state="MISSING"),)) == [
        (
            Kind.MISSING,
            "alarm a does not exist: somebody has deleted it",
            ("aws cloudformation detect-stack-drift --stack-name ceap-orders-dev",),
        )
    ]


def test_another_definition_than_the_stack_has_is_a_problem_but_not_while_the_stack_changes() -> None:
    [(kind, text, _)] = problems(is_definition_deployed=False)
    assert (kind, text) == (
        Kind.DEFINITION,
        "the state machine has another definition than the stack: somebody has changed it",
    )
    changing = msgspec.structs.replace(HEALTHY.stack, status="UPDATE_IN_PROGRESS")
    assert problems(is_definition_deployed=False, stack=changing) == []


def test_a_stack_that_failed_is_the_worst_problem_and_others_follow_in_order() -> None:
    status = judged(
        stack=StackState(name="s", status="UPDATE_ROLLBACK_FAILED", changed=NOW, reason="a resource is in use"),
        alarms=(Alarm(name="a", state="ALARM", reason="r"),),
        failures=(failure("e1"),),
        dead_letters=Depth(waiting=1, in_flight=0),
        pipe=pipe("RUNNING", "STOPPED", "STOPPED"),
    )
    assert [problem.kind for problem in status.problems] == [
        Kind.STACK,
        Kind.PIPE,
        Kind.DEAD_LETTERS,
        Kind.FAILED,
        Kind.ALARM,
    ]
    assert status.problems[0] == Problem(
        kind=Kind.STACK,
        text="the stack is UPDATE_ROLLBACK_FAILED: a resource is in use",
        next=("ceap deploy --env dev workflows/orders.yaml",),
    )


def test_what_could_not_be_read_makes_a_workflow_unknown_and_never_healthy() -> None:
    unread = (Unread(what="the pipe", why="AWS refused DescribePipe"),)
    assert judged(pipe=None, unread=unread).verdict is StatusVerdict.UNKNOWN
    assert judged(pipe=None, unread=unread, failures=(failure("e1"),)).verdict is StatusVerdict.WRONG


def test_what_does_not_exist_is_a_problem() -> None:
    unread = (Unread(what="the pipe", why="Pipe x does not exist", is_missing=True),)
    [problem] = judged(pipe=None, unread=unread).problems
    assert (problem.kind, problem.text) == (Kind.MISSING, "the pipe is missing: Pipe x does not exist")


def test_of_several_workflows_the_worst_verdict_counts() -> None:
    assert worst([]) is StatusVerdict.HEALTHY
    assert worst([StatusVerdict.HEALTHY, StatusVerdict.UNKNOWN]) is StatusVerdict.UNKNOWN
    assert worst([StatusVerdict.UNKNOWN, StatusVerdict.WRONG, StatusVerdict.HEALTHY]) is StatusVerdict.WRONG


def test_a_command_can_be_pasted_whatever_it_names() -> None:
    call = Call(("--env", "dev", "--profile", "my team"), "work flows/o.yaml")
    assert call.command("resume") == "ceap resume --env dev --profile 'my team' 'work flows/o.yaml'"
    assert (
        CALL.command("redrive", "--error", "it's")
        == "ceap redrive --env dev workflows/orders.yaml --error 'it'\"'\"'s'"
    )
