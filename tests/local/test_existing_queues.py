"""A workflow that adopts queues and an event bus, in the local engine: they are there before it, and after it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.clock import CLOCK
from ceap.local.engine import Engine
from ceap.local.existing_queues import make_existing
from templates import budget
from templates.render import render
from tests.local.support import Deployed, adopting_template, deploy_adopting, express_template

BODY = json.dumps({"source": {"kind": "inline", "records": [{"id": "r1", "amount": 1}]}})


@contextmanager
def deployed() -> Iterator[Deployed]:
    with Engine.start() as engine:
        yield deploy_adopting(engine)
    assert CLOCK.rewind(10)


@pytest.fixture(scope="module")
def adopting() -> Iterator[Deployed]:
    with deployed() as found:
        yield found


@pytest.fixture
def own() -> Iterator[Deployed]:
    """One for a test that deletes it."""
    with deployed() as found:
        yield found


def attributes(engine: Engine, name: str) -> dict[str, Any]:
    sqs = engine.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found: dict[str, Any] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found


def test_a_message_of_the_adopted_queue_is_processed_and_its_event_published_on_the_adopted_bus(
    adopting: Deployed,
) -> None:
    before = len(adopting.engine.executions)
    adopting.engine.send(adopting.queue, BODY)
    [execution] = adopting.engine.drain()[before:]
    assert execution.status == "SUCCEEDED"
    assert [event["EventBusName"] for event in adopting.engine.events()] == ["OrdersEventBus"]
    assert adopting.engine.messages(adopting.queue) == []


@pytest.mark.property(33, "E")
def test_a_message_that_fails_three_times_is_in_the_adopted_dead_letter_queue_with_its_body(adopting: Deployed) -> None:
    before = len(adopting.engine.executions)
    adopting.engine.send(adopting.queue, "no JSON")
    executions = adopting.engine.drain()[before:]
    assert [execution.status for execution in executions] == ["FAILED"] * budget.MAX_RECEIVES
    assert adopting.dead_letters == ["no JSON"]
    assert adopting.engine.messages(adopting.queue) == []


def test_the_stack_has_neither_the_queues_nor_the_bus(adopting: Deployed) -> None:
    assert list(adopting.stack.of_type("AWS::SQS::Queue")) == ["TriggerDeadLetterQueue"]
    assert adopting.queue.endswith("/OrdersQueue")
    assert adopting.stack.outputs["DeadLetterQueueUrl"].endswith("/OrdersDeadLetterQueue")


def test_they_are_as_those_of_ceap_would_be(adopting: Deployed) -> None:
    queue, dead = (attributes(adopting.engine, name) for name in ("OrdersQueue", "OrdersDeadLetterQueue"))
    redrive = {"deadLetterTargetArn": dead["QueueArn"], "maxReceiveCount": budget.MAX_RECEIVES}
    assert json.loads(queue["RedrivePolicy"]) == redrive
    assert (queue["VisibilityTimeout"], queue["MaximumMessageSize"]) == ("1080", str(budget.MAX_MESSAGE_BYTES))
    assert {each["MessageRetentionPeriod"] for each in (queue, dead)} == {str(budget.RETENTION_S)}


def test_the_pipes_on_a_queue_are_listed_and_an_unknown_filter_is_refused(adopting: Deployed) -> None:
    pipes, arn = adopting.engine.client("pipes"), attributes(adopting.engine, "OrdersQueue")["QueueArn"]
    [pipe] = pipes.list_pipes(SourcePrefix=arn, CurrentState="RUNNING")["Pipes"]
    assert (pipe["Name"], pipe["Source"], pipe["DesiredState"]) == ("ceap-adopting-dev", arn, "RUNNING")
    assert pipes.list_pipes(SourcePrefix=arn, DesiredState="STOPPED")["Pipes"] == []
    assert pipes.list_pipes(SourcePrefix=f"{arn}-other")["Pipes"] == []
    with pytest.raises(ClientError, match="the local engine does not model Limit of ListPipes"):
        pipes.list_pipes(Limit=1)


def test_one_attribute_is_set_and_the_policy_stays(adopting: Deployed) -> None:
    policy = attributes(adopting.engine, "OrdersQueue")["Policy"]
    adopting.engine.client("sqs").set_queue_attributes(QueueUrl=adopting.queue, Attributes={"DelaySeconds": "0"})
    assert attributes(adopting.engine, "OrdersQueue")["Policy"] == policy
    adopting.engine.client("sqs").set_queue_attributes(QueueUrl=adopting.queue, Attributes={"Policy": ""})
    assert "Policy" not in attributes(adopting.engine, "OrdersQueue")


def test_a_stack_that_is_deleted_leaves_them_with_their_messages(own: Deployed) -> None:
    engine = own.engine
    engine.client("pipes").stop_pipe(Name="ceap-adopting-dev")
    engine.send(own.queue, BODY)
    before = attributes(engine, "OrdersQueue")
    engine.client("cloudformation").delete_stack(StackName="ceap-adopting-dev")
    assert engine.messages(own.queue) == [BODY]
    assert attributes(engine, "OrdersQueue") == before
    assert engine.client("events").describe_event_bus(Name="OrdersEventBus")["Name"] == "OrdersEventBus"


def test_nothing_is_made_for_a_workflow_that_adopts_nothing() -> None:
    def client(service: str) -> Any:
        raise AssertionError(service)

    assert make_existing(client, render(express_template())) == {}


def test_each_is_called_as_its_parameter() -> None:
    with Engine.start(warm=False) as engine:
        assert make_existing(engine.client, render(adopting_template())) == {
            "OrdersQueueName": "OrdersQueue",
            "OrdersDeadLetterQueueName": "OrdersDeadLetterQueue",
            "OrdersEventBusName": "OrdersEventBus",
        }
