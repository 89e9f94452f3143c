"""Reading what CloudFormation says of a stack."""

from collections.abc import Iterator

from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import code_of
from ceap.aws.session import Aws
from ceap.aws.stacks import find_stack, read_resources, read_template, values_in
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
