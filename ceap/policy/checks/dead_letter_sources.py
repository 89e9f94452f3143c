"""A dead-letter queue allows exactly the queues that send to it.

It spells out their ARNs, because `GetAtt` both ways would be a circular dependency. If a name differs, SQS refuses the
queue.
Source: requirement 8.5; SQS Developer Guide, "Configuring a dead-letter queue", RedriveAllowPolicy.
"""

from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import QUEUE, Resource, at, items, pointed_at, reference, resources, text
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault

RULE: Final = "WIRE04_DEAD_LETTER_SOURCES"
ENTRY: Final = Entry(
    title="A dead-letter queue allows exactly the queues that send to it",
    why="RedriveAllowPolicy spells out their ARNs; where a name differs, SQS refuses the queue or its dead letters.",
    fix="In RedriveAllowPolicy, list in `sourceQueueArns` the ARN of each queue whose RedrivePolicy names this one.",
    requirement=("8.5",),
    source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html",
)

_TARGET: Final = ("RedrivePolicy", "deadLetterTargetArn")
_SOURCES: Final = ("RedriveAllowPolicy", "sourceQueueArns")


def check(template: Template) -> Iterator[Fault]:
    for queue in resources(template, QUEUE):
        target = at(queue.properties, *_TARGET)
        found = pointed_at(template, target)
        if found and (found.type != QUEUE or (reference(target) or ("", ""))[1] != "Arn"):
            what = "deadLetterTargetArn is not the ARN of a queue"
            yield Fault(queue.path(*_TARGET), what, "!GetAtt of the dead-letter queue's Arn")
        yield from _source_faults(template, queue)


def _source_faults(template: Template, dead_letters: Resource) -> Iterator[Fault]:
    listed = [text(arn) for arn in items(at(dead_letters.properties, *_SOURCES))]
    if not listed or None in listed:
        return  # not byQueue, or known only when deployed
    sources = [
        queue.name
        for queue in resources(template, QUEUE)
        if pointed_at(template, at(queue.properties, *_TARGET)) == dead_letters and queue.name
    ]
    endings = tuple(f":{name}" for name in sources)
    for index, arn in enumerate(listed):
        if arn and not (":sqs:" in arn and arn.endswith(endings)):
            cure = f"the ARN of {' and '.join(sources)}" if sources else "remove RedriveAllowPolicy"
            yield Fault(dead_letters.path(*_SOURCES, index), f"{arn} does not send its dead letters here", cure)
    for name in sources:
        if not any(arn and arn.endswith(f":{name}") for arn in listed):
            yield Fault(dead_letters.path(*_SOURCES), f"the dead letters of {name} are refused", "add its ARN")
