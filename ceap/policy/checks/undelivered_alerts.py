"""The queue for an event rule's undelivered events allows that rule to send to it.

EventBridge drops an undelivered event without an error if the dead-letter queue refuses it.
Source: requirement 8.7; EventBridge User Guide, "Using dead-letter queues to process undelivered events".
"""

from collections.abc import Iterator
from typing import Any, Final

from ceap.cfn.lookup import EVENT_RULE, QUEUE, Resource, at, items, pointed_at, resources
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from ceap.policy.senders import may_send, sends_to

RULE: Final = "WIRE05_UNDELIVERED_ALERTS"
ENTRY: Final = Entry(
    title="The queue for undelivered alerts allows their rule to send to it",
    why="EventBridge drops an undelivered alert without an error if the dead-letter queue refuses it.",
    fix=(
        "In the queue's policy, allow `sqs:SendMessage` to `Service: events.amazonaws.com`, with the rule's ARN "
        "as `aws:SourceArn`."
    ),
    requirement=("8.7",),
    source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html",
)


def check(template: Template) -> Iterator[Fault]:
    for rule in resources(template, EVENT_RULE):
        for index, target in enumerate(items(rule.properties.get("Targets"))):
            arn = at(target, "DeadLetterConfig", "Arn")
            queue = pointed_at(template, arn)
            if queue and not _keeps(template, queue, arn, rule):
                what = f"{queue.logical_id} refuses the undelivered events of {rule.logical_id}"
                fix = "a policy that allows events.amazonaws.com sqs:SendMessage, aws:SourceArn the ARN of this rule"
                yield Fault(rule.path("Targets", index, "DeadLetterConfig", "Arn"), what, fix)


def _keeps(template: Template, queue: Resource, arn: Any, rule: Resource) -> bool:
    return queue.type == QUEUE and sends_to(template, arn, queue) and may_send(template, rule, queue)
