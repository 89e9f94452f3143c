"""The head of the page: one sentence, the numbers, and what failed."""

from __future__ import annotations

import pytest

from ceap.local.page.verdict import describe_failures, describe_run, describe_warnings, state_verdict
from tests.local.page.support import execution, run_of, stage, texts


@pytest.mark.parametrize(
    ("statuses", "numbers", "sentence"),
    [
        (["SUCCEEDED"], {}, "The message was processed."),
        (["SUCCEEDED"] * 1200, {"messagesSent": 1200}, "All 1,200 messages were processed."),
        (["FAILED", "SUCCEEDED"], {"status": "SUCCEEDED"}, "The message was processed, after 1 failed execution."),
        (["FAILED"] * 3, {"messagesDeadLettered": 1}, "3 executions failed, 1 message in the dead-letter queue."),
        (["FAILED"], {"messagesLeft": 2}, "1 execution failed, 2 messages left in the queue."),
        ([], {"status": "FAILED", "messagesLeft": 1}, "0 executions failed, 1 message left in the queue."),
        (["SUCCEEDED", "RUNNING"], {}, "1 execution failed."),
    ],
)
def test_the_verdict_is_one_sentence(statuses: list[str], numbers: dict[str, object], sentence: str) -> None:
    executions = [execution(status=status) for status in statuses]  # type: ignore[arg-type]
    assert state_verdict(run_of([], executions, {}, **numbers).report) == sentence


def test_the_numbers_of_a_run_are_terms_with_what_they_are() -> None:
    executions = [execution(name="e1", status="FAILED", ended=61.0), execution(name="e2", ended=1861.0)]
    page = describe_run(run_of([], executions, {}, eventsPublished=1200).report, executions)
    assert texts(page, ".//dl/div") == [
        "messages sent1",
        "executions2, 1 failed",
        "events published1,200",
        "dead letters0",
        "alerts0",
        "time, waits included31 min 1 s",
        "started2026-11-29 00:00:00 UTC",
    ]


def test_a_run_without_an_execution_has_no_time() -> None:
    page = describe_run(run_of([], [], {}).report, [])
    assert texts(page, ".//dt") == ["messages sent", "executions", "events published", "dead letters", "alerts"]


def test_failures_are_shown_as_the_terminal_has_them_then_how_executions_ended() -> None:
    lines = [
        "",
        "A failed in attempt 1",
        "  KeyError: '<b>'",
        "    a.py:3",
        "",
        "B failed in attempt 2",
        "  ValueError",
    ]
    contents = run_of([], [execution(status="FAILED"), execution(name="e2", status="ABORTED")], {})
    page = describe_failures(lines, contents.report)
    assert texts(page, ".//h3") == ["A failed in attempt 1", "B failed in attempt 2"]
    assert texts(page, ".//pre") == ["KeyError: '<b>'\n  a.py:3", "ValueError"]
    assert texts(page, ".//li") == ["1 execution ended with FAILED", "1 execution ended with ABORTED"]


def test_a_run_without_failures_has_no_such_part() -> None:
    assert describe_failures([], run_of([], [execution()], {}).report) == ""


def test_many_failures_are_cut_with_their_number() -> None:
    page = describe_failures(["", "A failed", "x" * 9000] * 25, run_of([], [execution()], {}).report)
    assert (len(texts(page, ".//h3")), texts(page, ".//p")) == (24, ["1 more failure left out"])
    assert texts(page, ".//pre")[0].endswith("x\n... (3,000 more characters)")


def test_stages_that_yielded_nothing_and_problems_of_pipes_are_warnings() -> None:
    report = run_of([], [], {}, problems=["pipe p may not read <queue>"]).report
    page = describe_warnings(report, [stage(recordsIn=2, recordsRejected=2, rejections={"DROPPED": 2})])
    assert texts(page, ".//li") == [
        "SiftStage yielded 0 of 2 records: 2 rejected (DROPPED)",
        "pipe p may not read <queue>",
    ]
    assert describe_warnings(run_of([], [], {}).report, [stage()]) == ""
