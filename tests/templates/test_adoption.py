"""What a template has of queues and an event bus that exist, and that it changes none of them."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given

from templates import naming
from templates.model import Adoption, Workflow
from templates.stacks import workflow_stack
from tests.strategies import all_workflows, triggered_workflows, workflow_of
from tests.templates.support import VALID, of_type, one, refusal, statements

QUEUE, DEAD_LETTERS, BUS = "OrdersQueueName", "OrdersDeadLetterQueueName", "OrdersEventBusName"
QUEUES = Adoption(queue=QUEUE, dead_letter_queue=DEAD_LETTERS)
ARN = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:"
URL = "https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}/"
MADE = ("Queue", "QueuePolicy", "DeadLetterQueue", "DeadLetterQueuePolicy")
ADOPTED = {
    '{"Fn::GetAtt": ["Queue", "Arn"]}': json.dumps({"Fn::Sub": f"{ARN}${{{QUEUE}}}"}),
    '{"Fn::GetAtt": ["Queue", "QueueName"]}': json.dumps({"Ref": QUEUE}),
    '{"Ref": "Queue"}': json.dumps({"Fn::Sub": f"{URL}${{{QUEUE}}}"}),
    '{"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}': json.dumps({"Fn::Sub": f"{ARN}${{{DEAD_LETTERS}}}"}),
    '{"Fn::GetAtt": ["DeadLetterQueue", "QueueName"]}': json.dumps({"Ref": DEAD_LETTERS}),
    '{"Ref": "DeadLetterQueue"}': json.dumps({"Fn::Sub": f"{URL}${{{DEAD_LETTERS}}}"}),
}
"""What stands for the queues in a template that makes them, and in one that adopts them."""


def adopting(**adopted: str) -> dict[str, Any]:
    steps = [{"stage": "TakeStage", "handler": "take"}, {"stage": "TellStage", "handler": "tell"}]
    return workflow_stack(workflow_of({"name": "orders", "type": "EXPRESS", "adopt": adopted, "steps": steps}))


def without(template: dict[str, Any], *sections: str) -> dict[str, Any]:
    return {name: value for name, value in template.items() if name not in (*sections, "Metadata", "Parameters")}


@given(workflow=all_workflows() | triggered_workflows().filter(lambda workflow: workflow.s3_events is None))
def test_a_workflow_with_adopted_queues_differs_only_in_what_stands_for_them(workflow: Workflow) -> None:
    makes = workflow_stack(workflow)
    adopts = workflow_stack(msgspec.structs.replace(workflow, adopt=QUEUES))
    for logical_id in MADE:
        del makes["Resources"][logical_id]
    for template in (makes, adopts):
        template["Resources"].pop("Dashboard")  # its body is a text: see test_dashboard_...
    text = json.dumps(without(makes))
    for made, adopted in ADOPTED.items():
        text = text.replace(made, adopted)
    assert json.loads(text) == without(adopts)
    assert adopts["Parameters"].keys() - makes["Parameters"].keys() == {QUEUE, DEAD_LETTERS}
    assert set(MADE).isdisjoint(adopts["Resources"])


@given(workflow=all_workflows())
def test_no_resource_is_an_adopted_thing_or_changes_one(workflow: Workflow) -> None:
    adopts = workflow_stack(msgspec.structs.replace(workflow, adopt=QUEUES))
    # A queue, a policy or anything else could name an adopted one by its parameter.
    users = {resource["Type"] for resource in adopts["Resources"].values() if "QueueName}" in json.dumps(resource)}
    assert users == {"AWS::IAM::Role", "AWS::Pipes::Pipe", "AWS::CloudWatch::Dashboard"}


def test_the_pipe_takes_from_the_adopted_queue_and_its_role_may_do_that_alone() -> None:
    template = adopting(queue=QUEUE, dead_letter_queue=DEAD_LETTERS)
    assert one(template, "AWS::Pipes::Pipe")["Source"] == {"Fn::Sub": f"{ARN}${{{QUEUE}}}"}
    role = template["Resources"]["PipeRole"]["Properties"]
    assert statements(role)["TakeMessages"]["Resource"] == [{"Fn::Sub": f"{ARN}${{{QUEUE}}}"}]
    assert of_type(template, "AWS::SQS::Queue") == {}


def test_the_dashboard_shows_the_adopted_queues() -> None:
    body = one(adopting(queue=QUEUE, dead_letter_queue=DEAD_LETTERS), "AWS::CloudWatch::Dashboard")["DashboardBody"]
    [messages, age, *_] = [
        widget["properties"] for widget in json.loads(body["Fn::Sub"])["widgets"] if widget["type"] == "metric"
    ]
    assert [row[1:4] for row in messages["metrics"]] == [
        ["ApproximateNumberOfMessagesVisible", "QueueName", f"${{{DEAD_LETTERS}}}"],
        [".", ".", f"${{{QUEUE}}}"],
        ["ApproximateNumberOfMessagesNotVisible", ".", "."],
    ]
    assert [row[3] for row in age["metrics"]] == [f"${{{DEAD_LETTERS}}}", f"${{{QUEUE}}}"]


def test_events_go_to_the_adopted_bus_and_nowhere_else() -> None:
    template = adopting(event_bus=BUS)
    functions = of_type(template, "AWS::Lambda::Function")
    assert functions["TellFunction"]["Environment"]["Variables"]["EVENT_BUS"] == {"Ref": BUS}
    granted = statements(template["Resources"]["TellFunctionRole"]["Properties"])["PublishEvents"]["Resource"]
    assert granted == [{"Fn::Sub": f"{naming.arn('events', 'event-bus/')}${{{BUS}}}"}]
    assert "default" not in json.dumps(granted)
    assert set(MADE) <= template["Resources"].keys()


def test_each_parameter_takes_a_name_and_has_no_default() -> None:
    parameters = adopting(queue=QUEUE, dead_letter_queue=DEAD_LETTERS, event_bus=BUS)["Parameters"]
    patterns = {name: parameters[name]["AllowedPattern"] for name in (QUEUE, DEAD_LETTERS, BUS)}
    assert patterns == {
        QUEUE: naming.QUEUE_NAME_PATTERN,
        DEAD_LETTERS: naming.QUEUE_NAME_PATTERN,
        BUS: naming.EVENT_BUS_PATTERN,
    }
    assert not any("Default" in parameters[name] for name in patterns)


@pytest.mark.parametrize(
    ("adopted", "said"),
    [
        (
            f"queue: {QUEUE}",
            "adopt.queue is 'OrdersQueueName' without dead_letter_queue: a queue is adopted with the queue that takes "
            "its dead letters; add dead_letter_queue, or remove queue",
        ),
        (
            f"dead_letter_queue: {DEAD_LETTERS}",
            "adopt.dead_letter_queue is 'OrdersDeadLetterQueueName' without queue: a queue is adopted with the queue "
            "that takes its dead letters; add queue, or remove dead_letter_queue",
        ),
        (
            f"queue: {QUEUE}, dead_letter_queue: {QUEUE}",
            "adopt.dead_letter_queue is 'OrdersQueueName', as queue is; give each queue its own parameter",
        ),
        (
            f"event_bus: {BUS}",
            "adopt.event_bus is 'OrdersEventBusName', but no stage publishes events; remove it, or declare `events` in "
            "NEEDS of the handler that does",
        ),
        (
            "queue: shop-orders",
            "adopt.queue is 'shop-orders': expected str (the parameter that gives the name of an existing queue; ends "
            "in QueueName, e.g. OrdersQueueName)",
        ),
        (
            "queues: Orders",
            "adopt.queues is an unknown key; did you mean queue? allowed: queue, dead_letter_queue, event_bus",
        ),
    ],
)
def test_what_cannot_be_adopted_is_refused_with_the_cure(adopted: str, said: str) -> None:
    text = VALID.replace("steps:", f"adopt: {{{adopted}}}\nsteps:")
    assert refusal(text) == f"orders.yaml:3: {said}"


def test_an_event_rule_cannot_send_to_an_adopted_queue() -> None:
    text = VALID.replace(
        "steps:", f"s3_events: {{}}\nadopt: {{queue: {QUEUE}, dead_letter_queue: {DEAD_LETTERS}}}\nsteps:"
    )
    assert refusal(text) == (
        "orders.yaml:3: s3_events needs a queue whose policy lets an event rule send, and the policy of an adopted "
        "queue stays as it is; remove s3_events and let a rule of your own send, or let ceap make the queue: remove "
        "adopt.queue"
    )


def test_a_fifo_queue_cannot_be_named() -> None:
    assert re.fullmatch(naming.QUEUE_NAME_PATTERN, "shop-orders")
    assert re.fullmatch(naming.QUEUE_NAME_PATTERN, "shop-orders.fifo") is None
