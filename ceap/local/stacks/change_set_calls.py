"""The calls of the CloudFormation API for change sets.

Source: CloudFormation API Reference, "CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DeleteChangeSet",
"ListChangeSets"; CloudFormation User Guide, "Import AWS resources into a CloudFormation stack".
"""

import uuid
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ceap.local.sessions import REGION, Session
from ceap.local.stack_models import ResourceError
from ceap.local.stacks import statuses
from ceap.local.stacks.api_errors import (
    AlreadyExistsError,
    ChangeSetNotFoundError,
    InvalidChangeSetStatusError,
    StackApiError,
    UnmodelledError,
)
from ceap.local.stacks.comparison import Change, Comparison, import_change
from ceap.local.stacks.paging import page
from ceap.local.stacks.parameters import shown_values
from ceap.local.stacks.planning import check_name, choose_session, make_plan
from ceap.local.stacks.records import ChangeSet, Operation, Plan, StackRecord
from ceap.local.stacks.registry import REVIEW, Registry

_UNCHANGED: Final = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)
_DETAILED: Final = ("BeforeValue", "AfterValue", "Path")

Document = Mapping[str, Any]


class ChangeSetCalls:
    """The calls by name; each takes what the request gives and who sends it, and returns the response."""

    def __init__(self, registry: Registry) -> None:
        self._registry: Final = registry
        self.calls: Final = {
            "CreateChangeSet": self._create,
            "DeleteChangeSet": self._delete,
            "DescribeChangeSet": self._describe,
            "ExecuteChangeSet": self._execute,
            "ListChangeSets": self._list,
        }

    def _create(self, given: Document, caller: Session) -> Document:
        name, kind = check_name(given["ChangeSetName"]), given.get("ChangeSetType", "UPDATE")
        record = self._stack(given["StackName"], kind, name)
        is_new = record is None
        if record is None:
            record = self._registry.add(check_name(given["StackName"]), REVIEW)
        try:
            if name in record.change_sets:
                raise AlreadyExistsError(f"ChangeSet {name} already exists")
            plan = make_plan(given, self._registry, record.arn, record)
            if kind == "IMPORT":
                plan = _with_imports(plan, given.get("ResourcesToImport", ()), record)
            elif given.get("ResourcesToImport"):
                raise StackApiError("ResourcesToImport is only allowed when ChangeSetType is IMPORT")
            choose_session(plan.role, self._registry, record, caller)
        except StackApiError:
            if is_new:
                self._registry.forget(record)
            raise
        arn = f"arn:aws:cloudformation:{REGION}:{self._registry.account}:changeSet/{name}/{uuid.uuid4()}"
        made = record.change_sets[name] = ChangeSet(arn, name, given.get("Description", ""), plan)
        if is_new:
            record.tell(Operation(str(uuid.uuid4()), "CREATE_CHANGESET"), REVIEW, "User Initiated")
        self._compare(record, made)
        return {"Id": arn, "StackId": record.arn}

    def _stack(self, name: str, kind: str, change_set: str) -> StackRecord | None:
        """Return the stack that a new change set is for; None if it is to be created."""
        record = self._registry.find(name)
        if kind == "UPDATE":
            if record is None:
                raise StackApiError(f"Stack [{name}] does not exist")
            statuses.require_updatable(record)
        elif kind == "CREATE":
            if record is not None and record.status != REVIEW:
                raise StackApiError(
                    f"Stack [{name}] already exists and cannot be created again with the changeSet [{change_set}]."
                )
        elif kind == "IMPORT":
            if record is not None and record.status != REVIEW:
                statuses.require_updatable(record)
        else:
            raise StackApiError(f"Value '{kind}' at 'changeSetType' failed to satisfy constraint")
        return record

    def _compare(self, record: StackRecord, made: ChangeSet) -> None:
        """Find out what the change set would do; it fails if that is nothing."""
        plan = made.plan
        if plan.imports:
            declared = plan.blueprint.resources
            made.changes = tuple(import_change(declared[name], each) for name, each in plan.imports.items())
            return
        try:
            found = Comparison(record, plan, self._registry.exports.value)
        except ResourceError as error:
            _fail(made, str(error))
            return
        made.changes = tuple(found.changes)
        if found.is_empty:
            _fail(made, _UNCHANGED)

    def _describe(self, given: Document, _: Session) -> Document:
        record, made = self._registry.change_set(given["ChangeSetName"], given.get("StackName"))
        changes, token = page(made.changes, given.get("NextToken"), 100)
        is_detailed = given.get("IncludePropertyValues", False)
        plan = made.plan
        return {
            "ChangeSetName": made.name,
            "ChangeSetId": made.arn,
            "StackId": record.arn,
            "StackName": record.name,
            "Description": made.description or None,
            "Parameters": shown_values(plan.blueprint.data.get("Parameters", {}), plan.blueprint.parameters),
            "CreationTime": made.created,
            "ExecutionStatus": made.execution,
            "Status": made.status,
            "StatusReason": made.reason or None,
            "NotificationARNs": plan.notification_arns,
            "RollbackConfiguration": {},
            "Capabilities": plan.capabilities,
            "Tags": [{"Key": key, "Value": value} for key, value in plan.tags.items()],
            "Changes": [
                {"Type": "Resource", "ResourceChange": change if is_detailed else _without_values(change)}
                for change in changes
            ],
            "NextToken": token,
            "IncludeNestedStacks": False,
            "OnStackFailure": plan.on_failure,
        }

    def _execute(self, given: Document, caller: Session) -> Document:
        record, made = self._registry.change_set(given["ChangeSetName"], given.get("StackName"))
        if given.get("DisableRollback"):
            raise UnmodelledError("DisableRollback of ExecuteChangeSet")
        if made.execution != "AVAILABLE":
            raise InvalidChangeSetStatusError(
                f"ChangeSet [{made.arn}] cannot be executed in its current status of [{made.status}]"
            )
        is_new = record.status == REVIEW
        if not is_new:
            statuses.require_updatable(record)
        session = choose_session(made.plan.role, self._registry, record, caller)
        record.role = made.plan.role or record.role
        record.change_set, made.execution = made.arn, "EXECUTE_IN_PROGRESS"
        for other in [other for other in record.change_sets.values() if other is not made]:
            del record.change_sets[other.name]
        operation = Operation(
            str(uuid.uuid4()), "CREATE_STACK" if is_new else "UPDATE_STACK", given.get("ClientRequestToken", "")
        )
        verb = "IMPORT" if made.plan.is_import else ("CREATE" if is_new else "UPDATE")
        plan = msgspec.structs.replace(made.plan, deletes_new=given.get("RetainExceptOnCreate", False))
        statuses.start(record, operation, f"{verb}_IN_PROGRESS")
        work = self._registry.work(record, operation, session)
        steps = {"IMPORT": work.bring_in, "CREATE": work.create, "UPDATE": work.update}[verb]

        def run() -> None:
            steps(plan)
            made.execution = "EXECUTE_FAILED" if work.cause else "EXECUTE_COMPLETE"

        self._registry.begin(record, operation, run)
        return {}

    def _delete(self, given: Document, _: Session) -> Document:
        try:
            record, made = self._registry.change_set(given["ChangeSetName"], given.get("StackName"))
        except ChangeSetNotFoundError:
            return {}
        if made.execution in {"EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE"}:
            raise InvalidChangeSetStatusError(f"ChangeSet [{made.arn}] cannot be deleted in status {made.execution}")
        del record.change_sets[made.name]
        return {}

    def _list(self, given: Document, _: Session) -> Document:
        record = self._registry.get(given["StackName"])
        found, token = page(list(record.change_sets.values()), given.get("NextToken"), 100)
        summaries = [
            {
                "StackId": record.arn,
                "StackName": record.name,
                "ChangeSetId": made.arn,
                "ChangeSetName": made.name,
                "ExecutionStatus": made.execution,
                "Status": made.status,
                "StatusReason": made.reason or None,
                "CreationTime": made.created,
                "Description": made.description or None,
                "IncludeNestedStacks": False,
            }
            for made in found
        ]
        return {"Summaries": summaries, "NextToken": token}


def _fail(made: ChangeSet, reason: str) -> None:
    made.status, made.reason, made.execution = "FAILED", reason, "UNAVAILABLE"


def _without_values(change: Change) -> Change:
    """Return a change without the values of properties, which are told only when they are asked for."""

    def plain(target: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in target.items() if key not in _DETAILED}

    return {**change, "Details": [{**detail, "Target": plain(detail["Target"])} for detail in change["Details"]]}


def _with_imports(plan: Plan, given: Any, record: StackRecord) -> Plan:
    """Return the plan of an import; StackApiError if it asks for anything else than to take in what exists."""
    imports = {each["LogicalResourceId"]: each["ResourceIdentifier"] for each in given}
    new = plan.blueprint
    if not imports:
        raise StackApiError("At least one resource must be specified in ResourcesToImport for an import operation")
    if lost := sorted(set(new.resources) - set(record.resources) - set(imports)):
        raise StackApiError(f"Resources [{', '.join(lost)}] is missing from ResourceToImport list")
    if unknown := sorted(set(imports) - set(new.resources)):
        raise StackApiError(f"Resources [{', '.join(unknown)}] in ResourcesToImport are not in the template")
    if present := sorted(set(imports) & set(record.resources)):
        raise StackApiError(f"Resources [{', '.join(present)}] already exist in the stack")
    bodies = new.data["Resources"]
    if bare := sorted(name for name in imports if "DeletionPolicy" not in bodies[name]):
        raise StackApiError(
            f"The following resources to import [{', '.join(bare)}] must have DeletionPolicy attribute specified "
            "in the template."
        )
    old = record.plan.blueprint if record.plan else None
    if new.outputs != (old.outputs if old else {}):
        raise StackApiError("As part of the import operation, you cannot modify or add [Outputs]")
    kept = {name: each for name, each in new.resources.items() if name not in imports}
    same = {name for name in kept if old and old.resources[name] == kept[name]}
    if changed := sorted({*kept, *record.resources} - same):
        raise StackApiError(
            f"You have modified resources [{', '.join(changed)}] in your template that are not being imported. "
            "Update, create or delete operations cannot be executed during import operations."
        )
    return msgspec.structs.replace(plan, imports=imports, is_import=True)
