"""The state machine of a workflow, in Amazon States Language with JSONPath.

No path or intrinsic function in it can fail on data. There is no Catch: a failure ends the execution at the stage that
failed, where a redrive continues.
"""

import json
import re
from itertools import pairwise
from typing import Any, Final, NamedTuple, assert_never

import msgspec

from handlers.runtime.contract import INITIAL_FOLDER, PermanentStageError, output_key
from templates import budget, naming
from templates.model import GlueStep, LambdaStep, RetryPolicy, StepKind, Workflow

WORKFLOW_BUCKET_TOKEN: Final = "WorkflowBucket"  # noqa: S105 (a placeholder, no secret)
RECEIVE: Final = "ReceiveMessage"
STAGE_INPUT: Final = "StageInput"

# Not ${AWS::Partition}: DefinitionString takes no pseudo parameters, and cfn-lint wants the ARN written out.
INVOKE: Final = "arn:aws:states:::lambda:invoke"
RUN_JOB: Final = "arn:aws:states:::glue:startJobRun.sync"
PUT_OBJECT: Final = "arn:aws:states:::aws-sdk:s3:putObject"

# What libyaml calls printable, without the line separators of YAML 1.1. A text: to compile it takes longer than all
# definitions of a project, and most hold no such character.
_NOT_LITERAL: Final = "[^\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]"
_DELETE: Final = "\x7f"

State = dict[str, Any]


class Integration(NamedTuple):
    """What a task calls, and the parameter that names the function or job."""

    arn: str
    parameter: str


def integration_of(kind: StepKind) -> Integration:
    match kind:
        case StepKind.LAMBDA:
            return Integration(INVOKE, "FunctionName")
        case StepKind.GLUE:
            return Integration(RUN_JOB, "JobName")
        case _:
            assert_never(kind)


KINDS: Final = {integration_of(kind).arn: kind for kind in StepKind}
"""Which kind of step a task is, by the integration that it calls."""


def build_definition(workflow: Workflow) -> State:
    """Return the definition: `ReceiveMessage`, then one task per stage, in order; before a Glue step, `StageInput`.

    `${Token}` in it stands for what `DefinitionSubstitutions` fills in: a function's logical id, or `WorkflowBucket`.
    Source: requirement 4, properties 8, 15, 16 and 17; EventBridge User Guide, "Amazon SQS as a source".
    """
    states: dict[str, State] = {
        # A pipe delivers an array, also when its batch size is 1.
        RECEIVE: {"Type": "Pass", "InputPath": "$[0]"}
    }
    if workflow.has_stage_input:
        states[STAGE_INPUT] = _stage_input(workflow.retry.lambda_)
    for step in workflow.steps:
        previous = workflow.previous(step)
        match step:
            case LambdaStep():
                states[step.stage] = _lambda_task(step, previous, workflow.retry.lambda_)
            case GlueStep():
                states[step.stage] = _glue_task(step, previous, workflow.retry.glue)
            case _:
                assert_never(step)
    names = list(states)
    for name, following in pairwise(names):
        states[name]["Next"] = following
    states[names[-1]]["End"] = True
    return {
        "Comment": workflow.description or f"Workflow {workflow.name}",
        "StartAt": RECEIVE,
        "TimeoutSeconds": budget.machine_timeout_s(workflow),
        "States": states,
    }


def definition_text(workflow: Workflow) -> str:
    """Return the definition as reviewers read it in the template: indented JSON that ends in a line feed.

    What YAML cannot write in a literal block is a JSON escape.
    """
    text = msgspec.json.format(msgspec.json.encode(build_definition(workflow)), indent=2).decode() + "\n"
    if text.isascii() and _DELETE not in text:  # JSON escapes the other control characters
        return text
    return re.sub(_NOT_LITERAL, lambda found: json.dumps(found[0])[1:-1], text)


def lambda_payload(stage: str, previous: str | None) -> State:
    """Return the Payload of a Lambda task: exactly the five fields of `handlers.runtime.contract.ExecutionContext`.

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
    parameters = {
        "FunctionName": f"${{{naming.function_id(step.stage)}}}",
        "Payload": lambda_payload(step.stage, previous),
    }
    return _task(INVOKE, parameters, budget.task_timeout_s(step), _lambda_retriers(retry))


def glue_arguments(stage: str, previous: str | None) -> dict[str, str]:
    """Return the Arguments of a Glue task: where the job reads and writes (requirements 7.2 to 7.4, property 22)."""
    return {
        "--execution-id.$": "$$.Execution.Name",
        "--input-bucket": f"${{{WORKFLOW_BUCKET_TOKEN}}}",
        "--input-key.$": key_path(previous or INITIAL_FOLDER),
        "--output-bucket": f"${{{WORKFLOW_BUCKET_TOKEN}}}",
        "--output-key.$": key_path(stage),
    }


def _glue_task(step: GlueStep, previous: str | None, retry: RetryPolicy) -> State:
    parameters = {
        "JobName": f"${{{naming.job_id(step.stage)}}}",
        "Arguments": glue_arguments(step.stage, previous),
    }
    retriers = [
        # First, with long waits: nothing failed, but all concurrent runs of the job are in use.
        _retrier("Glue.ConcurrentRunsExceededException", budget.CONCURRENCY_RETRY),
        _retrier("States.ALL", retry),
    ]
    return _task(RUN_JOB, parameters, budget.task_timeout_s(step), retriers)


def _stage_input(retry: RetryPolicy) -> State:
    """Return the task that puts the message body on S3 for a Glue job, which takes no payload.

    S3 gets the body as a JSON string, quotes included: the job parses it twice.
    Source: Step Functions Developer Guide, "AWS SDK service integrations".
    """
    parameters = {
        "Bucket": f"${{{WORKFLOW_BUCKET_TOKEN}}}",
        "Key.$": key_path(INITIAL_FOLDER),
        "Body.$": "$.body",
        "ContentType": "application/json",
    }
    return _task(PUT_OBJECT, parameters, budget.STAGE_INPUT_S, _lambda_retriers(retry))


def _task(integration: str, parameters: State, timeout_s: int, retriers: list[State]) -> State:
    return {
        "Type": "Task",
        "Resource": integration,
        "Parameters": parameters,
        "ResultPath": None,
        "TimeoutSeconds": timeout_s,
        "Retry": retriers,
    }


def key_path(folder: str) -> str:
    """Return the intrinsic function that gives the key of a stage's output, or of the message, in this execution."""
    return f"States.Format('{output_key('{}', folder)}', $$.Execution.Name)"


def _lambda_retriers(retry: RetryPolicy) -> list[State]:
    return [
        # First: retriers match in order, and States.ALL would retry an error that stays.
        {"ErrorEquals": [PermanentStageError.__name__], "MaxAttempts": 0},
        _retrier("States.ALL", retry),
    ]


def _retrier(error: str, retry: RetryPolicy) -> State:
    return {
        "ErrorEquals": [error],
        "IntervalSeconds": retry.interval_s,
        "MaxAttempts": retry.max_attempts,
        "BackoffRate": retry.backoff_rate,
    }
