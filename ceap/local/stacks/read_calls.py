"""The calls of the CloudFormation API that only read.

Source: CloudFormation API Reference, the actions of these names.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from ceap.local.sessions import Session
from ceap.local.stacks.api_errors import StackApiError
from ceap.local.stacks.blueprint import check_template, parse_template, required_capabilities
from ceap.local.stacks.paging import page
from ceap.local.stacks.parameters import shown_values
from ceap.local.stacks.planning import read_text
from ceap.local.stacks.records import STACK_TYPE, Event, Held, Operation, Plan, StackRecord
from ceap.local.stacks.registry import ABSENT, GONE, Registry
from templates.resource_schemas import load_schema

Document = Mapping[str, Any]
_PAGE: Final = 100
_DRIFT: Final = {"StackDriftStatus": "NOT_CHECKED"}
_IAM_REASON: Final = "The following resource(s) require capabilities: [{}]"


class ReadCalls:
    """The calls by name; each takes what the request gives and who sends it, and returns the response."""

    def __init__(self, registry: Registry) -> None:
        self._registry: Final = registry
        self.calls: Final = {
            "DescribeEvents": self._describe_operation_events,
            "DescribeStackEvents": self._describe_events,
            "DescribeStackResource": self._describe_resource,
            "DescribeStackResources": self._describe_resources,
            "DescribeStacks": self._describe_stacks,
            "GetTemplate": self._get_template,
            "GetTemplateSummary": self._get_summary,
            "ListExports": self._list_exports,
            "ListImports": self._list_imports,
            "ListStackResources": self._list_resources,
            "ListStacks": self._list_stacks,
            "ValidateTemplate": self._validate,
        }

    def _describe_stacks(self, given: Document, _: Session) -> Document:
        name = given.get("StackName")
        records = [self._registry.get(name)] if name else self._registry.live()
        found, token = page(records, given.get("NextToken"), _PAGE)
        return {"Stacks": [_stack(record) for record in found], "NextToken": token}

    def _list_stacks(self, given: Document, _: Session) -> Document:
        wanted = given.get("StackStatusFilter")
        records = [record for record in self._registry.every() if not wanted or record.status in wanted]
        found, token = page(records, given.get("NextToken"), _PAGE)
        return {"StackSummaries": [_summary(record) for record in found], "NextToken": token}

    def _describe_events(self, given: Document, _: Session) -> Document:
        record = self._registry.get(given["StackName"], ABSENT)
        found, token = page(record.events[::-1], given.get("NextToken"), _PAGE)
        events = [{**_event(record, event), "StackName": record.name} for event in found]
        return {"StackEvents": events, "NextToken": token}

    def _describe_operation_events(self, given: Document, _: Session) -> Document:
        record = self._registry.get(given.get("StackName", ""))
        operation, only_failed = given.get("OperationId"), given.get("Filters", {}).get("FailedEvents", False)
        chosen = [
            event
            for event in record.events[::-1]
            if (operation is None or event.operation.id == operation)
            and (not only_failed or (event.status.endswith("_FAILED") and event.type != STACK_TYPE))
        ]
        found, token = page(chosen, given.get("NextToken"), _PAGE)
        events = [
            {
                **_event(record, event),
                "OperationType": event.operation.kind,
                "EventType": "PROVISIONING_ERROR" if event.status.endswith("_FAILED") else "STACK_EVENT",
            }
            for event in found
        ]
        return {"OperationEvents": events, "NextToken": token}

    def _describe_resource(self, given: Document, _: Session) -> Document:
        record = self._registry.get(given["StackName"])
        held = self._resource(record, given["LogicalResourceId"])
        detail = {"LastUpdatedTimestamp": held.changed, "Metadata": _metadata(record, held)}
        return {"StackResourceDetail": {**_names(record), **_resource(held), **detail}}

    def _describe_resources(self, given: Document, _: Session) -> Document:
        physical, logical = given.get("PhysicalResourceId"), given.get("LogicalResourceId")
        record = self._registry.get(given["StackName"]) if "StackName" in given else self._owner(physical)
        held = list(record.resources.values())
        if logical is not None:
            held = [self._resource(record, logical)]
        return {"StackResources": [{**_names(record), **_resource(each), "Timestamp": each.changed} for each in held]}

    def _owner(self, physical: str | None) -> StackRecord:
        if physical is None:
            raise StackApiError("Either StackName or PhysicalResourceId must be specified")
        for record in self._registry.live():
            if any(held.physical_id == physical and held.made for held in list(record.resources.values())):
                return record
        raise StackApiError(f"Stack for {physical} does not exist")

    def _resource(self, record: StackRecord, logical_id: str) -> Held:
        if logical_id not in record.resources:
            raise StackApiError(f"Resource {logical_id} does not exist for stack {record.name}")
        return record.resources[logical_id]

    def _list_resources(self, given: Document, _: Session) -> Document:
        record = self._registry.get(given["StackName"])
        found, token = page(list(record.resources.values()), given.get("NextToken"), _PAGE)
        summaries = [{**_resource(held), "LastUpdatedTimestamp": held.changed} for held in found]
        return {"StackResourceSummaries": summaries, "NextToken": token}

    def _get_template(self, given: Document, _: Session) -> Document:
        if "ChangeSetName" in given:
            plan: Plan | None = self._registry.change_set(given["ChangeSetName"], given.get("StackName"))[1].plan
        else:
            plan = self._registry.get(given["StackName"]).plan
        return {"TemplateBody": plan.blueprint.text if plan else "", "StagesAvailable": ["Original", "Processed"]}

    def _get_summary(self, given: Document, _: Session) -> Document:
        record = self._registry.get(given["StackName"]) if "StackName" in given else None
        if record is not None and record.plan is not None:
            template: Mapping[str, Any] = record.plan.blueprint.data
        else:
            template = parse_template(read_text(given, self._registry, None))
            check_template(template)
        return {
            **_described(template),
            "ResourceTypes": sorted({resource["Type"] for resource in template["Resources"].values()}),
            "Version": template.get("AWSTemplateFormatVersion"),
            "Metadata": json.dumps(template["Metadata"]) if "Metadata" in template else None,
            "ResourceIdentifierSummaries": _identifiers(template),
        }

    def _validate(self, given: Document, _: Session) -> Document:
        template = parse_template(read_text(given, self._registry, None))
        check_template(template)
        described = _described(template)
        for parameter in described["Parameters"]:
            for key in ("ParameterType", "ParameterConstraints"):
                parameter.pop(key, None)
        return described

    def _list_exports(self, given: Document, _: Session) -> Document:
        every = [
            {"ExportingStackId": record.arn, "Name": name, "Value": value}
            for record in self._registry.live()
            for name, value in record.exported().items()
        ]
        found, token = page(every, given.get("NextToken"), _PAGE)
        return {"Exports": found, "NextToken": token}

    def _list_imports(self, given: Document, _: Session) -> Document:
        name = given["ExportName"]
        users = self._registry.exports.users(name)
        if not users:
            raise StackApiError(f"Export '{name}' is not imported by any stack.")
        found, token = page(users, given.get("NextToken"), _PAGE)
        return {"Imports": found, "NextToken": token}


def _names(record: StackRecord) -> dict[str, Any]:
    return {"StackName": record.name, "StackId": record.arn}


def _stack(record: StackRecord) -> dict[str, Any]:
    plan = record.plan
    template = plan.blueprint.data if plan else {}
    outputs = template.get("Outputs", {})
    operations: dict[str, Operation] = {event.operation.id: event.operation for event in record.events[::-1]}
    return {
        **_names(record),
        "ChangeSetId": record.change_set,
        "Description": template.get("Description"),
        "Parameters": shown_values(template.get("Parameters", {}), plan.blueprint.parameters) if plan else [],
        "CreationTime": record.created,
        "DeletionTime": record.deleted,
        "LastUpdatedTime": record.updated,
        "RollbackConfiguration": {},
        "StackStatus": record.status,
        "StackStatusReason": record.reason or None,
        "DisableRollback": False,
        "NotificationARNs": plan.notification_arns if plan else [],
        "Capabilities": plan.capabilities if plan else [],
        "Outputs": [
            {
                "OutputKey": key,
                "OutputValue": value,
                "Description": outputs.get(key, {}).get("Description"),
                "ExportName": record.exports.get(key),
            }
            for key, value in record.outputs.items()
        ],
        "RoleARN": record.role,
        "Tags": [{"Key": key, "Value": value} for key, value in plan.tags.items()] if plan else [],
        "EnableTerminationProtection": record.is_protected,
        "DriftInformation": _DRIFT,
        "LastOperations": [{"OperationType": each.kind, "OperationId": each.id} for each in operations.values()][:1],
    }


def _summary(record: StackRecord) -> dict[str, Any]:
    return {
        **_names(record),
        "TemplateDescription": record.plan.blueprint.data.get("Description") if record.plan else None,
        "CreationTime": record.created,
        "LastUpdatedTime": record.updated,
        "DeletionTime": record.deleted if record.status == GONE else None,
        "StackStatus": record.status,
        "StackStatusReason": record.reason or None,
        "DriftInformation": _DRIFT,
    }


def _event(record: StackRecord, event: Event) -> dict[str, Any]:
    return {
        "EventId": event.id,
        "StackId": record.arn,
        "OperationId": event.operation.id,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type,
        "Timestamp": event.moment,
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason or None,
        "ResourceProperties": event.properties or None,
        "ClientRequestToken": event.operation.token or None,
    }


def _resource(held: Held) -> dict[str, Any]:
    return {
        "LogicalResourceId": held.logical_id,
        "PhysicalResourceId": held.physical_id or None,
        "ResourceType": held.type,
        "ResourceStatus": held.status,
        "ResourceStatusReason": held.reason or None,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


def _metadata(record: StackRecord, held: Held) -> str | None:
    resources = record.plan.blueprint.data["Resources"] if record.plan else {}
    metadata = resources.get(held.logical_id, {}).get("Metadata")
    return None if metadata is None else json.dumps(metadata)


def _described(template: Mapping[str, Any]) -> dict[str, Any]:
    capabilities = required_capabilities(template)
    return {
        "Parameters": [_parameter(name, body) for name, body in template.get("Parameters", {}).items()],
        "Description": template.get("Description"),
        "Capabilities": capabilities,
        "CapabilitiesReason": _IAM_REASON.format(", ".join(_iam_types(template))) if capabilities else None,
    }


def _iam_types(template: Mapping[str, Any]) -> list[str]:
    kinds = {resource["Type"] for resource in template["Resources"].values()}
    return sorted(kind for kind in kinds if kind.startswith("AWS::IAM::"))


def _parameter(name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    allowed = body.get("AllowedValues")
    return {
        "ParameterKey": name,
        "DefaultValue": str(body["Default"]) if "Default" in body else None,
        "ParameterType": body.get("Type"),
        "NoEcho": str(body.get("NoEcho", False)).lower() == "true",
        "Description": body.get("Description"),
        "ParameterConstraints": {"AllowedValues": [str(each) for each in allowed]} if allowed else {},
    }


def _identifiers(template: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return by which properties the resources of each type are imported."""
    by_type: dict[str, list[str]] = {}
    for logical_id, resource in template["Resources"].items():
        by_type.setdefault(resource["Type"], []).append(logical_id)
    return [
        {
            "ResourceType": kind,
            "LogicalResourceIds": logical_ids,
            # No type that the engine knows is identified by a property in a property.
            "ResourceIdentifiers": [name for (name,) in schema.primary_identifier],
        }
        for kind, logical_ids in by_type.items()
        if (schema := load_schema(kind)) is not None
    ]
