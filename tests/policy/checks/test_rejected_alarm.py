from __future__ import annotations

from ceap.policy.checks import rejected_alarm
from tests.policy.broken import said
from tests.policy.changes import drop, of
from tests.policy.checks.support import template

RULE = rejected_alarm.RULE
CURE = (
    "Metrics: 100 * rejected / input of RejectedCount and InputCount in CeapPlatform/Workflow, "
    "each with Dimensions: [{{Name: FunctionName, Value: !Ref {}}}]"
)


def test_a_function_without_an_alarm_is_found() -> None:
    what = "no alarm watches the share of records that SiftFunction rejects"
    found = said(RULE, "express", drop("Resources", "SiftRejectedAlarm"))
    assert found == [(f"{what} | fix: {CURE.format('SiftFunction')}", "/Resources/SiftFunction")]


def test_an_alarm_on_another_function_is_found_with_the_function_that_has_none() -> None:
    place = ("Metrics", 1, "MetricStat", "Metric", "Dimensions", 0, "Value", "Ref")
    what = "no alarm watches the share of records that SiftFunction rejects"
    found = said(RULE, "express", of("SiftRejectedAlarm", *place, "TakeFunction"))
    assert found == [
        (f"{what} | fix: {CURE.format('SiftFunction')}", "/Resources/SiftRejectedAlarm/Properties/Metrics")
    ]


def test_an_expression_that_watches_no_function_is_found() -> None:
    what = "the alarm does not watch the share of records that a function rejects"
    found = said(RULE, "express", of("QueueAgeAlarm", "Metrics", [{"Id": "m", "Expression": "0"}]))
    assert found == [(f"{what} | fix: {CURE.format('STAGEFunction')}", "/Resources/QueueAgeAlarm/Properties/Metrics")]


def test_functions_of_others_need_no_alarm() -> None:
    others = template(Other=("AWS::Lambda::Function", {"Handler": "app.handler"}))
    assert list(rejected_alarm.check(others)) == []


def test_a_query_whose_id_is_no_text_watches_no_function() -> None:
    what = "no alarm watches the share of records that SiftFunction rejects"
    found = said(RULE, "express", of("SiftRejectedAlarm", "Metrics", 0, "Id", {"Ref": "A"}))
    assert found == [
        (f"{what} | fix: {CURE.format('SiftFunction')}", "/Resources/SiftRejectedAlarm/Properties/Metrics")
    ]
