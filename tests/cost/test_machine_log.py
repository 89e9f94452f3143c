from __future__ import annotations

import json

import pytest

from ceap.cost.machine_log import machine_log_bytes
from ceap.local.engine import Engine
from tests.cost.support import machine_of
from tests.local.support import deploy_express
from tests.reference import EXPRESS, MESSAGE


def test_the_estimate_is_near_what_the_engine_logs(engine: Engine) -> None:
    deployed = deploy_express(engine)
    engine.client("sqs").send_message(QueueUrl=deployed.queue, MessageBody=MESSAGE)
    engine.drain()
    group = deployed.stack.outputs["StateMachineLogGroupName"]
    pages = engine.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    lines = [event["message"] for page in pages for event in page["events"]]
    assert json.loads(lines[-1])["type"] == "ExecutionSucceeded"
    logged = sum(len(line.encode()) for line in lines)
    _, machine = machine_of(EXPRESS)
    assert machine_log_bytes(machine, MESSAGE, 0) == pytest.approx(logged, rel=0.15)


def test_without_execution_data_the_message_is_not_logged() -> None:
    _, machine = machine_of(EXPRESS)
    machine.resource.properties["LoggingConfiguration"]["IncludeExecutionData"] = False
    assert machine_log_bytes(machine, "x" * 1000, 0) == machine_log_bytes(machine, "", 0) > 0


def test_a_machine_that_logs_errors_alone_logs_nothing_of_a_success() -> None:
    _, machine = machine_of(EXPRESS)
    machine.resource.properties["LoggingConfiguration"]["Level"] = "ERROR"
    assert machine_log_bytes(machine, "x", 0) == 0.0
