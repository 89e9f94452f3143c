"""What becomes of a resource that leaves its stack, and of the data in it.

Source: CloudFormation Template Reference, "DeletionPolicy attribute" and "UpdateReplacePolicy attribute".
"""

from typing import Any, Final

from ceap.cfn import lookup
from ceap.cfn.lookup import Resource, at
from ceap.cfn.template import Template
from ceap.deploy.diff.change import Fate, Subject
from ceap.iam.arn import resolve
from templates.resource_schemas import ResourceSchema, load_schema

_FATES: Final = {
    "Retain": Fate.KEPT,
    "RetainExceptOnCreate": Fate.KEPT,
    "Snapshot": Fate.SNAPSHOT,
}

_EMPTY_ONLY: Final = frozenset((lookup.BUCKET, "AWS::S3::DirectoryBucket"))
"""What AWS deletes only while nothing is in it; CloudFormation then leaves it, outside of the stack."""


def when_removed(template: Template, logical_id: str) -> Fate:
    """Return what becomes of a resource that a later template lacks; the deployed template decides."""
    return _fate(template, logical_id, "DeletionPolicy")


def when_replaced(old: Template, new: Template, logical_id: str) -> Fate:
    """Return what becomes of the old resource where a new one replaces it.

    It counts as kept only if both templates keep it: the guide does not say which of them decides.
    """
    fates = [_fate(template, logical_id, "UpdateReplacePolicy") for template in (old, new)]
    return next((fate for fate in fates if fate in (Fate.DELETED, Fate.DELETED_IF_EMPTY)), fates[1])


def subject_of(template: Template, resource: Resource) -> Subject:
    """Return a resource as changes name it."""
    schema = load_schema(resource.type)
    chosen = resource.properties.get(name_property(schema) or "") if schema else None
    name = None if chosen is None else resolve(template, chosen)
    return Subject(resource.logical_id, resource.type, name, schema is not None and schema.is_stateful)


def name_property(schema: ResourceSchema) -> str | None:
    """Return the property by which a template chooses a resource's physical name, e.g. `QueueName`."""
    short = schema.type.rpartition("::")[2]
    chosen = {path[0] for path in schema.create_only if len(path) == 1}
    match schema.primary_identifier:
        case ((str(name),),) if name in chosen:
            return name
    return next((name for name in (f"{short}Name", "Name") if name in chosen), None)


def _fate(template: Template, logical_id: str, attribute: str) -> Fate:
    body: Any = template.data["Resources"].get(logical_id)
    kept = _FATES.get(str(at(body, attribute)))
    if kept:
        return kept
    return Fate.DELETED_IF_EMPTY if at(body, "Type") in _EMPTY_ONLY else Fate.DELETED
