"""The state machine, its role and its log group."""

from __future__ import annotations

from typing import Any, Final, assert_never

from troposphere import GetAtt, Ref, Sub, Template, iam, stepfunctions

from templates import naming, permissions
from templates.definition import WORKFLOW_BUCKET_TOKEN, definition_text
from templates.imports import imported
from templates.model import GlueStep, LambdaStep, Workflow
from templates.resources.encryption import if_key, key_policy_if_any
from templates.resources.logs import add_log_group

STATE_MACHINE: Final = "StateMachine"


def add_state_machine(template: Template, workflow: Workflow) -> None:
    """Add the state machine with full execution logs and tracing (requirements 4, 5, 9, properties 12, 18, 35)."""
    name = naming.state_machine(workflow.name)
    log_group = add_log_group(template, f"{STATE_MACHINE}LogGroup", naming.state_machine_log_group(workflow.name))
    role = template.add_resource(
        iam.Role(
            f"{STATE_MACHINE}Role",
            Description=Sub(f"State machine {name}"),
            AssumeRolePolicyDocument=permissions.trust("states", naming.arn("states", f"stateMachine:{name}")),
            # Inline: a policy of its own could come too late for the log destination to be checked.
            Policies=[
                iam.Policy(PolicyName="state-machine", PolicyDocument=permissions.state_machine_policy(workflow)),
                key_policy_if_any(),
            ],
        )
    )
    template.add_resource(
        stepfunctions.StateMachine(
            STATE_MACHINE,
            StateMachineName=Sub(name),
            StateMachineType=workflow.type.value,
            RoleArn=GetAtt(role, "Arn"),
            DefinitionString=definition_text(workflow),
            DefinitionSubstitutions={
                WORKFLOW_BUCKET_TOKEN: imported("WorkflowBucket"),
                **_workers(workflow),
            },
            LoggingConfiguration=stepfunctions.LoggingConfiguration(
                Level="ALL",
                IncludeExecutionData=True,
                Destinations=[
                    stepfunctions.LogDestination(
                        CloudWatchLogsLogGroup=stepfunctions.CloudWatchLogsLogGroup(
                            LogGroupArn=GetAtt(log_group, "Arn")
                        )
                    )
                ],
            ),
            EncryptionConfiguration=if_key(
                stepfunctions.EncryptionConfiguration(
                    Type="CUSTOMER_MANAGED_KMS_KEY", KmsKeyId=Ref(naming.KMS_KEY_PARAMETER)
                )
            ),
            TracingConfiguration=stepfunctions.TracingConfiguration(Enabled=True),
        )
    )


def _workers(workflow: Workflow) -> dict[str, Any]:
    """Return what fills in each step's token: functions by their ARN, then jobs by their name."""
    functions, jobs = {}, {}
    for step in workflow.steps:
        match step:
            case LambdaStep():
                functions[naming.function_id(step.stage)] = GetAtt(naming.function_id(step.stage), "Arn")
            case GlueStep():
                jobs[naming.job_id(step.stage)] = Ref(naming.job_id(step.stage))
            case _:
                assert_never(step)
    return functions | jobs
