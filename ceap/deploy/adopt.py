"""What an earlier stack left behind, and the template by which CloudFormation imports it into a new one.

An import changes nothing of a resource, and CloudFormation compares later templates with the one of the import: so that
is the template with which the resource was last deployed.
Source: CloudFormation User Guide, "Import AWS resources into a CloudFormation stack".
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

import msgspec
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import is_absent
from ceap.aws.history import Operation, Record, Retained
from ceap.aws.history import latest as latest_of
from ceap.aws.session import Aws
from ceap.aws.stacks import read_template, values_in
from ceap.cfn import lookup
from ceap.cfn.template import Template, parse_template
from ceap.deploy.diff.evaluation import is_secret
from templates.document import parse_document
from templates.resource_schemas import load_schema

BUCKET_POLICY: Final = "AWS::S3::BucketPolicy"


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """A stack that is gone: its template and parameters, and what it left."""

    template: Template
    parameters: Mapping[str, str]
    retained: tuple[Retained, ...]


def retained_of(logical_id: str, resource_type: str, physical_id: str) -> Retained | None:
    """Return a resource as an import names it; None for a type that CloudFormation cannot import.

    Types whose schema has no read handler cannot be; of the others, those with one identifier have it as physical id.
    """
    schema = load_schema(resource_type)
    if schema is None or "read" not in schema.permissions or len(schema.primary_identifier) != 1:
        return None
    [path] = schema.primary_identifier
    return Retained(logical_id=logical_id, type=resource_type, identifier={path[-1]: physical_id})


def find_origin(aws: Aws, stack: str, records: Sequence[Record], read: Callable[[Record], str]) -> Origin | None:
    """Return what is left of the last stack of a name, as CloudFormation knows for 90 days, or else its last record.

    `read` returns the template of a record. None if there was no such stack, or nothing of it is left.
    """
    origin = _known_to_cloudformation(aws, stack) or _recorded(records, read)
    if origin is None:
        return None
    left = tuple(each for each in origin.retained if exists(aws, each))
    return msgspec.structs.replace(origin, retained=left) if left else None


def _known_to_cloudformation(aws: Aws, stack: str) -> Origin | None:
    for each in _gone(aws, stack):
        if retained := tuple(left_by(aws, each)):
            [found] = aws.client("cloudformation").describe_stacks(StackName=each)["Stacks"]
            template = parse_template(read_template(aws, found) or "", stack)
            return Origin(template=template, parameters=values_in(found), retained=retained)
    return None


def _gone(aws: Aws, stack: str) -> list[str]:
    """Return the ids of the deleted stacks of a name that CloudFormation still knows, the last one first."""
    pages = aws.client("cloudformation").get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
    gone = [each for page in pages for each in page["StackSummaries"] if each["StackName"] == stack]
    return [each["StackId"] for each in sorted(gone, key=lambda summary: summary["DeletionTime"], reverse=True)]


def left_by_last(aws: Aws, stack: str) -> tuple[Retained, ...]:
    """Return what the last deleted stack of a name left, as far as CloudFormation still knows it."""
    gone = _gone(aws, stack)
    return tuple(left_by(aws, gone[0])) if gone else ()


def left_by(aws: Aws, stack_id: str) -> Iterator[Retained]:
    """Yield what a deleted stack left and an import could take back."""
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack_id)
    for resource in (each for page in pages for each in page["StackResourceSummaries"]):
        if resource["ResourceStatus"] == "DELETE_SKIPPED":
            name, physical_id = resource["LogicalResourceId"], resource["PhysicalResourceId"]
            if retained := retained_of(name, resource["ResourceType"], physical_id):
                yield retained


def _recorded(records: Sequence[Record], read: Callable[[Record], str]) -> Origin | None:
    last = latest_of(records)
    if last is None or last.operation is not Operation.DESTROY or not last.retained:
        return None
    return Origin(
        template=parse_template(read(last), last.stack), parameters=last.parameters, retained=tuple(last.retained)
    )


def wanted_of(origin: Origin, template: Template) -> tuple[Retained, ...]:
    """Return what is left and wanted again: the same logical id and type, in a template as its conditions have it."""
    types = {resource.logical_id: resource.type for resource in lookup.resources(template)}
    return tuple(each for each in origin.retained if types.get(each.logical_id) == each.type)


def import_parameters(origin: Origin, wanted: Mapping[str, str]) -> dict[str, str]:
    """Return the values for an import: those of then; for secrets, which CloudFormation hides, those wanted now."""
    secrets = {name for name in origin.parameters if is_secret(origin.template, name)}
    plain = {name: value for name, value in origin.parameters.items() if name not in secrets}
    return plain | {name: wanted[name] for name in secrets if name in wanted}


def import_template(origin: Origin, retained: Iterable[Retained]) -> str:
    """Return a template of nothing but resources to import, as they were deployed.

    Outputs are not allowed in an import, and what refers to a resource that is not imported is left out.
    """
    data: dict[str, Any] = parse_document(origin.template.text).data
    resources, names = data["Resources"], sorted(each.logical_id for each in retained)
    others = resources.keys() - set(names)
    sections = {name: data[name] for name in ("Parameters", "Conditions", "Mappings") if name in data}
    return json.dumps({**sections, "Resources": {name: _alone(resources[name], others) for name in names}}, indent=1)


def _alone(resource: Mapping[str, Any], others: AbstractSet[str]) -> dict[str, Any]:
    """Return a resource without the properties that refer to others."""
    properties = {
        name: value
        for name, value in resource.get("Properties", {}).items()
        if others.isdisjoint(referred for _, referred, _ in lookup.references(value))
    }
    policies = {name: resource[name] for name in ("DeletionPolicy", "UpdateReplacePolicy") if name in resource}
    return {"Type": resource["Type"], **policies, "Properties": properties}


def exists(aws: Aws, retained: Retained) -> bool:
    """Tell whether a resource is still there; one of a type that nothing here asks for is taken to be."""
    look = _LOOKS.get(retained.type)
    if look is None:
        return True
    [identifier] = retained.identifier.values()
    try:
        look(aws, identifier)
    except ClientError as error:
        if is_absent(error):
            return False
        raise
    return True


_LOOKS: Final[Mapping[str, Callable[[Aws, str], object]]] = {
    lookup.QUEUE: lambda aws, url: aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"]),
    lookup.TABLE: lambda aws, name: aws.client("dynamodb").describe_table(TableName=name),
    lookup.BUCKET: lambda aws, name: aws.client("s3").head_bucket(Bucket=name, ExpectedBucketOwner=aws.account),
    BUCKET_POLICY: lambda aws, name: aws.client("s3").get_bucket_policy(Bucket=name, ExpectedBucketOwner=aws.account),
}
