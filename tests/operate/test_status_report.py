"""The screen that an operator reads, and the JSON that a program reads."""

from __future__ import annotations

import json
from textwrap import dedent

from ceap.aws.history import Operation, Outcome
from ceap.operate.status_facts import Alarm, Counts, Deployment, Depth, Fate, Pipe, Unread
from ceap.operate.status_judgement import WorkflowStatus
from ceap.operate.status_report import footnotes, status_json, status_lines
from templates.model import WorkflowType
from tests.operate.status import NOW, failure, judged

FAILURES = tuple(
    sorted(
        [
            *(failure(f"a{number}", 60 + 10 * number) for number in range(200)),
            *(
                failure(f"b{number}", 65 + 100 * number, stage="KeepStage", error="PermanentStageError", cause="no id")
                for number in range(2)
            ),
            failure(
                "c-replay-1", 3000, stage=None, error=None, cause=None, status="ABORTED", replay_of="c", redrives=1
            ),
            failure("c", 3600, fate=Fate.REPEATED, later="c-replay-1"),
            failure("d", 3600, fate=Fate.SETTLED, later="d-replay-1"),
            failure("e", 3700, is_looked_at=False, stage=None, error=None, cause=None),
        ],
        key=lambda each: -each.ended,
    )
)


def screen(status: WorkflowStatus, *, is_all: bool = False) -> str:
    return "\n".join([*status_lines(status, is_all=is_all), ""])


def test_a_healthy_workflow_is_one_word_and_eight_lines() -> None:
    deployment = Deployment(
        at=NOW - 7300,
        operation=Operation.DEPLOY,
        outcome=Outcome.DONE,
        by="arn:aws:iam::123456789012:user/me",
        revision="1" * 40,
        is_clean=False,
    )
    assert screen(judged(deployment=deployment)) == dedent(
        """\
        ceap-orders-dev  STANDARD  account 123456789012, eu-central-1, 2026-11-29 22:00:05 UTC
        HEALTHY

        executions    2 running, 9,700 succeeded, 0 failed, 0 timed out, 0 aborted, in the last 1 d
        queue         empty
        dead letters  empty
        pipe          RUNNING
        alarms        1 OK
        deployment    deploy done, 2026-11-29 19:58:25 UTC, revision 111111111111 with changes, by arn:aws:iam::123456789012:user/me
        stack         UPDATE_COMPLETE since 2026-11-29 20:00:05 UTC; the state machine has its definition
        """  # noqa: E501 (as it is printed)
    )


def test_200_failures_of_a_kind_are_one_line_above_the_last_ones() -> None:
    status = judged(
        failures=FAILURES,
        executions=Counts(running=2, succeeded=9700, failed=205, timed_out=0, aborted=1),
        queue=Depth(waiting=1200, in_flight=3, oldest_s=250),
        alarms=(
            Alarm(
                name="ceap-orders-dev-failed-executions",
                state="ALARM",
                reason="2.0 is above 0.0",
                since=NOW - 120,
                runbook="docs/runbook/alarms.md#failed-executions",
            ),
            Alarm(name="b", state="OK"),
            Alarm(name="c", state="INSUFFICIENT_DATA"),
        ),
    )
    assert screen(status) == dedent(
        """\
        ceap-orders-dev  STANDARD  account 123456789012, eu-central-1, 2026-11-29 22:00:05 UTC
        WRONG: 5 problems
          1. 200 executions failed: RateStage: TransientStageError: the vendor does not answer
               ceap trace --env dev workflows/orders.yaml a0
               ceap redrive --env dev workflows/orders.yaml --failed --error 'the vendor does not answer' --stage RateStage --since 1d
          2. 2 executions failed: KeepStage: PermanentStageError: no id
               ceap trace --env dev workflows/orders.yaml b0
               ceap redrive --env dev workflows/orders.yaml --failed --error 'no id' --stage KeepStage --since 1d
          3. 1 execution failed: ABORTED
               ceap trace --env dev workflows/orders.yaml c-replay-1
               ceap redrive --env dev workflows/orders.yaml c-replay-1
          4. 1 older execution failed, too, whose errors were not looked at
               ceap status --env dev workflows/orders.yaml --all
          5. alarm ceap-orders-dev-failed-executions since 2026-11-29 21:58:05 UTC: 2.0 is above 0.0
               docs/runbook/alarms.md#failed-executions

        executions    2 running, 9,700 succeeded, 205 failed, 0 timed out, 1 aborted, in the last 1 d
        failed        200 x RateStage: TransientStageError: the vendor does not answer
                          2026-11-29 21:59:05 UTC  a0
                          2026-11-29 21:58:55 UTC  a1
                          2026-11-29 21:58:45 UTC  a2
                          2026-11-29 21:58:35 UTC  a3
                          2026-11-29 21:58:25 UTC  a4
                          2026-11-29 21:58:15 UTC  a5
                          2026-11-29 21:58:05 UTC  a6
                          2026-11-29 21:57:55 UTC  a7
                      2 x KeepStage: PermanentStageError: no id
                          2026-11-29 21:59:00 UTC  b0
                      1 x ABORTED
                          2026-11-29 21:10:05 UTC  c-replay-1  (redriven 1 time, replay of c)
                      1 settled: a later execution of the message succeeded; --all shows them
                      1 repeated: a later execution took the message; --all shows them
                      1 older not looked at; --all looks at more
        queue         1,200 waiting, 3 in flight, the oldest for at least 4 m 10 s
        dead letters  empty
        pipe          RUNNING
        alarms        1 ALARM, 1 INSUFFICIENT_DATA, 1 OK
        deployment    no record
        stack         UPDATE_COMPLETE since 2026-11-29 20:00:05 UTC; the state machine has its definition
        """  # noqa: E501 (as it is printed)
    )


def test_executions_whose_messages_are_not_known_are_not_counted_as_messages_of_their_own() -> None:
    known, others = failure("e1", fate=Fate.DEAD), [failure(f"e{at}", 60 * at, fate=Fate.UNKNOWN) for at in (2, 3)]
    dead = Depth(waiting=1, in_flight=0)
    lines = screen(judged(type=WorkflowType.EXPRESS, failures=(known, *others), dead_letters=dead)).splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("failed "))
    assert [line[14:] for line in lines[begin : begin + 3]] == [
        "1 x RateStage: TransientStageError: the vendor does not answer",
        "    2026-11-29 21:59:05 UTC  e1  (dead-lettered)",
        "    and 2 older executions, whose messages are not known; --all looks at more",
    ]


def test_an_express_workflow_tells_where_messages_are_and_what_could_not_be_read() -> None:
    status = judged(
        type=WorkflowType.EXPRESS,
        executions=Counts(running=1, succeeded=7, failed=3, timed_out=0, aborted=0),
        failures=(failure("e1", fate=Fate.DEAD), failure("e2", fate=Fate.RETURNING)),
        queue=Depth(waiting=0, in_flight=2),
        dead_letters=Depth(waiting=1, in_flight=0, oldest_s=55),
        pipe=Pipe(name="p", declared="RUNNING", desired="STOPPED", current="STOPPING"),
        is_definition_deployed=None,
        alarms=None,
        unread=(Unread(what="the alarms", why="AWS refused DescribeAlarms: no"),),
    )
    assert screen(status, is_all=True) == dedent(
        """\
        ceap-orders-dev  EXPRESS  account 123456789012, eu-central-1, 2026-11-29 22:00:05 UTC
        WRONG: 3 problems
          1. the pipe is STOPPING: somebody has paused it, and it takes no messages
               ceap resume --env dev workflows/orders.yaml
          2. 1 message in the dead-letter queue, the oldest for at least 55 s
               ceap trace --env dev workflows/orders.yaml e1
               ceap replay --env dev workflows/orders.yaml --dead-letters --dry-run
          3. 1 message failed lately, and may come back to the queue: RateStage: TransientStageError: the vendor does not answer
               ceap trace --env dev workflows/orders.yaml e2
          not read: the alarms: AWS refused DescribeAlarms: no

        executions    about 1 running, 7 succeeded, 3 failed, 0 timed out, 0 aborted, in the last 1 d
        failed        2 x RateStage: TransientStageError: the vendor does not answer
                          2026-11-29 21:59:05 UTC  e1  (dead-lettered)
                          2026-11-29 21:59:05 UTC  e2  (back to the queue)
                      1 not found in the log
        queue         0 waiting, 2 in flight, the age of the oldest is not known yet
        dead letters  1 waiting, 0 in flight, the oldest for at least 55 s
        pipe          STOPPING, to be STOPPED; RUNNING in the template
        alarms        not known
        deployment    no record
        stack         UPDATE_COMPLETE since 2026-11-29 20:00:05 UTC
        """  # noqa: E501 (as it is printed)
    )


def test_all_shows_each_failed_execution_and_by_which_it_was_settled() -> None:
    lines = screen(judged(failures=FAILURES), is_all=True).splitlines()
    assert sum(line.startswith(" " * 18 + "2026-11-29") for line in lines) == 205
    assert "                  2026-11-29 21:00:05 UTC  d  settled by d-replay-1" in lines
    assert "                  2026-11-29 21:00:05 UTC  c  repeated by c-replay-1" in lines


def test_express_failures_whose_messages_have_left_the_queues_are_one_line() -> None:
    failures = tuple(failure(f"e{number}", fate=Fate.DEAD) for number in range(30))
    counts = Counts(running=0, succeeded=7, failed=30, timed_out=0, aborted=0)
    lines = screen(judged(type=WorkflowType.EXPRESS, failures=failures, executions=counts)).splitlines()
    assert lines[1] == "HEALTHY"
    assert lines[4:6] == [
        "failed        30 whose messages have left the queues; --all shows them",
        "queue         empty",
    ]


def test_more_kinds_than_fit_are_counted() -> None:
    kinds = tuple(failure(f"e{number}", error=f"Error{'x' * number}") for number in range(12))
    lines = screen(judged(failures=kinds)).splitlines()
    assert "              2 other kinds: --all shows them" in lines


def test_what_the_numbers_are_worth_is_said_once_and_of_express_more() -> None:
    standard, express = judged(), judged(type=WorkflowType.EXPRESS)
    assert list(footnotes([standard])) == [
        "SQS counts approximately. Metrics, and so ages and alarms, are a minute or more late."
    ]
    assert list(footnotes([standard, express]))[1:] == [
        "AWS lists no EXPRESS executions: metrics count them, and the log tells of most that failed."
    ]


def test_json_has_the_worst_verdict_and_all_that_was_read() -> None:
    found = json.loads(status_json([judged(), judged(failures=(failure("e1"),))]))
    assert found["verdict"] == "wrong"
    first, second = found["workflows"]
    assert (first["verdict"], first["problems"], first["groups"]) == ("healthy", [], [])
    assert second["problems"][0]["kind"] == "failed executions"
    assert second["groups"][0]["executions"][0] == second["facts"]["failures"][0]
    assert second["facts"]["failures"][0]["isLookedAt"] is True
    assert second["facts"]["executions"] == {"running": 2, "succeeded": 9700, "failed": 0, "timedOut": 0, "aborted": 0}
