"""What a declaration wants of all resources alike: tags, a network, a permissions boundary, other days of logs.

It is added to the finished template, so that a resource of any module has it, and one that nobody declares leaves no
trace.
"""

from collections.abc import Iterator
from typing import Any, Final

from troposphere import Parameter, Template

from templates import naming
from templates.model import LogRetention, Workflow
from templates.resources.tags import add_tags

BOUNDARY_PATTERN: Final = "^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$"

LOG_RETENTION_RULE: Final = "P35_LOG_RETENTION"
LAMBDA_RETRY_RULE: Final = "P16_LAMBDA_RETRY"
INPUT_RETRY_RULE: Final = "P16_INPUT_RETRY"
GLUE_RETRY_RULE: Final = "P24_GLUE_RETRY"


def add_parameters(template: Template, workflow: Workflow) -> None:
    """Add the parameters of network and boundary; without defaults, so that no deployment forgets them."""
    if workflow.vpc:
        for name, kind, meaning in (
            (naming.SUBNETS_PARAMETER, "Subnet", "Private subnets of one VPC, in which the functions run"),
            (naming.SECURITY_GROUPS_PARAMETER, "SecurityGroup", "Security groups of the functions"),
        ):
            template.add_parameter(Parameter(name, Type=f"List<AWS::EC2::{kind}::Id>", Description=meaning))
    if workflow.permissions_boundary:
        template.add_parameter(
            Parameter(
                naming.BOUNDARY_PARAMETER,
                Type="String",
                AllowedPattern=BOUNDARY_PATTERN,
                ConstraintDescription="the ARN of a managed policy",
                Description="ARN of the managed policy that is the permissions boundary of every role",
            )
        )


def govern(resources: dict[str, Any], workflow: Workflow) -> None:
    """Give the resources of a template what the declaration wants of all of them."""
    add_tags(resources, workflow)
    for resource in resources.values():
        properties = resource["Properties"]
        match resource["Type"]:
            case "AWS::Lambda::Function" if workflow.vpc:
                properties["VpcConfig"] = {
                    "SubnetIds": {"Ref": naming.SUBNETS_PARAMETER},
                    "SecurityGroupIds": {"Ref": naming.SECURITY_GROUPS_PARAMETER},
                }
            case "AWS::IAM::Role" if workflow.permissions_boundary:
                properties["PermissionsBoundary"] = {"Ref": naming.BOUNDARY_PARAMETER}
            case "AWS::Logs::LogGroup":
                properties["RetentionInDays"] = workflow.retention_days
        waivers = [{"rule": rule, "reason": reason} for rule, reason in _waivers(resource["Type"], workflow)]
        if waivers:
            resource["Metadata"] = {"ceap": {"waivers": waivers}}


def _waivers(kind: str, workflow: Workflow) -> Iterator[tuple[str, str]]:
    """Yield the rules that a resource of a type breaks as declared, each with the declared reason."""
    kept, retry = workflow.log_retention_days, workflow.retry
    if kind == "AWS::Logs::LogGroup" and isinstance(kept, LogRetention):
        yield LOG_RETENTION_RULE, kept.reason
    if kind == "AWS::StepFunctions::StateMachine":
        if retry.lambda_.reason and workflow.lambda_steps:
            yield LAMBDA_RETRY_RULE, retry.lambda_.reason
        if retry.lambda_.reason and workflow.has_stage_input:
            yield INPUT_RETRY_RULE, retry.lambda_.reason
        if retry.glue.reason and workflow.glue_steps:
            yield GLUE_RETRY_RULE, retry.glue.reason
