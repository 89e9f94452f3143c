"""The alarms: an EXPRESS workflow emits no failure events, and those of a STANDARD one are best effort."""

from typing import Any, Final, NamedTuple, TypeAlias

from troposphere import GetAtt, Ref, Sub, Template, cloudwatch

from handlers.runtime.metrics import INPUT_COUNT, NAMESPACE, REJECTED_COUNT, STALE_COUNT
from templates import budget, discovery, naming
from templates.imports import imported
from templates.model import LambdaStep, Workflow, WorkflowType
from templates.resources.failure_rule import FAILURE_RULE
from templates.resources.pipe import PIPE
from templates.resources.queue import dead_letter_queue_refs, queue_refs
from templates.resources.state_machine import STATE_MACHINE
from templates.resources.triggers import OBJECT_RULE, SCHEDULE_GROUP, TRIGGER_DEAD_LETTER_QUEUE

RUNBOOK: Final = "docs/runbook/alarms.md"
"""The page with a section for each kind of alarm, whose anchor ends the alarm's description."""

_Source: TypeAlias = tuple[str, str, Any, str]
"""Namespace, dimension and its value, and the statistic that counts what happens there."""


class _Window(NamedTuple):
    """The alarm fires when `breaching` of the last `periods` are above the threshold."""

    period_s: int
    periods: int
    breaching: int


_AT_ONCE: Final = _Window(period_s=60, periods=1, breaching=1)

_PERSISTENT: Final = _Window(period_s=3600, periods=72, breaching=3)
"""An item with a wrong version makes records stale again and again, in a daily feed once a day. A message that returns
after a newer one makes records stale within an hour or so, maybe all of them: a rate would fire on each replay."""

_RATE_PERIOD_S: Final = 3600
"""Long enough that a rate is one of several messages, in most workflows."""
RATE: Final = "100 * rejected / input"
"""In percent; there is no value where nothing came in. Source: CloudWatch User Guide, "Using math expressions"."""


class _Watch(NamedTuple):
    """An alarm: `suffix` ends its name, `kind` is the section of the runbook, by default the suffix."""

    suffix: str
    metric: str
    source: _Source
    meaning: str
    above: int = 0
    window: _Window = _AT_ONCE
    kind: str = ""


def add_alarms(template: Template, workflow: Workflow) -> None:
    """Add the alarms on dead letters, failures of executions and pipe, the queue's age, rejected and stale records.

    They notify the alert topic.

    Source: requirement 8; the metrics' own pages in the SQS, Step Functions and EventBridge guides.
    """
    for watch in _watches(workflow):
        namespace, dimension, value, statistic = watch.source
        _add_alarm(
            template,
            workflow,
            watch.suffix,
            watch.above,
            AlarmDescription=_described(watch.meaning, watch.kind or watch.suffix),
            Namespace=namespace,
            MetricName=watch.metric,
            Dimensions=[cloudwatch.MetricDimension(Name=dimension, Value=value)],
            Statistic=statistic,
            Period=watch.window.period_s,
            EvaluationPeriods=watch.window.periods,
            **({"DatapointsToAlarm": watch.window.breaching} if watch.window.periods > 1 else {}),
        )
    for step in workflow.lambda_steps:
        _add_rejected(template, workflow, step)


def _add_alarm(template: Template, workflow: Workflow, suffix: str, above: int, **properties: Any) -> None:
    template.add_resource(
        cloudwatch.Alarm(
            naming.alarm_id(suffix),
            AlarmName=Sub(naming.resource(workflow.name, suffix)),
            **properties,
            ComparisonOperator="GreaterThanThreshold",
            Threshold=above,
            TreatMissingData="notBreaching",
            AlarmActions=[imported("AlertTopic")],
        )
    )


def _add_rejected(template: Template, workflow: Workflow, step: LambdaStep) -> None:
    """Add the alarm on the share of a function's records that it rejects in an hour."""
    meaning = f"{step.stage} rejected more than {step.rejected_percent} % of the records that it took within an hour"
    _add_alarm(
        template,
        workflow,
        f"{naming.purpose(step.stage)}-rejected",
        step.rejected_percent,
        AlarmDescription=_described(meaning, "rejected"),
        Metrics=[
            cloudwatch.MetricDataQuery(Id="rate", Expression=RATE, Label="rejected records, percent", ReturnData=True),
            *(
                cloudwatch.MetricDataQuery(Id=name, MetricStat=_hourly_sum(metric, step), ReturnData=False)
                for name, metric in (("rejected", REJECTED_COUNT), ("input", INPUT_COUNT))
            ),
        ],
        EvaluationPeriods=1,
    )


def _hourly_sum(metric: str, step: LambdaStep) -> cloudwatch.MetricStat:
    dimension = cloudwatch.MetricDimension(Name="FunctionName", Value=Ref(naming.function_id(step.stage)))
    return cloudwatch.MetricStat(
        Metric=cloudwatch.Metric(Namespace=NAMESPACE, MetricName=metric, Dimensions=[dimension]),
        Period=_RATE_PERIOD_S,
        Stat="Sum",
    )


def _described(meaning: str, kind: str) -> str:
    return f"{meaning}. Runbook: {RUNBOOK}#{kind}"


def _watches(workflow: Workflow) -> list[_Watch]:
    dead_letters = ("AWS/SQS", "QueueName", dead_letter_queue_refs(workflow).name, "Maximum")
    queue = ("AWS/SQS", "QueueName", queue_refs(workflow).name, "Maximum")
    machine = ("AWS/States", "StateMachineArn", Ref(STATE_MACHINE), "Sum")
    pipe = ("AWS/EventBridge/Pipes", "PipeName", Ref(PIPE), "Sum")
    rule = ("AWS/Events", "RuleName", Ref(FAILURE_RULE), "Sum")
    failed = f"Messages failed {budget.MAX_RECEIVES} times and wait in the dead-letter queue"
    too_long = f"An execution took longer than {budget.machine_timeout_s(workflow)} s"
    age = budget.queue_age_alarm_s(budget.visibility_timeout_s(workflow))
    waited = f"A message has waited for {age} s: more arrive than are processed, or the pipe takes none"
    watches = [
        _Watch("dead-letters", "ApproximateNumberOfMessagesVisible", dead_letters, failed),
        _Watch("failed-executions", "ExecutionsFailed", machine, "An execution failed"),
        _Watch("timed-out-executions", "ExecutionsTimedOut", machine, too_long),
        _Watch("pipe-failures", "ExecutionFailed", pipe, "The pipe could not pass a message on"),
        _Watch("queue-age", "ApproximateAgeOfOldestMessage", queue, waited, above=age),
    ]
    if workflow.type is WorkflowType.STANDARD:
        watches += [
            _Watch("aborted-executions", "ExecutionsAborted", machine, "An execution was stopped"),
            _Watch("undelivered-alerts", "FailedInvocations", rule, "The failure rule could not alert the topic"),
        ]
    watches += _trigger_watches(workflow)
    return watches + [_stale(step) for step in workflow.lambda_steps if discovery.load_needs(step.handler).keeps_newest]


def _trigger_watches(workflow: Workflow) -> list[_Watch]:
    """Return the alarms on what a trigger gave up: in its dead-letter queue, or lost where that refuses it, too."""
    watches = []
    if workflow.has_triggers:
        queue = ("AWS/SQS", "QueueName", GetAtt(TRIGGER_DEAD_LETTER_QUEUE, "QueueName"), "Maximum")
        unsent = "A schedule or new object sent no message; the queue of unsent triggers says why"
        watches.append(_Watch("unsent-triggers", "ApproximateNumberOfMessagesVisible", queue, unsent))
    if workflow.schedule:
        group = ("AWS/Scheduler", "ScheduleGroup", Ref(SCHEDULE_GROUP), "Sum")
        watches.append(_Watch("unsent-schedules", "InvocationDroppedCount", group, "The schedule sent no message"))
    if workflow.s3_events:
        rule = ("AWS/Events", "RuleName", Ref(OBJECT_RULE), "Sum")
        watches.append(_Watch("unsent-objects", "FailedInvocations", rule, "A new object sent no message"))
    return watches


def _stale(step: LambdaStep) -> _Watch:
    source = (NAMESPACE, "FunctionName", Ref(naming.function_id(step.stage)), "Sum")
    meaning = (
        f"In {_PERSISTENT.breaching} of the last {_PERSISTENT.periods} hours {step.stage} got records older than the "
        "stored items, and did not store them. Look for items with a wrong version, e.g. in the future: delete them, "
        "and send their records again"
    )
    suffix = f"{naming.purpose(step.stage)}-stale"
    return _Watch(suffix, STALE_COUNT, source, meaning, window=_PERSISTENT, kind="stale")
