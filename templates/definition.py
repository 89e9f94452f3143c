"""The state machine of a workflow, in Amazon States Language with JSONPath.

No path or intrinsic function in it can fail on data, and there is no Catch: a failure ends the execution at the stage
that failed, where AWS's own redrive goes on.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from handlers.contract import PermanentStageError
from templates import naming
from templates.budget import EXPRESS_LIMIT_S, TASK_MARGIN_S
from templates.model import LambdaStep, RetryPolicy, Workflow

WORKFLOW_BUCKET_TOKEN: Final = "WorkflowBucket"  # noqa: S105 (a placeholder, no secret)
RECEIVE: Final = "ReceiveMessage"

State = dict[str, Any]


def build_definition(workflow: Workflow) -> State:
    """Return the definition: `ReceiveMessage`, then one task per stage, in order.

    `${Token}` in it stands for what `DefinitionSubstitutions` fills in: a function's logical id, or `WorkflowBucket`.
    Source: requirement 4, properties 8, 15, 16 and 17; EventBridge User Guide, "Amazon SQS as a source".
    """
    names = [step.stage for step in workflow.steps]
    states: dict[str, State] = {
        # A pipe delivers an array, also when its batch size is 1.
        RECEIVE: {"Type": "Pass", "InputPath": "$[0]", "Next": names[0]}
    }
    for step, previous, following in zip(workflow.steps, [None, *names], [*names[1:], None], strict=False):
        state = _lambda_task(step, previous, workflow.retry.lambda_)
        states[step.stage] = state | ({"Next": following} if following else {"End": True})
    return {
        "Comment": workflow.description or f"Workflow {workflow.name}",
        "StartAt": RECEIVE,
        "TimeoutSeconds": EXPRESS_LIMIT_S,
        "States": states,
    }


def definition_text(workflow: Workflow) -> str:
    """Return the definition as reviewers read it in the template: indented JSON that ends in a line feed."""
    return msgspec.json.format(msgspec.json.encode(build_definition(workflow)), indent=2).decode() + "\n"


def lambda_payload(stage: str, previous: str | None) -> State:
    """Return the Payload of a Lambda task: exactly the five fields of `handlers.contract.ExecutionContext`.

    The first stage (`previous` is None) gets the message body as the string that it is, which its handler parses; the
    others get null: their input is on S3 (requirements 2.1 and 2.4).
    """
    initial = {"initialData.$": "$.body"} if previous is None else {"initialData": None}
    return {
        "executionId.$": "$$.Execution.Name",
        "currentStage": stage,
        "previousStage": previous,
        "workflowBucket": f"${{{WORKFLOW_BUCKET_TOKEN}}}",
        **initial,
    }


def _lambda_task(step: LambdaStep, previous: str | None, retry: RetryPolicy) -> State:
    return {
        "Type": "Task",
        # Not ${AWS::Partition}: DefinitionString takes no pseudo parameters, and cfn-lint wants the ARN written out.
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {
            "FunctionName": f"${{{naming.function_id(step.stage)}}}",
            "Payload": lambda_payload(step.stage, previous),
        },
        "ResultPath": None,
        "TimeoutSeconds": step.timeout_s + TASK_MARGIN_S,
        "Retry": [
            # First: retriers match in order, and States.ALL would retry what can never succeed.
            {"ErrorEquals": [PermanentStageError.__name__], "MaxAttempts": 0},
            {
                "ErrorEquals": ["States.ALL"],
                "IntervalSeconds": retry.interval_s,
                "MaxAttempts": retry.max_attempts,
                "BackoffRate": retry.backoff_rate,
            },
        ],
    }
