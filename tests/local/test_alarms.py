"""Alarms in the engine: states from metrics, as CloudWatch evaluates them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.clock import CLOCK
from ceap.local.cloudformation import DeployError
from ceap.local.engine import Engine
from ceap.local.metrics import metrics_of
from tests.local.support import Template, template_text

OWN = {"Stage": "Sift"}


def alarm(**properties: Any) -> Template:
    """Return an alarm on the sum of a metric in each minute."""
    given = {
        "AlarmName": "alarm",
        "Namespace": "Own",
        "MetricName": "Failures",
        "Dimensions": [{"Name": key, "Value": value} for key, value in OWN.items()],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 0,
        "TreatMissingData": "notBreaching",
    }
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": given | properties}


class Watched:
    """An alarm in an engine; the clock stands at the beginning of a minute."""

    def __init__(self, engine: Engine, **properties: Any) -> None:
        self.engine = engine
        engine.deploy(template_text(Alarm=alarm(**properties)), "stack")
        self.minute()

    def minute(self, number: int = 1) -> None:
        """Go to the beginning of a later minute."""
        now = CLOCK.now()
        self.engine.travel((now // 60 + number) * 60 - now + 0.001)

    def add(self, *values: float, name: str = "Failures", dimensions: Mapping[str, str] = OWN) -> None:
        for value in values:
            metrics_of(self.engine.account).add("Own", dimensions, {name: value})

    def told(self) -> dict[str, Any]:
        [found] = self.engine.client("cloudwatch").describe_alarms(AlarmNames=["alarm"])["MetricAlarms"]
        answer: dict[str, Any] = found
        return answer

    @property
    def state(self) -> str:
        state: str = self.told()["StateValue"]
        return state


def test_an_alarm_is_ok_without_data_if_these_are_not_breaching(engine: Engine) -> None:
    told = Watched(engine).told()
    assert (told["StateValue"], told["StateReason"]) == (
        "OK",
        "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
        "[NonBreaching].",
    )


def test_an_alarm_fires_at_once_and_tells_the_value_and_its_minute(engine: Engine) -> None:
    watched = Watched(engine)
    watched.add(1, 2)
    begin = datetime.datetime.fromtimestamp(CLOCK.now() // 60 * 60, datetime.UTC)
    told = watched.told()
    assert (told["StateValue"], told["StateReason"]) == (
        "ALARM",
        f"Threshold Crossed: 1 out of the last 1 datapoints [3.0 ({begin:%d/%m/%y %H:%M:%S})] was greater than the "
        "threshold (0.0) (minimum 1 datapoint for OK -> ALARM transition).",
    )
    assert abs((told["StateUpdatedTimestamp"].timestamp()) - CLOCK.now()) < 30


def test_the_state_was_updated_when_it_changed_also_if_nobody_asked(engine: Engine) -> None:
    watched = Watched(engine)
    watched.add(1)
    failed_at = CLOCK.now()
    watched.minute(60)
    told = watched.told()
    assert told["StateValue"] == "OK"
    assert 120 < told["StateUpdatedTimestamp"].timestamp() - failed_at < 300


def test_the_last_value_counts_for_three_minutes(engine: Engine) -> None:
    watched = Watched(engine)
    watched.add(1)
    states = []
    for _ in range(4):
        states.append(watched.state)
        watched.minute()
    assert states == ["ALARM", "ALARM", "ALARM", "OK"]


def test_a_later_value_counts_at_once(engine: Engine) -> None:
    watched = Watched(engine)
    watched.add(1)
    assert watched.state == "ALARM"
    watched.minute()
    watched.add(0)
    told = watched.told()
    assert told["StateValue"] == "OK"
    assert told["StateReason"].startswith("Threshold Crossed: 1 datapoint [0.0 (")
    assert told["StateReason"].endswith("] was not greater than the threshold (0.0).")


def test_values_of_other_dimensions_names_or_namespaces_do_not_count(engine: Engine) -> None:
    watched = Watched(engine)
    watched.add(1, dimensions={})
    watched.add(1, dimensions={"Stage": "Sift", "Code": "X"})
    watched.add(1, name="failures")
    metrics_of(engine.account).add("Other", OWN, {"Failures": 1})
    assert watched.state == "OK"


@pytest.mark.parametrize(
    ("operator", "above", "at", "below"),
    [
        ("GreaterThanThreshold", "ALARM", "OK", "OK"),
        ("GreaterThanOrEqualToThreshold", "ALARM", "ALARM", "OK"),
        ("LessThanThreshold", "OK", "OK", "ALARM"),
        ("LessThanOrEqualToThreshold", "OK", "ALARM", "ALARM"),
    ],
)
def test_values_are_compared_as_the_operator_says(
    engine: Engine, operator: str, above: str, at: str, below: str
) -> None:
    watched, states = Watched(engine, ComparisonOperator=operator, Threshold=5), []
    for value in (6, 5, 4):
        watched.add(value)
        states.append(watched.state)
        watched.minute()
    assert states == [above, at, below]


def test_so_many_of_the_last_periods_have_to_breach(engine: Engine) -> None:
    watched, states = Watched(engine, EvaluationPeriods=4, DatapointsToAlarm=2), []
    for value in (1, 0, 1, 0, 0, 0):
        watched.add(value)
        states.append(watched.state)
        watched.minute()
    assert states == ["OK", "OK", "ALARM", "ALARM", "OK", "OK"]


@pytest.mark.parametrize(
    ("treatment", "state"),
    [("breaching", "ALARM"), ("notBreaching", "OK"), ("missing", "INSUFFICIENT_DATA"), ("ignore", "INSUFFICIENT_DATA")],
)
def test_missing_data_are_treated_as_the_alarm_says(engine: Engine, treatment: str, state: str) -> None:
    assert Watched(engine, TreatMissingData=treatment).state == state


def test_a_state_is_kept_while_ignored_data_are_missing(engine: Engine) -> None:
    watched = Watched(engine, TreatMissingData="ignore")
    watched.add(1)
    assert watched.state == "ALARM"
    watched.minute(30)
    assert watched.state == "ALARM"


def test_an_alarm_over_days_is_evaluated_by_the_hour(engine: Engine) -> None:
    watched = Watched(engine, Period=3600, EvaluationPeriods=72, DatapointsToAlarm=3)
    states = []
    for _ in range(3):
        watched.add(1)
        states.append(watched.state)
        engine.travel(3600)
    assert states == ["OK", "OK", "ALARM"]
    engine.travel(60 * 3600)
    assert watched.state == "ALARM"
    engine.travel(20 * 3600)
    assert watched.state == "OK"


def test_an_alarm_on_an_expression_compares_what_is_returned(engine: Engine) -> None:
    def counted(name: str, metric: str) -> Template:
        of = {"Namespace": "Own", "MetricName": metric, "Dimensions": [{"Name": "Stage", "Value": "Sift"}]}
        return {"Id": name, "MetricStat": {"Metric": of, "Period": 3600, "Stat": "Sum"}, "ReturnData": False}

    properties = alarm(Threshold=50)["Properties"]
    for key in ("Namespace", "MetricName", "Dimensions", "Statistic", "Period"):
        del properties[key]
    queries = [
        {"Id": "rate", "Expression": "100 * bad / all", "ReturnData": True},
        counted("bad", "Bad"),
        counted("all", "All"),
    ]
    engine.deploy(template_text(Alarm=alarm() | {"Properties": properties | {"Metrics": queries}}), "stack")
    watched = Watched.__new__(Watched)
    watched.engine, states = engine, []
    for bad, all_ in ((0, 0), (1, 2), (1, 1)):
        watched.add(bad, name="Bad")
        watched.add(all_, name="All")
        states.append(watched.state)
    assert states == ["OK", "OK", "ALARM"]
    assert watched.told()["Metrics"][0]["Expression"] == "100 * bad / all"
    assert "[66.66666666666667 (" in watched.told()["StateReason"]


def test_a_state_that_is_set_by_hand_stays_until_the_data_say_something_new(engine: Engine) -> None:
    watched = Watched(engine)
    engine.client("cloudwatch").set_alarm_state(AlarmName="alarm", StateValue="ALARM", StateReason="a drill")
    assert (watched.told()["StateValue"], watched.told()["StateReason"]) == ("ALARM", "a drill")
    watched.add(1)
    assert watched.told()["StateReason"].startswith("Threshold Crossed")
    watched.minute(5)
    assert watched.state == "OK"


@pytest.mark.parametrize(
    ("properties", "problem"),
    [
        ({"Statistic": "IQM"}, "does not model the statistic IQM"),
        ({"Statistic": "", "ExtendedStatistic": "p99"}, "does not model the statistic p99"),
        ({"Period": 10}, "multiple of 60 seconds, not 10"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "the local engine models GreaterThanThreshold"),
        ({"Unit": "Count"}, "and no Unit"),
        ({"TreatMissingData": "whatever"}, "the treatments of missing data breaching"),
    ],
)
def test_an_alarm_that_is_not_modelled_is_refused(engine: Engine, properties: Template, problem: str) -> None:
    with pytest.raises(DeployError, match=problem):
        engine.deploy(template_text(Alarm=alarm(**properties)), "stack")


@pytest.mark.parametrize(
    "given", [{"AlarmNames": ["a"], "StateValue": "OK"}, {"ChildrenOfAlarmName": "a"}, {"AlarmTypes": ["MetricAlarm"]}]
)
def test_a_filter_of_alarms_that_is_not_modelled_is_refused(engine: Engine, given: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="of DescribeAlarms is not modelled"):
        engine.client("cloudwatch").describe_alarms(**given)
