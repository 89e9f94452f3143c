"""Numbers that were computed by hand, of the reference's workflows."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ceap.cost.load import Load
from ceap.cost.prices import Item
from ceap.cost.usage import express_obstacle, measure, of_express, of_standard
from tests.cost.support import load_of, machine_of
from tests.reference import EXPRESS, STANDARD, TRIGGERED


def each(declaration: Path, load: Load) -> dict[Item, float]:
    template, machine = machine_of(declaration)
    return dict(measure(template, machine, load, metrics=0, pollers=5).each)


def test_a_standard_execution_makes_one_transition_a_state() -> None:
    _, machine = machine_of(EXPRESS)  # ReceiveMessage and five stages
    assert of_standard(machine, load_of(EXPRESS)) == {Item.STANDARD_TRANSITION: 6}


def test_each_retry_is_one_more_transition() -> None:
    _, machine = machine_of(EXPRESS)
    assert of_standard(machine, load_of(EXPRESS, retries=0.5)) == {Item.STANDARD_TRANSITION: 6.5}


@pytest.mark.parametrize(
    ("stage_s", "gb_seconds"),
    [
        (2.0, 0.625),  # 5 x 2 s = 10 s x 64 MB = 10 / 16
        (0.001, 0.00625),  # 5 ms are billed as 100 ms: 0.1 / 16
        (0.0202, 0.0125),  # 101 ms are billed as 200 ms: 0.2 / 16
    ],
)
def test_an_express_execution_is_billed_by_begun_100_ms_and_64_mb(stage_s: float, gb_seconds: float) -> None:
    billed = of_express(load_of(EXPRESS, stage_s=stage_s))
    assert billed == {Item.EXPRESS_REQUEST: 1, Item.EXPRESS_GB_SECOND: pytest.approx(gb_seconds)}


def test_functions_are_billed_by_attempts_and_gb_seconds_of_their_architecture() -> None:
    found = each(EXPRESS, load_of(EXPRESS, retries=1))
    # 5 stages and 1 retry, each 2 s x 1,024 MB; the template's functions run on arm64.
    assert (found[Item.LAMBDA_REQUEST], found[Item.LAMBDA_ARM64]) == (6, 12)
    assert Item.LAMBDA_X86 not in found
    assert Item.LAMBDA_STORAGE not in found


def test_begun_milliseconds_of_a_function_are_billed() -> None:
    assert each(EXPRESS, load_of(EXPRESS, stage_s=0.0101))[Item.LAMBDA_ARM64] == pytest.approx(5 * 0.011)


@pytest.mark.parametrize(("job_s", "hours"), [(90.0, 0.05), (1.0, 1 / 30), (3600.0, 2.0)])
def test_a_job_is_billed_by_workers_and_one_minute_at_least(job_s: float, hours: float) -> None:
    # 2 workers of G.1X, 1 DPU each.
    assert each(STANDARD, load_of(STANDARD, job_s=job_s))[Item.GLUE] == pytest.approx(hours)


def test_each_output_is_written_once_and_read_twice_by_the_next_stage() -> None:
    found = each(EXPRESS, load_of(EXPRESS))
    assert (found[Item.S3_PUT], found[Item.S3_GET]) == (5, 8)
    # 5 outputs of 1,000 bytes for 7 of 30 days.
    assert found[Item.S3_STORAGE] == pytest.approx(5000 / 1024**3 * 7 / 30)


def test_an_output_above_5_mib_is_written_in_parts() -> None:
    # 12 MB are 3 parts, with start and end 5 requests for each of 5 stages.
    assert each(EXPRESS, load_of(EXPRESS, records=12, record_bytes=1_000_000))[Item.S3_PUT] == 25


@pytest.mark.parametrize(("size", "requests", "passed_on"), [(10, 3, 1), (64 * 1024, 3, 1), (64 * 1024 + 1, 5, 2)])
def test_a_message_is_billed_in_units_of_64_kb(size: int, requests: int, passed_on: int) -> None:
    found = each(EXPRESS, load_of(EXPRESS, message="x" * size))
    assert (found[Item.SQS], found[Item.PIPE]) == (requests, passed_on)


def test_a_record_is_written_to_each_table_and_each_of_its_indexes() -> None:
    found = each(EXPRESS, load_of(EXPRESS))
    # 10 records: ratings 10, told 10, records 10 and as many in each of their 2 indexes; reads, which come in batches:
    # config 5 by two stages each, ratings 5.
    assert (found[Item.DYNAMODB_WRITE], found[Item.DYNAMODB_READ]) == (50, 15)


def test_events_are_those_that_are_published() -> None:
    assert each(EXPRESS, load_of(EXPRESS))[Item.EVENT] == 10


def test_logs_are_those_of_state_machine_and_functions() -> None:
    small, large = (each(EXPRESS, load_of(EXPRESS, message=text))[Item.LOG] for text in ("", "x" * 1000))
    # The message stands in start and end, in what 6 states take and pass on, and in the first function's payload.
    assert (large - small) * 1024**3 == pytest.approx(15 * 1000)


def test_a_log_is_kept_for_14_days_compressed() -> None:
    found = each(EXPRESS, load_of(EXPRESS))
    assert found[Item.LOG_STORAGE] == pytest.approx(found[Item.LOG] * 0.15 * 14 / 30)


@pytest.mark.parametrize(
    ("executions", "traces"), [(1000, 1.0), (2_592_000, 1.0), (5_184_000, (2_592_000 * 1.05) / 5_184_000)]
)
def test_traces_are_one_a_second_and_a_twentieth_of_the_others(executions: int, traces: float) -> None:
    assert each(EXPRESS, load_of(EXPRESS, executions=executions))[Item.TRACE] == pytest.approx(traces)


def test_every_month_has_its_alarms_metrics_dashboards_and_empty_receives() -> None:
    template, machine = machine_of(EXPRESS)
    month = measure(template, machine, load_of(EXPRESS), metrics=3, pollers=2).month
    types = [body["Type"] for body in template.data["Resources"].values()]
    assert month[Item.METRIC] == 5 * 4 + 3
    assert month[Item.SQS] == 2 * 129_600  # 30 days of 86,400 s, one receive in 20 s
    assert month[Item.ALARM] >= types.count("AWS::CloudWatch::Alarm")
    assert month.get(Item.DASHBOARD, 0) == types.count("AWS::CloudWatch::Dashboard")


def test_steps_with_a_job_cannot_run_as_express() -> None:
    template, machine = machine_of(STANDARD)
    assert express_obstacle(template, machine, load_of(STANDARD)) == (
        "HeavyStage runs a Glue job, and EXPRESS has no integration that waits for one"
    )


def test_steps_that_may_take_more_than_300_s_cannot_run_as_express() -> None:
    template, machine = machine_of(TRIGGERED)
    function = template.data["Resources"]["KeepFunction"]["Properties"]
    load = load_of(TRIGGERED)
    assert express_obstacle(template, machine, load) is None
    function["Timeout"] = 241
    reason = "the timeouts of its functions are 301 s together, and an EXPRESS execution ends after 300 s"
    assert express_obstacle(template, machine, load) == reason


def test_an_execution_that_takes_more_than_300_s_cannot_run_as_express() -> None:
    template, machine = machine_of(EXPRESS)
    load = msgspec.structs.replace(load_of(EXPRESS), duration_s=300.5)
    reason = "an execution takes 300.5 s, and an EXPRESS execution ends after 300 s"
    assert express_obstacle(template, machine, load) == reason
