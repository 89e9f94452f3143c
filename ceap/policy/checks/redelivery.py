"""A message becomes visible again only after its execution, and the queue keeps it for all its receives.

Source: property 33; requirements 4.3 and 8.6; SQS Developer Guide, "Visibility timeout"; EventBridge User Guide,
"Amazon SQS as a source".
"""

from collections.abc import Iterator
from typing import Final

from ceap.cfn.adopted import ADOPTED_QUEUE, named_queue, queue_at, visibility_needed_s
from ceap.cfn.lookup import (
    ALARM,
    PIPE,
    QUEUE,
    Machine,
    Resource,
    at,
    items,
    machines,
    number,
    pointed_at,
    resources,
)
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates import budget

RULE: Final = "P33_REDELIVERY"
ENTRY: Final = Entry(
    title="A message becomes visible again only after its execution, and the queue keeps it for all its receives",
    why=(
        "If it becomes visible sooner, two executions process it at the same time. If SQS deletes it sooner, it "
        "never reaches the dead-letter queue."
    ),
    fix=(
        "Set `VisibilityTimeout`, for EXPRESS six times the sum of the functions' Timeout, and "
        "`MessageRetentionPeriod` to the seconds that the finding names."
    ),
    property=33,
    requirement=("4.3", "8.5", "8.6"),
    source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html",
)

VISIBILITY_DEFAULT_S: Final = 30
RETENTION_DEFAULT_S: Final = 345_600
"""SQS's own VisibilityTimeout and MessageRetentionPeriod. Source: AWS::SQS::Queue."""


def check(template: Template) -> Iterator[Fault]:
    by_id = {machine.resource.logical_id: machine for machine in machines(template)}
    for pipe in resources(template, PIPE):
        queue = queue_at(template, pipe.properties.get("Source"))
        target = pointed_at(template, pipe.properties.get("Target"))
        machine = target and by_id.get(target.logical_id)
        if queue and machine:
            yield from _faults(template, queue, machine)


def _faults(template: Template, queue: Resource, machine: Machine) -> Iterator[Fault]:
    """Yield the faults of a queue; an adopted one has at least the time that `ceap deploy` demands of it."""
    needed_s = visibility_needed_s(template, machine)
    given = needed_s if queue.type == ADOPTED_QUEUE else queue.properties.get("VisibilityTimeout", VISIBILITY_DEFAULT_S)
    visibility_s = number(given)
    if visibility_s is None:
        return
    if visibility_s < needed_s:
        what = f"a message may become visible after {visibility_s} s, while it is processed"
        yield Fault(queue.path("VisibilityTimeout"), what, f"VisibilityTimeout: {needed_s}")
    if queue.type == QUEUE:
        yield from _retention_faults(queue, visibility_s)
    for alarm in resources(template, ALARM):
        limit_s = number(alarm.properties.get("Threshold"))
        due_s = budget.queue_age_alarm_s(int(visibility_s))
        if _is_on_age_of(template, alarm, queue) and limit_s is not None and limit_s < due_s:
            what = "the alarm fires while a message may still be processed"
            yield Fault(alarm.path("Threshold"), what, f"Threshold: {due_s}")


def _retention_faults(queue: Resource, visibility_s: float) -> Iterator[Fault]:
    receives = number(at(queue.properties, "RedrivePolicy", "maxReceiveCount"))
    retention_s = number(queue.properties.get("MessageRetentionPeriod", RETENTION_DEFAULT_S))
    if receives and retention_s is not None and retention_s < receives * visibility_s:
        least_s = int(receives * visibility_s)
        what = f"SQS deletes a message before it was received {receives} times"
        yield Fault(queue.path("MessageRetentionPeriod"), what, f"MessageRetentionPeriod: {least_s} or more")


def _is_on_age_of(template: Template, alarm: Resource, queue: Resource) -> bool:
    values = [at(dimension, "Value") for dimension in items(alarm.properties.get("Dimensions"))]
    is_on_age = alarm.properties.get("MetricName") == "ApproximateAgeOfOldestMessage"
    return is_on_age and named_queue(template, values[0] if values else None) == queue
