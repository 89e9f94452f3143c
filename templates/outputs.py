"""What people and other stacks look up of a deployed workflow: its queues, state machine, pipe, functions and jobs."""

from typing import Any, Final, NamedTuple, TypeAlias, assert_never

from troposphere import GetAtt, Output, Ref, Template

from templates import naming
from templates.model import GlueStep, LambdaStep, Step, Workflow
from templates.objects import shared
from templates.resources.pipe import PIPE
from templates.resources.queue import dead_letter_queue_refs, queue_refs
from templates.resources.state_machine import STATE_MACHINE


class _Shown(NamedTuple):
    value: Any
    description: str


_Outputs: TypeAlias = dict[str, _Shown]

_SHARED: Final[_Outputs] = {
    "StateMachineArn": _Shown(GetAtt(STATE_MACHINE, "Arn"), "ARN of the state machine"),
    "StateMachineName": _Shown(GetAtt(STATE_MACHINE, "Name"), "Name of the state machine"),
    "StateMachineLogGroupName": _Shown(Ref(f"{STATE_MACHINE}LogGroup"), "Log group of the executions"),
    "PipeName": _Shown(Ref(PIPE), "Name of the pipe from the queue to the state machine"),
    "PipeArn": _Shown(GetAtt(PIPE, "Arn"), "ARN of the pipe"),
    "PipeLogGroupName": _Shown(Ref(f"{PIPE}LogGroup"), "Log group of the pipe's errors"),
}


def add_outputs(template: Template, workflow: Workflow) -> None:
    """Add the outputs; with 50 steps they are 160, and CloudFormation allows 200."""
    for name, shown in _of_queues(workflow).items():
        template.add_output(_output(name, shown))
    for name in _SHARED:
        template.add_output(_shared(name))
    for step in workflow.steps:
        for name, shown in _of_step(step).items():
            template.add_output(_output(name, shown))


def _of_queues(workflow: Workflow) -> _Outputs:
    queue, dead_letters = queue_refs(workflow), dead_letter_queue_refs(workflow)
    return {
        "QueueUrl": _Shown(queue.url, "URL of the queue: send messages here"),
        "QueueArn": _Shown(queue.arn, "ARN of the queue, for the policies of those who send messages"),
        "DeadLetterQueueUrl": _Shown(dead_letters.url, "URL of the queue with the messages that failed for good"),
        "DeadLetterQueueArn": _Shown(dead_letters.arn, "ARN of the dead-letter queue"),
    }


@shared
def _shared(name: str) -> Output:
    return _output(name, _SHARED[name])


def _output(name: str, shown: _Shown) -> Output:
    return Output(name, Description=shown.description, Value=shown.value)


def _of_step(step: Step) -> _Outputs:
    match step:
        case LambdaStep():
            function = naming.function_id(step.stage)
            return {
                f"{function}Name": _Shown(Ref(function), f"Function of {step.stage}"),
                f"{function}LogGroupName": _Shown(Ref(f"{function}LogGroup"), f"Log group of {step.stage}"),
            }
        case GlueStep():
            job = naming.job_id(step.stage)
            return {
                f"{job}Name": _Shown(Ref(job), f"Glue job of {step.stage}"),
                f"{job}OutputLogGroupName": _Shown(Ref(f"{job}OutputLogGroup"), f"Log group of {step.stage}"),
                f"{job}ErrorLogGroupName": _Shown(Ref(f"{job}ErrorLogGroup"), f"Log group of {step.stage}, errors"),
            }
        case _:
            assert_never(step)
