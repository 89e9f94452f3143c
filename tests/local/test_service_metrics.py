"""What the services of the engine measure of themselves, as GetMetricData tells it."""

from __future__ import annotations

import json

from ceap.local.clock import CLOCK
from ceap.local.engine import Engine
from tests.local.support import Deployed, deploy_express, deploy_triggered, log_group, template_text
from tests.local.test_cloudwatch import DAY_S, query, values
from tests.reference import MESSAGE

QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "queue", "VisibilityTimeout": 600}}
VISIBLE, HIDDEN, AGE = (
    "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateAgeOfOldestMessage",
)


def held(engine: Engine, name: str, stat: str = "Maximum") -> list[float]:
    """Return a metric of the queue for each minute until now."""
    given = query("AWS/SQS", name, {"QueueName": "queue"}, stat)
    given["MetricStat"]["Period"] = 60
    now = CLOCK.now()
    [found] = engine.client("cloudwatch").get_metric_data(
        MetricDataQueries=[given], StartTime=now - DAY_S, EndTime=now + 60, ScanBy="TimestampAscending"
    )["MetricDataResults"]
    numbers: list[float] = found["Values"]
    return numbers


def go_to_minute(engine: Engine) -> None:
    now = CLOCK.now()
    engine.travel((now // 60 + 1) * 60 - now + 0.001)


def test_a_queue_has_a_value_for_each_minute_also_of_time_that_was_jumped_over(engine: Engine) -> None:
    url = engine.deploy(template_text(Queue=QUEUE), "stack").physical_id("Queue")
    go_to_minute(engine)
    engine.send(url, "first")
    engine.travel(300)
    engine.send(url, "second")
    assert held(engine, VISIBLE)[-6:] == [1.0, 1.0, 1.0, 1.0, 1.0, 2.0]
    assert held(engine, AGE)[-6:-1] == [59.0, 119.0, 179.0, 239.0, 299.0]


def test_a_message_in_flight_is_hidden_and_becomes_visible_again(engine: Engine) -> None:
    url = engine.deploy(template_text(Queue=QUEUE), "stack").physical_id("Queue")
    go_to_minute(engine)
    engine.send(url, "body")
    engine.client("sqs").receive_message(QueueUrl=url)
    assert (held(engine, VISIBLE)[-1], held(engine, HIDDEN)[-1]) == (0.0, 1.0)
    engine.travel(720)
    assert held(engine, HIDDEN)[-13:] == [*[1.0] * 10, 0.0, 0.0, 0.0]
    assert held(engine, VISIBLE)[-13:] == [*[0.0] * 10, 1.0, 1.0, 1.0]


def test_a_queue_that_is_empty_tells_so_for_six_hours(engine: Engine) -> None:
    engine.deploy(template_text(Queue=QUEUE), "stack")
    engine.travel(60)
    assert set(held(engine, VISIBLE)) == {0.0}
    assert held(engine, AGE)[-1] == 0.0


def test_the_age_of_a_dead_letter_counts_from_when_it_was_moved(engine: Engine) -> None:
    dead = {"deadLetterTargetArn": {"Fn::GetAtt": ["Queue", "Arn"]}, "maxReceiveCount": 1}
    source = {"Type": "AWS::SQS::Queue", "Properties": {"RedrivePolicy": dead, "VisibilityTimeout": 0}}
    url = engine.deploy(template_text(Queue=QUEUE, Source=source), "stack").physical_id("Source")
    engine.send(url, "body")
    engine.travel(3600)
    for _ in range(2):
        engine.client("sqs").receive_message(QueueUrl=url)
    assert engine.messages("queue") == ["body"]
    engine.travel(180)
    assert 120 <= held(engine, AGE)[-1] <= 240


def test_a_pipe_and_a_function_count_what_they_did(happy: Deployed) -> None:
    pipe = {"PipeName": happy.stack.physical_id("Pipe")}
    function = {"FunctionName": "ceap-express-dev-Sift"}
    found = values(
        happy.engine,
        query("AWS/EventBridge/Pipes", "Invocations", pipe),
        query("AWS/EventBridge/Pipes", "ExecutionFailed", pipe),
        query("AWS/Lambda", "Errors", function),
        query("AWS/Lambda", "Duration", function, "Maximum"),
    )
    assert (found["invocations"], found["executionFailed"], found["errors"]) == ([1.0], [], [0.0])
    assert 0 < found["duration"][0] < 60_000


def test_a_function_that_fails_counts_as_an_error_and_the_pipe_as_failed(engine: Engine) -> None:
    deployed = deploy_express(engine)
    engine.fail(engine.machine(deployed.stack.outputs["StateMachineArn"]).stages[0], "PermanentStageError", 1)
    engine.send(deployed.queue, MESSAGE)
    engine.drain()
    found = values(
        engine,
        query("AWS/Lambda", "Errors", {"FunctionName": "ceap-express-dev-Take"}),
        query("AWS/EventBridge/Pipes", "ExecutionFailed", {"PipeName": deployed.stack.physical_id("Pipe")}),
    )
    assert found == {"errors": [1.0], "executionFailed": [1.0]}


def test_the_records_of_a_stage_are_metrics_of_its_function(happy: Deployed) -> None:
    names = ("InputCount", "OutputCount", "RejectedCount")
    of = {"FunctionName": "ceap-express-dev-Take"}
    found = values(happy.engine, *(query("CeapPlatform/Workflow", name, of) for name in names))
    assert found == {"inputCount": [6.0], "outputCount": [5.0], "rejectedCount": [1.0]}
    of = {"FunctionName": "ceap-express-dev-Keep"}
    found = values(happy.engine, query("CeapPlatform/Workflow", "StaleCount", of))
    assert found == {"staleCount": [0.0]}


def test_a_line_that_is_no_metric_is_none(engine: Engine) -> None:
    engine.deploy(template_text(Group=log_group("group")), "stack")
    directive = {"Namespace": "Own", "Dimensions": [["Stage"], []], "Metrics": [{"Name": "Rows"}, {"Name": "Gone"}]}
    good = {"_aws": {"Timestamp": int(CLOCK.now() * 1000), "CloudWatchMetrics": [directive]}, "Stage": "S"}
    lines = [json.dumps(good | {"Rows": [2, 3]}), '{"_aws": 1}', '"_aws"', '{"_aws": {"CloudWatchMetrics": [{}]}}']
    engine.logs.write("group", "stream", lines, None)
    assert values(engine, query("Own", "Rows", {"Stage": "S"})) == {"rows": [5.0]}
    assert values(engine, query("Own", "Rows", {}, "Maximum")) == {"rows": [3.0]}


def test_a_schedule_and_a_rule_count_what_they_sent(engine: Engine) -> None:
    deploy_triggered(engine)
    engine.fire_schedules()
    engine.announce_object("my-exports-dev", "orders/1.csv", 6)
    found = values(
        engine,
        query("AWS/Scheduler", "InvocationAttemptCount", {"ScheduleGroup": "ceap-triggered-dev-schedule"}),
        query("AWS/Scheduler", "InvocationDroppedCount", {"ScheduleGroup": "ceap-triggered-dev-schedule"}),
        query("AWS/Events", "Invocations", {"RuleName": "ceap-triggered-dev-objects"}),
        query("AWS/Events", "FailedInvocations", {"RuleName": "ceap-triggered-dev-objects"}),
    )
    assert found == {
        "invocationAttemptCount": [1.0],
        "invocationDroppedCount": [],
        "invocations": [1.0],
        "failedInvocations": [],
    }
