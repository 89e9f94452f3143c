"""A workflow that adopts its queue adopts the queue of its dead letters too, and no other.

The template cannot prove that one redrives to the other: `ceap deploy` asks SQS. But the alarm on dead letters, the
outputs and `ceap replay` are about the queue that the parameters name.
Source: requirement 8.5; SQS Developer Guide, "Dead-letter queues".
"""

from collections.abc import Iterator
from typing import Final

from ceap.cfn.adopted import ADOPTED_QUEUE, adopted_queues
from ceap.cfn.lookup import QUEUE, at, resources
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from ceap.policy.senders import find_queue

RULE: Final = "WIRE22_ADOPTED_QUEUES"
ENTRY: Final = Entry(
    title="A workflow that adopts its queue adopts the queue of its dead letters too, and no other",
    why="Without it nobody is told of the messages that failed for good, and nothing sends them again.",
    fix="Declare `adopt: {queue: OrdersQueueName, dead_letter_queue: OrdersDeadLetterQueueName}`.",
    requirement=("8.5",),
    source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html",
)


def check(template: Template) -> Iterator[Fault]:
    queue, adopted = find_queue(template), adopted_queues(template)
    if queue is None:
        return
    if queue.type != ADOPTED_QUEUE:
        for other in adopted:
            what = "the pipe takes no messages from the queue of this name"
            yield Fault(f"/Parameters/{other.logical_id}", what, "remove the parameter")
        return
    if len(adopted) != 2:
        what = f"{len(adopted) - 1} adopted queues could take the dead letters of this one"
        yield Fault(f"/Parameters/{queue.logical_id}", what, "keep one other parameter that ends in QueueName")
    for made in resources(template, QUEUE):
        if at(made.properties, "RedrivePolicy") is not None:
            what = "the workflow takes its messages from an adopted queue, and this one has dead letters of its own"
            yield Fault(made.path("RedrivePolicy"), what, "remove it")
