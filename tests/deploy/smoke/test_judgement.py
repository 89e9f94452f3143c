"""From facts to findings, where the engine has no such facts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ceap.aws.deployed import agrees
from ceap.deploy.smoke.expectations import (
    Check,
    NoDeadLetters,
    QuietAlarm,
    RunsDefinition,
    StageObject,
    Succeeds,
    TableItems,
    Traced,
)
from ceap.deploy.smoke.facts import AlarmState, Facts, Items, Object, Run, Trace
from ceap.deploy.smoke.judgement import SmokeFinding, SmokeVerdict, judge, ran_another

DEFINITION: dict[str, Any] = {
    "StartAt": "A",
    "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Task", "Resource": "${Job}", "End": True}},
}
RUNS = RunsDefinition("machine", DEFINITION)
RUN = Run(arn="arn", name="e1", status="SUCCEEDED", states=("A", "B"))
FACTS = Facts(definition=DEFINITION, run=RUN, waited_s=3, alarms={}, dead_letters=(0, 0))


def judged(check: Check, **facts: object) -> SmokeFinding:
    [finding] = judge([check], msgspec.structs.replace(FACTS, **facts))
    return finding


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (DEFINITION, True),
        (
            {**DEFINITION, "States": {**DEFINITION["States"], "B": {"Type": "Task", "Resource": "job", "End": True}}},
            True,
        ),
        ({**DEFINITION, "StartAt": "B"}, False),
        ({**DEFINITION, "Comment": ""}, False),
        ({"StartAt": "A"}, False),
    ],
)
def test_a_definition_agrees_but_for_values_that_only_aws_knows(found: object, expected: bool) -> None:
    assert agrees(DEFINITION, found) is expected


@pytest.mark.parametrize(
    ("states", "expected"),
    [(("A", "B"), False), (("A",), None), ((), None), (("B",), True), (("A", "C"), True), (("A", "B", "C"), True)],
)
def test_the_states_of_an_express_execution_tell_which_definition_ran(
    states: tuple[str, ...], expected: bool | None
) -> None:
    assert ran_another(RUNS, msgspec.structs.replace(RUN, states=states)) is expected


@pytest.mark.parametrize(
    ("run", "verdict", "text"),
    [
        (
            RUN,
            SmokeVerdict.PASSED,
            "is that of the template, and execution e1 ran the states of the template, in their order",
        ),
        (
            msgspec.structs.replace(RUN, definition=DEFINITION, states=()),
            SmokeVerdict.PASSED,
            "is that of the template, and execution e1 ran it",
        ),
        (
            msgspec.structs.replace(RUN, states=("C",)),
            SmokeVerdict.FAILED,
            "execution e1 ran C: an earlier definition was still in use; run smoke again, and deploy again if it stays "
            "so",
        ),
        (
            msgspec.structs.replace(RUN, states=("A",)),
            SmokeVerdict.NOT_EVALUATED,
            "the state machine has the template's definition; the log of its executions does not show all states of "
            "execution e1",
        ),
        (None, SmokeVerdict.NOT_EVALUATED, "the state machine has the template's definition; no execution ran it"),
    ],
)
def test_the_definition_that_ran_is_judged_as_far_as_aws_tells_it(
    run: Run | None, verdict: SmokeVerdict, text: str
) -> None:
    assert judged(RUNS, run=run) == SmokeFinding("definition", "machine", verdict, text)


def test_an_execution_that_still_runs_is_named_with_how_to_wait_longer() -> None:
    run = msgspec.structs.replace(RUN, status="RUNNING")
    assert judged(Succeeds("machine", "pipe"), run=run, waited_s=900) == SmokeFinding(
        "execution",
        "arn",
        SmokeVerdict.FAILED,
        "still runs after 900 s; look at its state, or give it more time: --timeout",
    )


def test_without_an_execution_what_depends_on_it_is_not_evaluated() -> None:
    checks: list[Check] = [
        StageObject("bucket", "ETLStage"),
        TableItems("table", ("StoreStage",)),
        Traced("machine", ()),
    ]
    findings = judge(checks, msgspec.structs.replace(FACTS, run=None))
    assert [(finding.verdict, finding.text) for finding in findings] == [
        (SmokeVerdict.NOT_EVALUATED, "no execution took the message")
    ] * 3


@pytest.mark.parametrize(
    ("items", "records", "verdict", "text"),
    [
        (Items(problem="is too large"), 2, SmokeVerdict.NOT_EVALUATED, "is too large"),
        (Items(), 0, SmokeVerdict.NOT_EVALUATED, "no item; StoreStage let no record pass that could be in it"),
    ],
)
def test_a_table_that_cannot_hold_or_show_items_is_not_evaluated(
    items: Items, records: int, verdict: SmokeVerdict, text: str
) -> None:
    finding = judged(TableItems("t", ("StoreStage",)), items={"t": items}, objects={"StoreStage": Object(records)})
    assert finding == SmokeFinding("table items", "t", verdict, text)


@pytest.mark.parametrize(
    ("states", "verdict", "text"),
    [
        ({"a": AlarmState("OK", "")}, SmokeVerdict.PASSED, "OK"),
        (
            {"a": AlarmState("INSUFFICIENT_DATA", "Unchecked")},
            SmokeVerdict.NOT_EVALUATED,
            "INSUFFICIENT_DATA: its metric has no data yet",
        ),
        ({}, SmokeVerdict.FAILED, "does not exist; deploy again"),
    ],
)
def test_an_alarm_without_data_is_not_evaluated(
    states: dict[str, AlarmState], verdict: SmokeVerdict, text: str
) -> None:
    assert judged(QuietAlarm("a"), alarms=states) == SmokeFinding("alarm", "a", verdict, text)


@pytest.mark.parametrize(
    ("trace", "verdict", "text"),
    [
        (Trace("1-a", 6, True), SmokeVerdict.PASSED, "trace 1-a has 6 segments"),
        (
            Trace("1-a", 0, True),
            SmokeVerdict.FAILED,
            "X-Ray has no segment of trace 1-a, though the functions say that it is sampled; look at "
            "xray:PutTraceSegments in the roles of state machine and functions",
        ),
        (
            Trace("1-a", 0, False),
            SmokeVerdict.NOT_EVALUATED,
            "unproven: trace 1-a was not sampled, which X-Ray decides",
        ),
        (
            Trace("1-a", 0, None),
            SmokeVerdict.NOT_EVALUATED,
            "unproven: the functions' logs do not say if trace 1-a is sampled",
        ),
        (Trace(problem="no answer"), SmokeVerdict.NOT_EVALUATED, "unproven: no answer"),
    ],
)
def test_a_trace_fails_only_if_it_was_sampled(trace: Trace, verdict: SmokeVerdict, text: str) -> None:
    assert judged(Traced("machine", ()), trace=trace) == SmokeFinding("trace", "machine", verdict, text)


def test_dead_letters_count_only_if_they_became_more() -> None:
    assert judged(NoDeadLetters("queue"), dead_letters=(2, 2)).text == "2 messages, as before"
    assert judged(NoDeadLetters("queue"), dead_letters=(2, 3)).verdict is SmokeVerdict.FAILED
