"""The state machine, its role and its log group."""

from typing import Any, Final, assert_never

from troposphere import GetAtt, If, Ref, Sub, Template, stepfunctions

from templates import naming, permissions
from templates.definition import WORKFLOW_BUCKET_TOKEN, definition_text
from templates.imports import imported
from templates.model import GlueStep, LambdaStep, Workflow
from templates.objects import shared
from templates.resources.encryption import if_key
from templates.resources.logs import add_log_group
from templates.resources.role import add_role

STATE_MACHINE: Final = "StateMachine"


def add_state_machine(template: Template, workflow: Workflow) -> None:
    """Add the state machine with full execution logs and tracing (requirements 4, 5, 9, properties 12, 18, 35)."""
    name = naming.resource(workflow.name)
    log_group = add_log_group(template, f"{STATE_MACHINE}LogGroup", f"{naming.STATE_MACHINE_LOGS}{name}")
    trust = permissions.trust("states", naming.arn("states", f"stateMachine:{name}"))
    policy = permissions.state_machine_policy(workflow, log_group)
    role = add_role(template, STATE_MACHINE, f"State machine {name}", "state-machine", policy, trust=trust)
    template.add_resource(
        stepfunctions.StateMachine(
            STATE_MACHINE,
            StateMachineName=Sub(name),
            StateMachineType=workflow.type.value,
            RoleArn=GetAtt(role, "Arn"),
            DefinitionString=definition_text(workflow),
            DefinitionSubstitutions={WORKFLOW_BUCKET_TOKEN: imported("WorkflowBucket"), **_workers(workflow)},
            LoggingConfiguration=_logging(log_group),
            EncryptionConfiguration=_encryption(),
            TracingConfiguration=_tracing(),
        )
    )


@shared
def _logging(log_group: str) -> stepfunctions.LoggingConfiguration:
    group = stepfunctions.CloudWatchLogsLogGroup(LogGroupArn=GetAtt(log_group, "Arn"))
    return stepfunctions.LoggingConfiguration(
        Level="ALL",
        IncludeExecutionData=True,
        Destinations=[stepfunctions.LogDestination(CloudWatchLogsLogGroup=group)],
    )


@shared
def _encryption() -> If:
    key = Ref(naming.KMS_KEY_PARAMETER)
    return if_key(stepfunctions.EncryptionConfiguration(Type="CUSTOMER_MANAGED_KMS_KEY", KmsKeyId=key))


@shared
def _tracing() -> stepfunctions.TracingConfiguration:
    return stepfunctions.TracingConfiguration(Enabled=True)


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
