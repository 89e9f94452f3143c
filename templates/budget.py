"""The time budget: the one formula for model, template, policy and docs. All in seconds.

EXPRESS: the sum of the step timeouts is at most 300, the machine's own timeout; retry waits come out of the same 300.
STANDARD: the machine's timeout is what all attempts and waits of all steps take together.
Source: Step Functions Developer Guide, "Choosing workflow type"; EventBridge User Guide, "Amazon SQS as a source".
"""

import math
from collections.abc import Iterable
from typing import Final, assert_never

from templates.model import GlueStep, LambdaStep, RetryPolicy, Step, Workflow, WorkflowType

EXPRESS_LIMIT_S: Final = 300
STANDARD_LIMIT_S: Final = 365 * 24 * 3600
"""How long an execution of either type may take. Source: Step Functions Developer Guide, "Quotas"."""

REDRIVABLE_S: Final = 14 * 24 * 3600
"""How long after its end an execution can be redriven. Source: botocore, "states" model, RedriveExecution."""

EXECUTIONS_DAYS: Final = 7
EXECUTIONS_S: Final = EXECUTIONS_DAYS * 24 * 3600
"""How long the workflow bucket keeps what stages write (requirement 2.7)."""

TASK_MARGIN_S: Final = 10
"""How much longer a task may take than its function: Lambda does not count the init phase; its error says more."""

MAX_RECEIVES: Final = 3
INPUT_LIMIT_BYTES: Final = 262_144
"""The largest input of an execution. Source: Step Functions Developer Guide, "Quotas"."""

MAX_MESSAGE_BYTES: Final = 122_880
"""With this limit a body, escaped and in its envelope, fits the input of an execution."""

RETENTION_S: Final = 14 * 24 * 3600
"""How long queues keep messages, the longest that SQS allows: they survive a long weekend with a stopped pipe."""

STANDARD_VISIBILITY_S: Final = 60
"""A pipe that does not wait holds a message only until the execution has started."""

STAGE_INPUT_S: Final = 60
"""How long putting the message body on S3 may take, for a Glue job that comes first."""

JOB_START_S: Final = 600
"""How long a Glue job may take to start before its own timeout counts."""

CONCURRENCY_RETRY: Final = RetryPolicy(max_attempts=8, interval_s=60)
"""For a job whose concurrent runs are all in use: earlier runs may take four more hours."""


def step_timeouts_s(steps: Iterable[Step]) -> int:
    """Return the sum of the timeouts of the Lambda steps."""
    total = 0
    for step in steps:
        match step:
            case LambdaStep():
                total += step.timeout_s
            case GlueStep():
                pass  # no part of an EXPRESS workflow, whose time this is
            case _:
                assert_never(step)
    return total


def task_timeout_s(step: Step) -> int:
    """Return the timeout of a step's task; it is longer than that of the function or job, whose own error says more."""
    match step:
        case LambdaStep():
            return step.timeout_s + TASK_MARGIN_S
        case GlueStep():
            return 60 * step.timeout_min + JOB_START_S
        case _:
            assert_never(step)


def machine_timeout_s(workflow: Workflow) -> int:
    """Return the timeout of the state machine."""
    if workflow.type is WorkflowType.EXPRESS:
        return EXPRESS_LIMIT_S
    retry = workflow.retry
    longest = longest_s(STAGE_INPUT_S, retry.lambda_) if workflow.has_stage_input else 0
    for step in workflow.steps:
        match step:
            case LambdaStep():
                longest += longest_s(task_timeout_s(step), retry.lambda_)
            case GlueStep():
                longest += longest_s(task_timeout_s(step), retry.glue, CONCURRENCY_RETRY)
            case _:
                assert_never(step)
    return min(longest, STANDARD_LIMIT_S)


def longest_s(timeout_s: int, retry: RetryPolicy, *refusals: RetryPolicy) -> int:
    """Return the time of all attempts and waits of a task; a refusal takes no time, only its retrier's waits count."""
    return (1 + retry.max_attempts) * timeout_s + sum(waits_s(retrier) for retrier in (retry, *refusals))


def waits_s(retry: RetryPolicy) -> int:
    """Return the sum of a retrier's waits, rounded up."""
    return math.ceil(sum(retry.interval_s * retry.backoff_rate**attempt for attempt in range(retry.max_attempts)))


def visibility_timeout_s(workflow: Workflow) -> int:
    """Return how long a received message stays hidden.

    EXPRESS: six times the steps, and never less than the machine may run. STANDARD: until the execution is started.
    """
    if workflow.type is WorkflowType.STANDARD:
        return STANDARD_VISIBILITY_S
    return express_visibility_s(step_timeouts_s(workflow.steps))


def express_visibility_s(steps_s: int) -> int:
    """Return how long a message stays hidden in an EXPRESS workflow whose functions take `steps_s` together."""
    return max(6 * steps_s, EXPRESS_LIMIT_S + 30)


def queue_age_alarm_s(visibility_s: int) -> int:
    """Return the age at which the alarm fires: it was hidden for two visibility timeouts, and 10 minutes passed."""
    return max(2 * visibility_s, 600)
