"""The alarms: an EXPRESS workflow emits no failure events, and those of a STANDARD one are best effort."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from troposphere import GetAtt, Ref, Sub, Template, cloudwatch

from templates import budget, naming
from templates.imports import imported
from templates.model import Workflow, WorkflowType
from templates.resources.failure_rule import FAILURE_RULE
from templates.resources.pipe import PIPE
from templates.resources.queue import DEAD_LETTER_QUEUE, QUEUE
from templates.resources.state_machine import STATE_MACHINE

_Source: TypeAlias = tuple[str, str, Any]
"""Namespace, dimension and its value."""


class _Watch(NamedTuple):
    logical_id: str
    suffix: str
    metric: str
    source: _Source
    statistic: str
    above: int
    meaning: str


def add_alarms(template: Template, workflow: Workflow) -> None:
    """Add the alarms on dead letters, failed executions, pipe failures and the queue's age, to the alert topic.

    Source: requirement 8; the metrics' own pages in the SQS, Step Functions and EventBridge guides.
    """
    for watch in _watches(workflow):
        namespace, dimension, value = watch.source
        template.add_resource(
            cloudwatch.Alarm(
                watch.logical_id,
                AlarmName=Sub(naming.resource(workflow.name, watch.suffix)),
                AlarmDescription=watch.meaning,
                Namespace=namespace,
                MetricName=watch.metric,
                Dimensions=[cloudwatch.MetricDimension(Name=dimension, Value=value)],
                Statistic=watch.statistic,
                Period=60,
                EvaluationPeriods=1,
                ComparisonOperator="GreaterThanThreshold",
                Threshold=watch.above,
                TreatMissingData="notBreaching",
                AlarmActions=[imported("AlertTopic")],
            )
        )


def _watches(workflow: Workflow) -> tuple[_Watch, ...]:
    dead_letters = ("AWS/SQS", "QueueName", GetAtt(DEAD_LETTER_QUEUE, "QueueName"))
    queue = ("AWS/SQS", "QueueName", GetAtt(QUEUE, "QueueName"))
    machine = ("AWS/States", "StateMachineArn", Ref(STATE_MACHINE))
    pipe = ("AWS/EventBridge/Pipes", "PipeName", Ref(PIPE))
    age = budget.queue_age_alarm_s(budget.visibility_timeout_s(workflow))
    return (
        _Watch(
            "DeadLettersAlarm",
            "dead-letters",
            "ApproximateNumberOfMessagesVisible",
            dead_letters,
            "Maximum",
            0,
            f"Messages failed {budget.MAX_RECEIVES} times and wait in the dead-letter queue",
        ),
        _Watch(
            "FailedExecutionsAlarm", "failed-executions", "ExecutionsFailed", machine, "Sum", 0, "An execution failed"
        ),
        _Watch(
            "TimedOutExecutionsAlarm",
            "timed-out-executions",
            "ExecutionsTimedOut",
            machine,
            "Sum",
            0,
            f"An execution took longer than {budget.machine_timeout_s(workflow)} s",
        ),
        _Watch(
            "PipeFailuresAlarm",
            "pipe-failures",
            "ExecutionFailed",
            pipe,
            "Sum",
            0,
            "The pipe could not pass a message on",
        ),
        _Watch(
            "QueueAgeAlarm",
            "queue-age",
            "ApproximateAgeOfOldestMessage",
            queue,
            "Maximum",
            age,
            f"A message has waited for {age} s: it keeps failing, or more arrive than are processed",
        ),
        *(_standard_watches(machine) if workflow.type is WorkflowType.STANDARD else ()),
    )


def _standard_watches(machine: _Source) -> tuple[_Watch, ...]:
    rule = ("AWS/Events", "RuleName", Ref(FAILURE_RULE))
    return (
        _Watch(
            "AbortedExecutionsAlarm",
            "aborted-executions",
            "ExecutionsAborted",
            machine,
            "Sum",
            0,
            "An execution was stopped",
        ),
        _Watch(
            "UndeliveredAlertsAlarm",
            "undelivered-alerts",
            "FailedInvocations",
            rule,
            "Sum",
            0,
            "The failure rule could not alert the topic",
        ),
    )
