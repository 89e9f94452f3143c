"""The queue for an event rule's undelivered events allows that rule to send to it.

EventBridge drops an undelivered event without an error if the dead-letter queue refuses it.
Source: requirement 8.7; EventBridge User Guide, "Using dead-letter queues to process undelivered events".
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

from ceap.cfn.lookup import (
    EVENT_RULE,
    QUEUE,
    Resource,
    at,
    items,
    pointed_at,
    reference,
    resources,
    source_arns,
    text,
)
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault

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
    is_arn_of_queue = queue.type == QUEUE and (reference(arn) or ("", ""))[1] == "Arn"
    return is_arn_of_queue and any(_lets_in(template, statement, rule) for statement in _statements(template, queue))


def _statements(template: Template, queue: Resource) -> Iterator[Any]:
    for policy in resources(template, "AWS::SQS::QueuePolicy"):
        if queue in [pointed_at(template, named) for named in items(policy.properties.get("Queues"))]:
            for statement in items(at(policy.properties, "PolicyDocument", "Statement")):
                # Anything but a reference is "*", or known only when deployed.
                if any(pointed_at(template, named) in (queue, None) for named in items(at(statement, "Resource"))):
                    yield statement


def _lets_in(template: Template, statement: Any, rule: Resource) -> bool:
    return (
        at(statement, "Effect") == "Allow"
        and "events.amazonaws.com" in items(at(statement, "Principal", "Service"))
        and not {"sqs:SendMessage", "sqs:*"}.isdisjoint(map(text, items(at(statement, "Action"))))
        and all(_is_arn(template, arn, rule) for _, arn in source_arns(statement))
    )


def _is_arn(template: Template, arn: Any, rule: Resource) -> bool:
    spelled = text(arn)
    if spelled is None:
        return pointed_at(template, arn) in (rule, None)
    pattern = spelled.partition(":rule/")[2]
    return fnmatchcase(rule.name, pattern) if rule.name else "*" in pattern  # CloudFormation generates the name
