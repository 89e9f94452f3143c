"""An alarm's dimension names the resource that it is to watch, in the form in which the metric is published.

CloudWatch accepts any text: an alarm on a resource that does not exist never fires.
Source: requirement 8; "Available CloudWatch metrics" of SQS, "Monitoring Step Functions metrics", "Monitoring
EventBridge Pipes", "Monitoring Amazon EventBridge", "Lambda metrics".
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from ceap.cfn.adopted import ADOPTED_QUEUE, dead_letter_queue_of, named_queue, queue_at
from ceap.cfn.lookup import (
    ALARM,
    EVENT_RULE,
    FUNCTION,
    MACHINE,
    PIPE,
    QUEUE,
    SCHEDULE,
    SCHEDULE_GROUP,
    Resource,
    at,
    items,
    machines,
    pointed_at,
    reference,
    resources,
)
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from ceap.policy.senders import OBJECT_SOURCE, is_about_objects
from handlers.runtime.metrics import NAMESPACE

RULE: Final = "WIRE03_ALARM_DIMENSION"
ENTRY: Final = Entry(
    title="An alarm's dimension names the resource that it is to watch",
    why="CloudWatch accepts any text as a dimension: an alarm on a resource that does not exist never fires.",
    fix="Set the dimension to the resource, e.g. `{Name: QueueName, Value: !GetAtt Queue.QueueName}` for AWS/SQS.",
    requirement=("8.5", "8.7"),
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Dimension",
)


class _Dimension(NamedTuple):
    """The dimension of a namespace's metrics: its name, the type of its resource, and the attributes with its value."""

    name: str
    type: str
    attributes: tuple[str, ...]
    fix: str


_DIMENSIONS: Final = {
    "AWS/SQS": _Dimension("QueueName", QUEUE, ("QueueName",), "!GetAtt of a queue's QueueName"),
    "AWS/States": _Dimension("StateMachineArn", MACHINE, ("", "Arn"), "!Ref of a state machine"),
    "AWS/EventBridge/Pipes": _Dimension("PipeName", PIPE, ("",), "!Ref of a pipe"),
    "AWS/Events": _Dimension("RuleName", EVENT_RULE, ("",), "!Ref of a rule"),
    "AWS/Scheduler": _Dimension("ScheduleGroup", SCHEDULE_GROUP, ("",), "!Ref of a schedule group"),
    "AWS/Lambda": _Dimension("FunctionName", FUNCTION, ("",), "!Ref of a function"),
    NAMESPACE: _Dimension("FunctionName", FUNCTION, ("",), "!Ref of a function"),
}


_SOURCES: Final = {"aws.states", OBJECT_SOURCE}
_ALONE: Final = ("AWS/SQS", "AWS/EventBridge/Pipes", "AWS/Scheduler")
"""Namespaces whose metrics have one dimension only. Source: "CloudWatch metrics" of SQS, of pipes, of Scheduler."""


def check(template: Template) -> Iterator[Fault]:
    yield from _wrong_dimensions(template)
    yield from _unwatched(template)


def _wrong_dimensions(template: Template) -> Iterator[Fault]:
    for alarm in resources(template, ALARM):
        for place, metric in _metrics(alarm):
            yield from _wrong_dimensions_of(template, alarm, place, metric)


def _metrics(alarm: Resource) -> Iterator[tuple[tuple[Any, ...], Mapping[str, Any]]]:
    """Yield the place and the fields of each metric that an alarm is on, of one on an expression all that it names."""
    if "Metrics" not in alarm.properties:
        yield (), alarm.properties
    for index, query in enumerate(items(alarm.properties.get("Metrics"))):
        if isinstance(metric := at(query, "MetricStat", "Metric"), Mapping):
            yield ("Metrics", index, "MetricStat", "Metric"), metric


def _wrong_dimensions_of(
    template: Template, alarm: Resource, place: tuple[Any, ...], metric: Mapping[str, Any]
) -> Iterator[Fault]:
    namespace = metric.get("Namespace")
    right = _DIMENSIONS.get(namespace) if isinstance(namespace, str) else None
    dimensions = items(metric.get("Dimensions"))
    if namespace in _ALONE and len(dimensions) > 1:
        what = f"{namespace} publishes no metric with these dimensions, so the alarm never fires"
        yield Fault(alarm.path(*place, "Dimensions"), what, f"only {_DIMENSIONS[namespace].name}")
    for index, dimension in enumerate(dimensions):
        if right and _points_elsewhere(template, right, dimension):
            what = f"{namespace} has no such {right.name}, so the alarm never fires"
            yield Fault(alarm.path(*place, "Dimensions", index, "Value"), what, right.fix)


def _points_elsewhere(template: Template, right: _Dimension, dimension: Any) -> bool:
    """Return whether a dimension of that name has the value of another resource, or another attribute."""
    found, target = pointed_at(template, at(dimension, "Value")), reference(at(dimension, "Value"))
    if not (found and target and at(dimension, "Name") == right.name):
        return False
    if found.type.startswith("AWS::Serverless::"):  # becomes another type when the stack is deployed
        return False
    return found.type != right.type or target[1] not in right.attributes


def _unwatched(template: Template) -> Iterator[Fault]:
    """Yield each metric that has alarms, but none of them on the workflow's own resource."""
    alarms = list(resources(template, ALARM))
    for namespace, metric, resource in _watched(template):
        dimension = _DIMENSIONS[namespace].name
        same = [alarm for alarm in alarms if _is_on(alarm, namespace, metric)]
        if same and not any(_watches(template, alarm, dimension, resource) for alarm in same):
            what = f"no alarm on {metric} watches {resource.logical_id}"
            yield Fault(same[0].path("Dimensions"), what, f"set its {dimension} in Dimensions")


def _watched(template: Template) -> Iterator[tuple[str, str, Resource]]:
    """Yield the namespace, metric and resource that an alarm must watch."""
    for pipe in resources(template, PIPE):
        yield "AWS/EventBridge/Pipes", "ExecutionFailed", pipe
        queue = queue_at(template, pipe.properties.get("Source"))
        if queue:
            yield "AWS/SQS", "ApproximateAgeOfOldestMessage", queue
            dead_letters = dead_letter_queue_of(template, queue)
            if dead_letters and dead_letters.type in (QUEUE, ADOPTED_QUEUE):
                yield "AWS/SQS", "ApproximateNumberOfMessagesVisible", dead_letters
    for machine in machines(template):
        for metric in ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"):
            yield "AWS/States", metric, machine.resource
    for rule in resources(template, EVENT_RULE):
        if not _SOURCES.isdisjoint(items(at(rule.properties, "EventPattern", "source"))):
            yield "AWS/Events", "FailedInvocations", rule
    yield from _watched_triggers(template)


def _watched_triggers(template: Template) -> Iterator[tuple[str, str, Resource]]:
    """Yield what tells of messages that a schedule or a rule on new objects could not send."""
    targets = [schedule.properties.get("Target") for schedule in resources(template, SCHEDULE)]
    for schedule in resources(template, SCHEDULE):
        group = pointed_at(template, schedule.properties.get("GroupName"))
        if group and group.type == SCHEDULE_GROUP:
            yield "AWS/Scheduler", "InvocationDroppedCount", group
    for rule in filter(is_about_objects, resources(template, EVENT_RULE)):
        targets += items(rule.properties.get("Targets"))
    for target in targets:
        queue = pointed_at(template, at(target, "DeadLetterConfig", "Arn"))
        if queue and queue.type == QUEUE:
            yield "AWS/SQS", "ApproximateNumberOfMessagesVisible", queue


def _is_on(alarm: Resource, namespace: str, metric: str) -> bool:
    return alarm.properties.get("Namespace") == namespace and alarm.properties.get("MetricName") == metric


def _watches(template: Template, alarm: Resource, dimension: str, resource: Resource) -> bool:
    found = named_queue if resource.type == ADOPTED_QUEUE else pointed_at
    return any(
        at(named, "Name") == dimension and found(template, at(named, "Value")) == resource
        for named in items(alarm.properties.get("Dimensions"))
    )
