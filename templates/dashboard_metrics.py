"""What a workflow's dashboard shows of its resources: metrics that AWS and the stages publish without being asked.

AWS Glue publishes metrics of a job only where the job says so, and CloudWatch charges for each: there are none here.
Source: "Available CloudWatch metrics" of SQS; "Monitoring Step Functions metrics"; "Monitoring EventBridge Pipes";
"Monitoring Amazon EventBridge"; "Monitoring EventBridge Scheduler"; "Lambda metrics"; "Monitoring with CloudWatch
metrics" of CloudWatch Logs.
"""

from typing import Final, NamedTuple

from handlers.runtime.metrics import (
    INPUT_COUNT,
    NAMESPACE,
    OUTPUT_COUNT,
    REJECTED_COUNT,
    STAGE_DURATION,
    STALE_COUNT,
)


class Shown(NamedTuple):
    """Metrics of one resource: their one dimension, and the attribute that is its value; empty for what `Ref` gives."""

    namespace: str
    dimension: str
    attribute: str
    metrics: tuple[str, ...]


def _queue(*metrics: str) -> Shown:
    return Shown("AWS/SQS", "QueueName", "QueueName", metrics)


def adopted_queues(metrics: Shown) -> Shown:
    """Return metrics of queues for those whose name a parameter gives."""
    return metrics._replace(attribute="")


def _machine(*metrics: str) -> Shown:
    return Shown("AWS/States", "StateMachineArn", "", metrics)


def _function(*metrics: str) -> Shown:
    return Shown("AWS/Lambda", "FunctionName", "", metrics)


def _stage(*metrics: str) -> Shown:
    return Shown(NAMESPACE, "FunctionName", "", metrics)


WAITING: Final = _queue("ApproximateNumberOfMessagesVisible")
IN_PROGRESS: Final = _queue("ApproximateNumberOfMessagesNotVisible")
AGE: Final = _queue("ApproximateAgeOfOldestMessage")

EXECUTIONS: Final = _machine(
    "ExecutionsStarted",
    "ExecutionsSucceeded",
    "ExecutionsFailed",
    "ExecutionsTimedOut",
    "ExecutionsAborted",
    "ExecutionThrottled",
)
REDRIVEN: Final = _machine("ExecutionsRedriven")
EXECUTION_TIME: Final = _machine("ExecutionTime")
BILLED: Final = _machine("ExpressExecutionBilledDuration", "ExpressExecutionBilledMemory")

STAGE_TIME: Final = _stage(STAGE_DURATION)
RECORDS: Final = _stage(INPUT_COUNT, OUTPUT_COUNT)
REJECTED: Final = _stage(REJECTED_COUNT)
STALE: Final = _stage(STALE_COUNT)

FUNCTION_FAILURES: Final = _function("Errors", "Throttles")
FUNCTION_TIME: Final = _function("Duration")
FUNCTION_CALLS: Final = _function("Invocations")

PIPE_FAILURES: Final = Shown(
    "AWS/EventBridge/Pipes", "PipeName", "", ("ExecutionFailed", "ExecutionTimeout", "ExecutionThrottled")
)
RULE_FAILURES: Final = Shown("AWS/Events", "RuleName", "", ("FailedInvocations",))
SCHEDULE_FAILURES: Final = Shown("AWS/Scheduler", "ScheduleGroup", "", ("InvocationDroppedCount",))

LOG_BYTES: Final = Shown("AWS/Logs", "LogGroupName", "", ("IncomingBytes",))
