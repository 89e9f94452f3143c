"""What sends messages by itself: a schedule, a rule on new objects, and the queue for what neither could send.

Both end in the queue, so that all that holds for a message holds for theirs.
"""

from typing import Any, Final

from troposphere import GetAtt, Ref, Sub, Template, events, scheduler

from templates import discovery, naming, permissions
from templates.model import Workflow
from templates.placeholders import substituted, substituted_json
from templates.resources.encryption import key_if_any
from templates.resources.queue import QUEUE, add_unsent_queue, object_rule_name, queue_refs, sent_by
from templates.resources.role import add_role
from templates.triggers import MESSAGE, PATHS, ObjectEvents, Schedule

SCHEDULE: Final = "Schedule"
SCHEDULE_GROUP: Final = "ScheduleGroup"
OBJECT_RULE: Final = "ObjectRule"
TRIGGER_DEAD_LETTER_QUEUE: Final = "TriggerDeadLetterQueue"

RETRIES: Final = {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 24 * 3600}
"""The most that Scheduler and EventBridge allow, and their default."""

_WILD: Final = str.maketrans({"*": r"\*", "\\": r"\\"})


def add_triggers(template: Template, workflow: Workflow) -> None:
    """Add what a declaration has of schedule and object events, with the queue for what they could not send."""
    if not workflow.has_triggers:
        return
    _add_dead_letter_queue(template, workflow)
    if workflow.schedule:
        _add_schedule(template, workflow, workflow.schedule)
    if workflow.s3_events:
        _add_object_rule(template, workflow, workflow.s3_events)


def _add_dead_letter_queue(template: Template, workflow: Workflow) -> None:
    """Add a queue of its own: EventBridge keeps the event there, which no stage takes as a message."""
    name = naming.resource(workflow.name, naming.TRIGGER_DEAD_LETTER_QUEUE)
    policy = sent_by(object_rule_name(workflow), TRIGGER_DEAD_LETTER_QUEUE)
    add_unsent_queue(template, TRIGGER_DEAD_LETTER_QUEUE, name, policy)


def _add_schedule(template: Template, workflow: Workflow, wanted: Schedule) -> None:
    """Add the schedule in a group of its own: a role can trust a group, not a schedule.

    Source: EventBridge Scheduler User Guide, "Cross-service confused deputy prevention".
    """
    name = naming.resource(workflow.name, naming.SCHEDULE)
    template.add_resource(scheduler.ScheduleGroup(SCHEDULE_GROUP, Name=Sub(name)))
    queue_arn, dead_letter_arn = queue_refs(workflow).arn, GetAtt(TRIGGER_DEAD_LETTER_QUEUE, "Arn")
    trust = permissions.trust("scheduler", naming.arn("scheduler", f"schedule-group/{name}"))
    policy = permissions.schedule_policy(queue_arn, dead_letter_arn)
    role = add_role(template, SCHEDULE, f"Schedule {name}", "schedule", policy, trust=trust)
    template.add_resource(
        scheduler.Schedule(
            SCHEDULE,
            Name=Sub(name),
            GroupName=Ref(SCHEDULE_GROUP),
            State="ENABLED",
            ScheduleExpression=wanted.expression,
            ScheduleExpressionTimezone=wanted.timezone,
            FlexibleTimeWindow=scheduler.FlexibleTimeWindow(Mode="OFF"),
            KmsKeyArn=key_if_any(),
            Target=scheduler.Target(
                Arn=queue_arn,
                RoleArn=GetAtt(role, "Arn"),
                Input=substituted_json(wanted.body),
                DeadLetterConfig=scheduler.DeadLetterConfig(Arn=dead_letter_arn),
                RetryPolicy=scheduler.RetryPolicy(**RETRIES),
            ),
        )
    )


def _add_object_rule(template: Template, workflow: Workflow, wanted: ObjectEvents) -> None:
    """Add the rule on new objects of the first stage's source bucket.

    Source: Amazon S3 User Guide, "EventBridge event message structure": keys are as they are, not URL-encoded.
    """
    bucket = substituted(str(discovery.source_bucket(workflow.lambda_steps[0])))
    template.add_resource(
        events.Rule(
            OBJECT_RULE,
            Name=Sub(object_rule_name(workflow)),
            # What a queue refuses is not tried again.
            DependsOn=[f"{QUEUE}Policy"],
            Description=f"New objects for {naming.base(workflow.name)}",
            State="ENABLED",
            EventPattern={
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {"bucket": {"name": [bucket]}, **_key_filter(wanted)},
            },
            Targets=[
                events.Target(
                    Id="queue",
                    Arn=GetAtt(QUEUE, "Arn"),
                    InputTransformer=events.InputTransformer(InputPathsMap=PATHS, InputTemplate=MESSAGE),
                    DeadLetterConfig=events.DeadLetterConfig(Arn=GetAtt(TRIGGER_DEAD_LETTER_QUEUE, "Arn")),
                    RetryPolicy=events.RetryPolicy(**RETRIES),
                )
            ],
        )
    )


def _key_filter(wanted: ObjectEvents) -> dict[str, Any]:
    """Return the filter of keys; prefix and suffix in one list would be either of them, so both are one wildcard.

    Source: EventBridge User Guide, "Comparison operators", which escapes a literal `*` and a backslash.
    """
    match wanted.prefix, wanted.suffix:
        case str(prefix), None:
            key = {"prefix": prefix}
        case None, str(suffix):
            key = {"suffix": suffix}
        case str(prefix), str(suffix):
            key = {"wildcard": f"{prefix.translate(_WILD)}*{suffix.translate(_WILD)}"}
        case _:
            return {}
    return {"object": {"key": [key]}}
