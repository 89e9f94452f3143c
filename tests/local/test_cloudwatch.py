"""GetMetricData of the engine: what AWS emits, on the virtual clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.clock import CLOCK
from ceap.local.engine import Engine
from tests.local.support import Deployed, deploy_express
from tests.reference import MESSAGE

DAY_S = 86_400
OUTCOMES = ("Started", "Succeeded", "Failed", "TimedOut", "Aborted")


def query(namespace: str, name: str, dimensions: Mapping[str, str], stat: str = "Sum", **given: Any) -> dict[str, Any]:
    """Return a query whose id is the metric's name with a small first letter, of one period of a day."""
    named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    metric = {"Namespace": namespace, "MetricName": name, "Dimensions": named}
    stat_of = {"Metric": metric, "Period": DAY_S, "Stat": stat}
    return {"Id": name[0].lower() + name[1:], "MetricStat": stat_of, **given}


def values(engine: Engine, *queries: dict[str, Any]) -> dict[str, list[float]]:
    """Return the values of queries around now by their ids."""
    now = CLOCK.now()
    answer = engine.client("cloudwatch").get_metric_data(
        MetricDataQueries=list(queries), StartTime=now - DAY_S / 2, EndTime=now + DAY_S / 2
    )
    return {found["Id"]: found["Values"] for found in answer["MetricDataResults"]}


def executions(deployed: Deployed, name: str, stat: str = "Sum") -> dict[str, Any]:
    machine = {"StateMachineArn": deployed.stack.outputs["StateMachineArn"]}
    return query("AWS/States", name, machine, stat)


def test_executions_count_by_their_outcome_and_the_other_outcomes_have_zeros(happy: Deployed) -> None:
    found = values(happy.engine, *(executions(happy, f"Executions{each}") for each in OUTCOMES))
    assert found == {
        "executionsStarted": [1.0],
        "executionsSucceeded": [1.0],
        "executionsFailed": [0.0],
        "executionsTimedOut": [0.0],
        "executionsAborted": [0.0],
    }


def test_the_time_of_an_execution_is_in_milliseconds_and_that_which_is_billed_in_begun_steps(happy: Deployed) -> None:
    [execution] = happy.engine.executions
    found = values(
        happy.engine,
        executions(happy, "ExecutionTime", "Average"),
        executions(happy, "ExpressExecutionBilledDuration", "Maximum"),
    )
    took_ms = (execution.ended - execution.started) * 1000
    assert found["executionTime"] == [pytest.approx(took_ms)]
    assert found["expressExecutionBilledDuration"] == [pytest.approx(took_ms, abs=100)]
    assert found["expressExecutionBilledDuration"][0] % 100 == 0


def test_a_start_is_sampled_twice_as_on_aws(happy: Deployed) -> None:
    assert values(happy.engine, executions(happy, "ExecutionsStarted", "SampleCount")) == {"executionsStarted": [2.0]}


def test_metrics_without_a_dimension_are_those_of_the_account(happy: Deployed) -> None:
    assert values(happy.engine, query("AWS/States", "ExecutionsSucceeded", {})) == {"executionsSucceeded": [1.0]}


def test_a_failing_message_counts_at_the_virtual_time_of_each_of_its_executions(engine: Engine) -> None:
    deployed = deploy_express(engine)
    machine = engine.machine(deployed.stack.outputs["StateMachineArn"])
    engine.fail(machine.stages[1], "PermanentStageError", None)
    start = CLOCK.now() // 60 * 60
    engine.send(deployed.queue, MESSAGE)
    engine.drain()
    failed = executions(deployed, "ExecutionsFailed")
    failed["MetricStat"]["Period"] = 60
    [found] = engine.client("cloudwatch").get_metric_data(
        MetricDataQueries=[failed], StartTime=start, EndTime=CLOCK.now() + 60, ScanBy="TimestampAscending"
    )["MetricDataResults"]
    minutes = [each.ended // 60 * 60 for each in engine.executions]
    assert ([each.timestamp() for each in found["Timestamps"]], found["Values"]) == (minutes, [1.0, 1.0, 1.0])


def test_newer_values_come_first_unless_the_call_wants_it_otherwise(happy: Deployed) -> None:
    metrics, now = happy.engine.client("cloudwatch"), CLOCK.now()
    given = executions(happy, "ExecutionsStarted")
    given["MetricStat"]["Period"] = 60
    asked = {"MetricDataQueries": [given], "StartTime": now - DAY_S, "EndTime": now + 60}
    [newest] = metrics.get_metric_data(**asked)["MetricDataResults"]
    [oldest] = metrics.get_metric_data(**asked, ScanBy="TimestampAscending")["MetricDataResults"]
    assert newest["Timestamps"] == oldest["Timestamps"][::-1] == sorted(newest["Timestamps"], reverse=True)


def test_an_expression_is_calculated_where_all_that_it_names_has_a_value(happy: Deployed) -> None:
    queries = [executions(happy, f"Executions{each}") for each in ("Started", "Failed", "Throttled")]
    queries += [
        {"Id": "rate", "Expression": "100 * (executionsStarted + executionsFailed) / 2", "ReturnData": True},
        {"Id": "more", "Expression": "-rate + 1"},
        {"Id": "nothing", "Expression": "executionsStarted + executionsThrottled"},
        {"Id": "undefined", "Expression": "executionsStarted / executionsFailed"},
    ]
    found = values(happy.engine, *queries)
    assert {name: found[name] for name in ("rate", "more", "nothing", "undefined")} == {
        "rate": [50.0],
        "more": [-49.0],
        "nothing": [],
        "undefined": [],
    }


def test_a_query_that_returns_no_data_only_serves_others(happy: Deployed) -> None:
    hidden = executions(happy, "ExecutionsStarted") | {"ReturnData": False}
    assert values(happy.engine, hidden, {"Id": "twice", "Expression": "2 * executionsStarted"}) == {"twice": [2.0]}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"Expression": "SEARCH('AWS/States', 'Sum')"}, "does not model the expression SEARCH"),
        ({"Expression": "FILL(m1, 0)"}, "does not model the expression FILL"),
        ({"Expression": "SELECT SUM(x) FROM y"}, "does not model the expression SELECT"),
        ({"Expression": "True + 1"}, "does not model the expression True"),
        ({"Expression": "1 + 1"}, "names no other query"),
        ({"Expression": "2 * unknown"}, "names unknown, which has no value"),
        ({"Expression": "2 * q"}, "names q, which has no value"),
        (query("N", "M", {}, stat="p90"), "does not model the statistic p90"),
        (query("N", "M", {}, AccountId="1"), "does not model AccountId of a query"),
        (query("N", "M", {}, Label="${LAST}"), "fills in nothing in a Label"),
    ],
)
def test_a_query_that_is_not_modelled_is_refused(happy: Deployed, given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ClientError, match=problem):
        values(happy.engine, {**given, "Id": "q"})


def test_a_period_is_a_number_of_minutes(happy: Deployed) -> None:
    given = executions(happy, "ExecutionsStarted")
    given["MetricStat"]["Period"] = 90
    with pytest.raises(ClientError, match="multiple of 60 seconds, not 90"):
        values(happy.engine, given)


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.get_metric_statistics(Namespace="N", MetricName="M", StartTime=0, EndTime=60, Period=60),
        lambda c: c.list_metrics(),
        lambda c: c.describe_alarm_history(),
    ],
)
def test_what_tells_of_metrics_in_another_way_is_refused(happy: Deployed, call: Any) -> None:
    with pytest.raises(ClientError, match="of metrics the engine serves GetMetricData, PutMetricData"):
        call(happy.engine.client("cloudwatch"))


def test_metrics_that_are_put_are_there(engine: Engine) -> None:
    of = [{"Name": "Source", "Value": "orders"}]
    data = [
        {"MetricName": "Rows", "Value": 3.0, "Dimensions": of, "Timestamp": CLOCK.now()},
        {"MetricName": "Rows", "Values": [5.0, 7.0], "Counts": [2.0, 1.0], "Dimensions": of},
        {"MetricName": "Rows", "Value": 100.0},
    ]
    engine.client("cloudwatch").put_metric_data(Namespace="Own", MetricData=data)
    assert values(engine, query("Own", "Rows", {"Source": "orders"})) == {"rows": [20.0]}
    assert values(engine, query("Own", "Rows", {})) == {"rows": [100.0]}


def test_nobody_puts_metrics_of_aws(engine: Engine) -> None:
    with pytest.raises(ClientError, match="The value AWS/ for parameter Namespace is invalid"):
        engine.client("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[{"MetricName": "M", "Value": 1.0}])


def test_sums_that_are_put_are_refused(engine: Engine) -> None:
    sums = {"SampleCount": 1.0, "Sum": 1.0, "Minimum": 1.0, "Maximum": 1.0}
    with pytest.raises(ClientError, match="does not model StatisticValues of PutMetricData"):
        engine.client("cloudwatch").put_metric_data(
            Namespace="Own", MetricData=[{"MetricName": "Rows", "StatisticValues": sums}]
        )
