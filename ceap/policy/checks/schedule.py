"""A schedule of a workflow sends one message, at a time that Scheduler knows, to the workflow's queue and only there.

Past the queue it would start executions without retries, dead letters and alarms.
Source: EventBridge Scheduler User Guide, "Schedule types", "Using templated targets".
"""

from collections.abc import Iterator
from typing import Any, Final

from ceap.cfn.lookup import SCHEDULE, SCHEDULE_GROUP, Resource, at, pointed_at, resources, text
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from ceap.policy.senders import arn_of, find_queue, keeps_unsent, sends_to
from templates.document import parse_json
from templates.schedule_expression import expression_problem, time_zones
from templates.trigger_problems import CONTEXT

RULE: Final = "WIRE14_SCHEDULE"
ENTRY: Final = Entry(
    title="A schedule sends its message to the workflow's queue, and what it cannot send is kept",
    why="Retries, dead letters and alarms are those of the queue: a schedule past it would fail without a trace.",
    fix="In its Target, set `Arn: !GetAtt Queue.Arn`, a dead-letter queue of its own, and a message in JSON as Input.",
    requirement=("8.5",),
    source="https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html",
)


def check(template: Template) -> Iterator[Fault]:
    queue = find_queue(template)
    if queue is None:
        return
    for schedule in resources(template, SCHEDULE):
        yield from _time_faults(schedule)
        yield from _target_faults(template, schedule, queue)
        group = pointed_at(template, schedule.properties.get("GroupName"))
        if group is None or group.type != SCHEDULE_GROUP:
            what = "the schedule is in a group that other schedules are in, and its role trusts the group"
            yield Fault(schedule.path("GroupName"), what, "GroupName: !Ref of an AWS::Scheduler::ScheduleGroup")


def _time_faults(schedule: Resource) -> Iterator[Fault]:
    given = schedule.properties
    expression, zone = text(given.get("ScheduleExpression")) or "", given.get("ScheduleExpressionTimezone", "UTC")
    if problem := expression_problem(expression):
        what, _, cure = problem.partition("; ")
        yield Fault(schedule.path("ScheduleExpression"), f"the time of the schedule {what}", cure)
    if zone not in time_zones():
        what = f"{zone} is no IANA time zone"
        yield Fault(schedule.path("ScheduleExpressionTimezone"), what, "ScheduleExpressionTimezone: e.g. Europe/Berlin")
    if given.get("State", "ENABLED") != "ENABLED":
        yield Fault(schedule.path("State"), "the schedule sends nothing", "State: ENABLED, or a waiver with the reason")
    if at(given, "FlexibleTimeWindow", "Mode") != "OFF":
        what = "the schedule sends its message some time later than it says"
        yield Fault(schedule.path("FlexibleTimeWindow", "Mode"), what, "Mode: 'OFF', or a waiver with the reason")


def _target_faults(template: Template, schedule: Resource, queue: Resource) -> Iterator[Fault]:
    target = schedule.properties.get("Target")
    if not sends_to(template, at(target, "Arn"), queue):
        what = "the schedule does not send to the queue of the workflow"
        yield Fault(schedule.path("Target", "Arn"), what, f"Arn: {arn_of(queue)}")
    if not keeps_unsent(template, at(target, "DeadLetterConfig", "Arn")):
        what = "a message that cannot be sent is lost, or lies among those that failed"
        place = schedule.path("Target", "DeadLetterConfig", "Arn")
        yield Fault(place, what, "DeadLetterConfig: {Arn: !GetAtt of a queue that no queue redrives to}")
    if not _is_message(at(target, "Input")):
        what = "the Input is no JSON object that reaches the queue as it is"
        yield Fault(
            schedule.path("Target", "Input"), what, "Input: the text of the message that starts the first stage"
        )


def _is_message(value: Any) -> bool:
    body = text(value)
    try:
        return body is not None and CONTEXT not in body and isinstance(parse_json(body), dict)
    except ValueError:
        return False
