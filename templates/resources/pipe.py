"""The EventBridge pipe from the queue to the state machine."""

from __future__ import annotations

from typing import Final

from troposphere import GetAtt, Ref, Sub, Template, iam, pipes

from templates import naming, permissions
from templates.model import Workflow
from templates.resources.logs import add_log_group
from templates.resources.queue import QUEUE
from templates.resources.state_machine import STATE_MACHINE

PIPE: Final = "Pipe"


def add_pipe(template: Template, workflow: Workflow) -> None:
    """Add the pipe: one message at a time, and it waits for the result (requirements 4.2 and 6.5, property 41).

    It has no filter, which would remove what does not match, and no input template, which would break on quotes.
    """
    name = naming.pipe(workflow.name)
    log_group = add_log_group(template, f"{PIPE}LogGroup", naming.pipe_log_group(workflow.name))
    policy = permissions.pipe_policy(GetAtt(QUEUE, "Arn"), Ref(STATE_MACHINE), GetAtt(log_group, "Arn"))
    role = template.add_resource(
        iam.Role(
            f"{PIPE}Role",
            Description=Sub(f"Pipe {name}"),
            AssumeRolePolicyDocument=permissions.trust("pipes", naming.arn("pipes", f"pipe/{name}")),
            # Inline: the pipe's creation checks that the role may read the queue.
            Policies=[iam.Policy(PolicyName="pipe", PolicyDocument=policy)],
        )
    )
    template.add_resource(
        pipes.Pipe(
            PIPE,
            Name=Sub(name),
            RoleArn=GetAtt(role, "Arn"),
            Source=GetAtt(QUEUE, "Arn"),
            SourceParameters=pipes.PipeSourceParameters(
                SqsQueueParameters=pipes.PipeSourceSqsQueueParameters(BatchSize=1)
            ),
            Target=Ref(STATE_MACHINE),
            TargetParameters=pipes.PipeTargetParameters(
                StepFunctionStateMachineParameters=pipes.PipeTargetStateMachineParameters(
                    InvocationType="REQUEST_RESPONSE"
                )
            ),
            LogConfiguration=pipes.PipeLogConfiguration(
                Level="ERROR",
                CloudwatchLogsLogDestination=pipes.CloudwatchLogsLogDestination(LogGroupArn=GetAtt(log_group, "Arn")),
            ),
        )
    )
