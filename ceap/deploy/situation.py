"""Reading what CloudFormation says of a stack."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.deploy.aws import Aws
from ceap.deploy.aws_errors import code_of
from ceap.deploy.change_sets import PREFIX
from ceap.deploy.plan import REVIEW, Situation


def read_situation(aws: Aws, name: str) -> Situation:
    """Return what there is of a stack."""
    stack = find_stack(aws, name)
    if stack is None:
        return Situation(name=name)
    is_live = stack["StackStatus"] != REVIEW
    return Situation(
        name=name,
        status=stack["StackStatus"],
        stack_id=stack["StackId"],
        reason=stack.get("StackStatusReason", ""),
        parameters=values_in(stack),
        outputs={each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())},
        exports=tuple(each["ExportName"] for each in stack.get("Outputs", ()) if "ExportName" in each),
        resources=dict(read_resources(aws, stack["StackId"])) if is_live else {},
        template=read_template(aws, stack) if is_live else None,
        pending=tuple(_pending(aws, stack["StackId"])),
        is_protected=stack.get("EnableTerminationProtection", False),
    )


def find_stack(aws: Aws, name: str) -> dict[str, Any] | None:
    """Return a stack as DescribeStacks has it, by name or id; None if there is none of that name."""
    try:
        [stack] = aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if code_of(error) == "ValidationError" and "does not exist" in str(error):
            return None
        raise
    found: dict[str, Any] = stack
    return found


def values_in(stack: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of the parameters of a stack as DescribeStacks has it."""
    return {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", ())}


def read_resources(aws: Aws, stack_id: str) -> Iterator[tuple[str, str]]:
    """Yield logical and physical id of what a stack holds."""
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack_id)
    for resource in (each for page in pages for each in page["StackResourceSummaries"]):
        if "PhysicalResourceId" in resource and not resource["ResourceStatus"].startswith("DELETE_"):
            yield resource["LogicalResourceId"], resource["PhysicalResourceId"]


def read_template(aws: Aws, stack: Mapping[str, Any]) -> str | None:
    """Return the template of a stack as it was given; None where its creation was rolled back, so nothing has it."""
    if stack["StackStatus"] == "ROLLBACK_COMPLETE":
        return None
    found = aws.client("cloudformation").get_template(StackName=stack["StackId"], TemplateStage="Original")
    body = found["TemplateBody"]
    # boto3 parses a template in JSON.
    return body if isinstance(body, str) else json.dumps(body)


def read_importers(aws: Aws, export: str) -> tuple[str, ...]:
    """Return the names of the stacks that import an export."""
    pages = aws.client("cloudformation").get_paginator("list_imports").paginate(ExportName=export)
    try:
        return tuple(stack for page in pages for stack in page["Imports"])
    except ClientError as error:
        if code_of(error) == "ValidationError" and "is not imported by any stack" in str(error):
            return ()
        raise


def _pending(aws: Aws, stack_id: str) -> Iterator[str]:
    """Yield the ARNs of change sets that an earlier call of ceap made and did not execute."""
    pages = aws.client("cloudformation").get_paginator("list_change_sets").paginate(StackName=stack_id)
    for each in (summary for page in pages for summary in page["Summaries"]):
        is_open = each.get("ExecutionStatus") in ("AVAILABLE", "UNAVAILABLE", "OBSOLETE")
        if each["ChangeSetName"].startswith(PREFIX) and is_open and not each["Status"].startswith("DELETE_"):
            yield each["ChangeSetId"]
