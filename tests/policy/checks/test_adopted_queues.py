"""What is said of a workflow that adopts one queue of two, more, or one beside a queue of its own."""

from __future__ import annotations

from tests.policy.adopting_mutants import add_queue, parameter
from tests.policy.broken import said
from tests.policy.changes import drop, put

RULE = "WIRE22_ADOPTED_QUEUES"


def test_a_queue_without_one_for_its_dead_letters_or_with_two_is_found() -> None:
    place, fix = "/Parameters/OrdersQueueName", "keep one other parameter that ends in QueueName"
    what = "adopted queues could take the dead letters of this one"
    assert said(RULE, "adopting", parameter("OtherQueueName")) == [(f"2 {what} | fix: {fix}", place)]
    assert said(RULE, "adopting", drop("Parameters", "OrdersDeadLetterQueueName")) == [
        (f"0 {what} | fix: {fix}", place)
    ]


def test_a_queue_of_the_workflow_with_dead_letters_of_its_own_is_found() -> None:
    what = "the workflow takes its messages from an adopted queue, and this one has dead letters of its own"
    assert said(RULE, "adopting", add_queue(RedrivePolicy={"maxReceiveCount": 3})) == [
        (f"{what} | fix: remove it", "/Resources/Other/Properties/RedrivePolicy")
    ]
    assert said(RULE, "adopting", add_queue(DelaySeconds=1)) == []


def test_an_adopted_queue_beside_the_workflows_own_is_found() -> None:
    assert said(RULE, "express", put("Parameters", "OtherQueueName", {"Type": "String"})) == [
        (
            "the pipe takes no messages from the queue of this name | fix: remove the parameter",
            "/Parameters/OtherQueueName",
        )
    ]
