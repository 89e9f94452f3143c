"""The time budget: the one formula for model, template, policy and docs. All in seconds.

EXPRESS: the sum of the step timeouts is at most 300, the machine's own timeout; retry waits come out of the same 300.
Source: Step Functions Developer Guide, "Choosing workflow type"; EventBridge User Guide, "Amazon SQS as a source".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from templates.model import LambdaStep, Step, Workflow

EXPRESS_LIMIT_S: Final = 300
TASK_MARGIN_S: Final = 10
"""By how much a task outlasts its function: Lambda does not count the init phase, and its own error says more."""

MAX_RECEIVES: Final = 3
MAX_MESSAGE_BYTES: Final = 122_880
"""So that a body, escaped and in its envelope, fits the 262,144 bytes of a Step Functions input."""


def step_timeouts_s(steps: Iterable[Step]) -> int:
    """Return the sum of the timeouts of the Lambda steps."""
    return sum(step.timeout_s for step in steps if isinstance(step, LambdaStep))


def visibility_timeout_s(workflow: Workflow) -> int:
    """Return how long a received message stays hidden: six times the steps, and never less than the machine may run."""
    return max(6 * step_timeouts_s(workflow.steps), EXPRESS_LIMIT_S + 30)


def queue_age_alarm_s(workflow: Workflow) -> int:
    """Return the age of the oldest message that calls for attention: it was hidden a whole time and is not done."""
    return 2 * visibility_timeout_s(workflow)
