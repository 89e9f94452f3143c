"""The EventBridge pipe from the queue to the state machine."""

from typing import Any, Final

import awacs.states
from awacs.aws import PolicyDocument
from troposphere import GetAtt, Ref, Sub, Template, pipes

from templates import naming, permissions
from templates.model import Workflow, WorkflowType
from templates.objects import shared
from templates.resources.encryption import key_if_any
from templates.resources.logs import add_log_group
from templates.resources.queue import queue_refs
from templates.resources.role import add_role
from templates.resources.state_machine import STATE_MACHINE

PIPE: Final = "Pipe"

_INVOCATIONS: Final = {
    WorkflowType.EXPRESS: ("REQUEST_RESPONSE", awacs.states.StartSyncExecution),
    WorkflowType.STANDARD: ("FIRE_AND_FORGET", awacs.states.StartExecution),
}


def add_pipe(template: Template, workflow: Workflow) -> None:
    """Add the pipe: one message at a time; its invocation follows the type (requirements 4.2, 5.2, 6.5, property 41).

    EXPRESS: it waits for the result. STANDARD: it starts the execution and deletes the message.

    It has no filter, which would delete messages that do not match, and no input template, which would break on quotes.
    """
    name = naming.resource(workflow.name)
    log_group = add_log_group(template, f"{PIPE}LogGroup", f"{naming.PIPE_LOGS}{name}")
    queue = queue_refs(workflow).arn
    policy = _policy(workflow.type, queue, log_group)
    trust = permissions.trust("pipes", naming.arn("pipes", f"pipe/{name}"))
    role = add_role(template, PIPE, f"Pipe {name}", "pipe", policy, trust=trust)
    template.add_resource(
        pipes.Pipe(
            PIPE,
            Name=Sub(name),
            RoleArn=GetAtt(role, "Arn"),
            Source=queue,
            SourceParameters=_source(),
            Target=Ref(STATE_MACHINE),
            TargetParameters=_target(workflow.type),
            KmsKeyIdentifier=key_if_any(),
            LogConfiguration=_logging(log_group),
        )
    )


@shared
def _policy(kind: WorkflowType, queue_arn: Any, log_group: str) -> PolicyDocument:
    _, start = _INVOCATIONS[kind]
    return permissions.pipe_policy(start, queue_arn, Ref(STATE_MACHINE), GetAtt(log_group, "Arn"))


@shared
def _source() -> pipes.PipeSourceParameters:
    return pipes.PipeSourceParameters(SqsQueueParameters=pipes.PipeSourceSqsQueueParameters(BatchSize=1))


@shared
def _target(kind: WorkflowType) -> pipes.PipeTargetParameters:
    invocation, _ = _INVOCATIONS[kind]
    return pipes.PipeTargetParameters(
        StepFunctionStateMachineParameters=pipes.PipeTargetStateMachineParameters(InvocationType=invocation)
    )


@shared
def _logging(log_group: str) -> pipes.PipeLogConfiguration:
    return pipes.PipeLogConfiguration(
        Level="ERROR",
        CloudwatchLogsLogDestination=pipes.CloudwatchLogsLogDestination(LogGroupArn=GetAtt(log_group, "Arn")),
    )
