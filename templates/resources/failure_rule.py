"""The rule that alerts when an execution of a STANDARD workflow does not succeed."""

from typing import Final

from troposphere import GetAtt, Ref, Sub, Template, events

from templates import naming, permissions
from templates.imports import imported
from templates.model import Workflow
from templates.objects import shared
from templates.resources.queue import add_unsent_queue
from templates.resources.state_machine import STATE_MACHINE

FAILURE_RULE: Final = "FailureRule"
ALERT_DEAD_LETTER_QUEUE: Final = "AlertDeadLetterQueue"
STATUSES: Final = ["FAILED", "TIMED_OUT", "ABORTED"]


def add_failure_rule(template: Template, workflow: Workflow) -> None:
    """Add the rule on the status changes of this state machine, to the alert topic; undelivered alerts are kept.

    Source: requirement 8.7, property 34; Step Functions Developer Guide, "Automating with EventBridge".
    """
    rule_name = naming.resource(workflow.name, "failures")
    name = naming.resource(workflow.name, naming.ALERT_DEAD_LETTER_QUEUE)
    queue_arn = GetAtt(ALERT_DEAD_LETTER_QUEUE, "Arn")
    policy = permissions.rule_queue_policy("UndeliveredAlerts", queue_arn, rule_name)
    add_unsent_queue(template, ALERT_DEAD_LETTER_QUEUE, name, policy)
    template.add_resource(
        events.Rule(
            FAILURE_RULE,
            Name=Sub(rule_name),
            Description=f"Executions of {naming.base(workflow.name)} that did not succeed",
            State="ENABLED",
            EventPattern={
                "source": ["aws.states"],
                "detail-type": ["Step Functions Execution Status Change"],
                "detail": {"status": STATUSES, "stateMachineArn": [Ref(STATE_MACHINE)]},
            },
            Targets=[_target()],
        )
    )


@shared
def _target() -> events.Target:
    unsent = events.DeadLetterConfig(Arn=GetAtt(ALERT_DEAD_LETTER_QUEUE, "Arn"))
    return events.Target(Id="alert-topic", Arn=imported("AlertTopic"), DeadLetterConfig=unsent)
