from __future__ import annotations

import pytest

from ceap.policy.checks import stale_alarm
from tests.policy.broken import said
from tests.policy.changes import Change, arn, drop, of, without
from tests.policy.checks.support import template
from tests.policy.wiring_mutants import watched

RULE = stale_alarm.RULE
WHAT = "no alarm watches the stale records of KeepFunction"
DIMENSION = "{Name: FunctionName, Value: !Ref KeepFunction}"
ALARM = "AWS::CloudWatch::Alarm"


@pytest.mark.parametrize(
    "change", [drop("Resources", "KeepStaleAlarm"), of("KeepStaleAlarm", "MetricName", "InputCount")]
)
def test_a_function_that_keeps_the_newest_without_an_alarm_is_found(change: Change) -> None:
    cure = f"an alarm on CeapPlatform/Workflow StaleCount with the dimension {DIMENSION}"
    assert said(RULE, "express", change) == [(f"{WHAT} | fix: {cure}", "/Resources/KeepFunction")]


@pytest.mark.parametrize(
    "change",
    [
        watched("KeepStaleAlarm", {"Ref": "TakeFunction"}),
        watched("KeepStaleAlarm", arn("KeepFunction")),
        of("KeepStaleAlarm", "Dimensions", 0, "Name", "ProgramId"),
        without("KeepStaleAlarm", "Dimensions"),
    ],
)
def test_an_alarm_with_a_wrong_dimension_is_found(change: Change) -> None:
    place = "/Resources/KeepStaleAlarm/Properties/Dimensions"
    assert said(RULE, "express", change) == [(f"{WHAT} | fix: Dimensions: [{DIMENSION}]", place)]


def alarm(function: str) -> tuple[str, dict[str, object]]:
    dimensions = [{"Name": "FunctionName", "Value": {"Ref": function}}]
    return ALARM, {"Namespace": "CeapPlatform/Workflow", "MetricName": "StaleCount", "Dimensions": dimensions}


KEEP = ("AWS::Lambda::Function", {"Handler": "handlers.keep.handler"})


def test_of_two_functions_the_one_without_an_alarm_is_found() -> None:
    faults = list(stale_alarm.check(template(First=KEEP, Second=KEEP, Alarm=alarm("Second"))))
    assert [(fault.place, fault.what) for fault in faults] == [
        ("/Resources/First", "no alarm watches the stale records of First")
    ]


def test_functions_that_do_not_keep_the_newest_and_those_of_others_need_no_alarm() -> None:
    others = template(
        Take=("AWS::Lambda::Function", {"Handler": "handlers.take.handler"}),
        Other=("AWS::Lambda::Function", {"Handler": "app.handler"}),
    )
    assert list(stale_alarm.check(others)) == []
