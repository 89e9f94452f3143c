"""The alarms: an EXPRESS workflow emits no failure events, so metrics tell of its failures."""

from __future__ import annotations

from typing import Any, NamedTuple

from troposphere import GetAtt, Ref, Sub, Template, cloudwatch

from templates import budget, naming
from templates.imports import imported
from templates.model import Workflow
from templates.resources.pipe import PIPE
from templates.resources.queue import DEAD_LETTER_QUEUE, QUEUE
from templates.resources.state_machine import STATE_MACHINE


class _Watch(NamedTuple):
    logical_id: str
    suffix: str
    metric: str
    source: tuple[str, str, Any]
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
    age = budget.queue_age_alarm_s(workflow)
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
            f"An execution took longer than {budget.EXPRESS_LIMIT_S} s",
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
    )
