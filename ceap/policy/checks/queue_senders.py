"""The policy of a workflow's queue allows the event rules that send to it, each by its ARN, and nobody else.

A message starts an execution. People and other stacks send with a role that may; a service that acts
for others needs the queue's policy, and ceap's templates have only rules that do. A Scheduler schedule has a role.
Source: SQS Developer Guide, "Overview of managing access in Amazon SQS".
"""

from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import EVENT_RULE, QUEUE, Resource, at, items, pointed_at, resources
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from ceap.policy.senders import EVENTS, QUEUE_POLICY, allows_only, find_queue, may_send, queues_of, unsent_queues

RULE: Final = "WIRE16_QUEUE_SENDERS"
ENTRY: Final = Entry(
    title="The policy of a queue allows the event rules that send to it, and nobody else",
    why="Each message starts an execution, and a sender with a role needs no permission in the queue's policy.",
    fix=(
        "Allow sqs:SendMessage to events.amazonaws.com with the rule's ARN as aws:SourceArn; grant other senders "
        "sqs:SendMessage in their own roles."
    ),
    requirement=("11.9",),
    source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-overview-of-managing-access.html",
)


def check(template: Template) -> Iterator[Fault]:
    if find_queue(template) is None:
        return
    protected = set()
    for policy in resources(template, QUEUE_POLICY):
        for queue in (pointed_at(template, named) for named in items(policy.properties.get("Queues"))):
            if queue:
                protected.add(queue.logical_id)
                yield from _statement_faults(template, policy, queue)
    for queue in unsent_queues(template):
        if queue.type == QUEUE and queue.logical_id not in protected:
            cure = "an AWS::SQS::QueuePolicy that denies sqs:* where aws:SecureTransport is 'false'"
            yield Fault(queue.path(), "the queue has no policy, so it takes requests without TLS", cure)


def _statement_faults(template: Template, policy: Resource, queue: Resource) -> Iterator[Fault]:
    senders = [rule for rule in resources(template, EVENT_RULE) if queue in queues_of(template, rule)]
    names = " and ".join(rule.logical_id for rule in senders)
    cure = f"aws:SourceArn: the ARN of {names}" if names else "grant sqs:SendMessage in the sender's role"
    # Of a sender that is refused, WIRE05 and WIRE15 tell, and the statement is meant for it.
    are_refused = not all(may_send(template, rule, queue) for rule in senders)
    for index, statement in enumerate(items(at(policy.properties, "PolicyDocument", "Statement"))):
        if at(statement, "Effect") != "Allow" or any(allows_only(statement, rule) for rule in senders):
            continue
        if not (are_refused and EVENTS in items(at(statement, "Principal", "Service"))):
            what = f"the policy of {queue.logical_id} allows others than {names or 'roles'} to send"
            place = policy.path("PolicyDocument", "Statement", index)
            yield Fault(place, what, f"{cure}, or a waiver with the reason")
