"""The Lambda functions: per step one function, one role and one log group."""

from typing import Any

from troposphere import GetAtt, Ref, Sub, Template, awslambda

from templates import discovery, naming, permissions
from templates.environment import function_variables
from templates.imports import imported
from templates.lambda_runtime import ARCHITECTURE, RUNTIME
from templates.model import FunctionNaming, LambdaStep, LegacyStep, Workflow
from templates.objects import shared
from templates.resources.encryption import key_if_any
from templates.resources.logs import add_log_group
from templates.resources.parameters import artifact_prefix, required
from templates.resources.role import add_role


class LoggingConfig(awslambda.LoggingConfig):  # type: ignore[misc]  # troposphere has no types
    """troposphere's own lacks LogFormat. Source: AWS::Lambda::Function LoggingConfig."""

    props = awslambda.LoggingConfig.props | {"LogFormat": (str, True)}


def add_functions(template: Template, workflow: Workflow) -> None:
    """Add each Lambda step's function, role and log group, and the parameter that says where their zips are.

    Source: requirements 1.1 to 1.4, properties 1, 40 and 42.
    """
    if not workflow.lambda_steps:
        return
    template.add_parameter(artifact_prefix(naming.HANDLERS_PREFIX_PARAMETER, "functions' zips"))
    for parameter in workflow.legacy_functions:
        form = "the ARN of a Lambda function, or of a version or an alias of one"
        description = "ARN of an existing function, or of a version or alias of it, which does a step"
        template.add_parameter(required(parameter, naming.FUNCTION_ARN_PATTERN, form, description))
    if workflow.adopt.event_bus:
        form = "the name of an event bus of this account and region"
        description = "Name of the existing event bus to which stages publish"
        template.add_parameter(required(workflow.adopt.event_bus, naming.EVENT_BUS_PATTERN, form, description))
    for step in workflow.lambda_steps:
        _add_function(template, workflow, step)


@shared
def _code(packages: str | None) -> awslambda.Code:
    return awslambda.Code(S3Bucket=imported("ArtifactBucket"), S3Key=Sub(naming.code_key(packages)))


@shared
def _tracing() -> awslambda.TracingConfig:
    return awslambda.TracingConfig(Mode="Active")


@shared
def _generated_name() -> dict[str, Any]:
    return {"ceap": {naming.NAMING_KEY: FunctionNaming.GENERATED.value}}


def _add_function(template: Template, workflow: Workflow, step: LambdaStep) -> None:
    logical_id = naming.function_id(step.stage)
    needs = discovery.load_needs(step.handler)
    source_bucket = discovery.source_bucket(step)
    name, is_named = naming.function(workflow.name, step.stage), workflow.names(step)
    log_group = add_log_group(template, f"{logical_id}LogGroup", f"{naming.FUNCTION_LOGS}{name}")
    policy = permissions.function_policy(
        step.stage,
        workflow.previous(step),
        needs,
        source_bucket,
        log_group,
        in_vpc=(name if is_named else "*") if workflow.vpc else None,
        legacy=step.legacy if isinstance(step, LegacyStep) else None,
        event_bus=workflow.adopt.event_bus,
    )
    description = f"{step.stage} of {naming.resource(workflow.name)}"
    role = add_role(template, logical_id, description, "stage", policy, trust=permissions.trust("lambda"))
    template.add_resource(
        awslambda.Function(
            logical_id,
            **({"FunctionName": Sub(name)} if is_named else {"Metadata": _generated_name()}),
            Runtime=RUNTIME,
            Architectures=[ARCHITECTURE],
            Handler=f"handlers.{step.handler}.handler",
            Code=_code(needs.packages),
            Role=GetAtt(role, "Arn"),
            Timeout=step.timeout_s,
            MemorySize=step.memory_mb,
            Environment=awslambda.Environment(Variables=function_variables(workflow, step, needs)),
            KmsKeyArn=key_if_any(),
            LoggingConfig=LoggingConfig(LogFormat="JSON", LogGroup=Ref(log_group)),
            TracingConfig=_tracing(),
            **({"ReservedConcurrentExecutions": step.reserved_concurrency} if step.reserved_concurrency else {}),
            **(
                {"EphemeralStorage": awslambda.EphemeralStorage(Size=step.ephemeral_storage_mb)}
                if step.ephemeral_storage_mb
                else {}
            ),
        )
    )
