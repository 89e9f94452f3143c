"""A stack as CloudFormation has it: what DescribeStacks says, its resources and its template."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import code_of
from ceap.aws.session import Aws


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
