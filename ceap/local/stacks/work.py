"""An operation on a stack: what is done to its resources, one after the other, and undone when one fails.

Source: CloudFormation User Guide, "Stack failure options", "Update behaviors of stack resources", "DeletionPolicy
attribute", "UpdateReplacePolicy attribute", "Continue rolling back an update".
"""

import json
from collections.abc import Collection, Iterable, Mapping
from graphlib import TopologicalSorter
from typing import Any, Final

import msgspec

from ceap.local.sessions import REGION
from ceap.local.stack_models import ResourceError
from ceap.local.stacks.blueprint import Declared
from ceap.local.stacks.comparison import is_replaced
from ceap.local.stacks.exports import Exports
from ceap.local.stacks.hands import Hands
from ceap.local.stacks.intrinsics import resolve
from ceap.local.stacks.records import Held, Made, Operation, Plan, StackRecord
from ceap.local.stacks.resources import Given, choose_name, name_property
from ceap.local.stacks.scopes import make_scope, read_attribute
from ceap.local.stacks.tags import with_tags

_NEW: Final = "Requested update requires the creation of a new physical resource; hence creating one."
_CUSTOM: Final = (
    "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
    "Rename {} and update the stack again."
)


class StepError(Exception):
    """A resource, or what the stack exports, stopped the operation; the message is the stack's reason."""


class AbandonedError(Exception):
    """The stack is being deleted, or the engine closed, while the operation went on: it ends where it is."""


class Work:
    """One operation on one stack; `cause` is what stopped it, if anything did."""

    def __init__(self, record: StackRecord, operation: Operation, hands: Hands, exports: Exports) -> None:
        self.cause: Exception | None = None
        self._record: Final = record
        self._operation: Final = operation
        self._hands: Final = hands
        self._exports: Final = exports
        self._imports: Final[set[str]] = set()
        self._replaced: Final[list[Held]] = []
        self._deletes_new = False

    def create(self, plan: Plan) -> None:
        """Create the stack's resources; if one fails, do as the plan says: ROLLBACK, DELETE or DO_NOTHING."""
        self._record.plan, self._deletes_new = plan, plan.deletes_new
        try:
            self._build(plan)
        except StepError as error:
            match plan.on_failure:
                case "DO_NOTHING":
                    self._tell("CREATE_FAILED", str(error))
                case "DELETE":
                    self._tell("DELETE_IN_PROGRESS", str(error))
                    self._end_deletion(self._remove_all(is_new=True, retained=()))
                case _:
                    self._tell("ROLLBACK_IN_PROGRESS", f"{str(error).rstrip('. ')}. Rollback requested by user.")
                    failed = self._remove_all(is_new=True, retained=())
                    self._tell("ROLLBACK_FAILED" if failed else "ROLLBACK_COMPLETE", _failed("delete", failed))
            return
        if self._record.cancelled.is_set():
            raise AbandonedError
        self._tell("CREATE_COMPLETE")

    def update(self, plan: Plan) -> None:
        """Make the stack what the plan says, then delete what it no longer has; if a step fails, bring all back."""
        record = self._record
        old, imports = dict(record.resources), record.imports
        record.undo, self._deletes_new = {}, plan.deletes_new
        try:
            self._build(plan)
        except StepError as error:
            self._tell("UPDATE_ROLLBACK_IN_PROGRESS", str(error))
            self.roll_back(())
            record.imports = imports
            return
        self._tell("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        gone = [held for logical_id, held in old.items() if logical_id not in plan.blueprint.resources]
        for held in _removal_order([*self._replaced, *gone]):
            self._remove(held, held.update_replace_policy if held in self._replaced else held.deletion_policy)
        for held in gone:
            record.resources.pop(held.logical_id)
        record.undo = {}
        self._tell("UPDATE_COMPLETE")

    def roll_back(self, skipped: Collection[str]) -> None:
        """Bring back what an update changed, but for the resources to skip; UPDATE_ROLLBACK_FAILED if one fails."""
        record = self._record
        undone = [(old, record.resources[key]) for key, old in record.undo.items() if key in record.resources]
        for old, new in reversed(undone):
            if old.physical_id != new.physical_id:
                continue
            if old.logical_id in skipped:
                record.resources[old.logical_id] = msgspec.structs.replace(old, status="UPDATE_COMPLETE")
            elif not self._restore(old, new):
                self._tell("UPDATE_ROLLBACK_FAILED", _failed("update", [old.logical_id]))
                return
        # Only now, so that a rollback that is continued still knows what to delete.
        outgoing = [new for old, new in undone if old.physical_id != new.physical_id or old.made is None]
        for old, new in undone:
            if old.made is None:
                record.resources.pop(old.logical_id)
            elif old.physical_id != new.physical_id:
                record.resources[old.logical_id] = msgspec.structs.replace(old, status="UPDATE_COMPLETE")
        self._tell("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        for held in _removal_order(outgoing):
            self._remove(held, self._policy_of_new(held.deletion_policy))
        record.undo = {}
        self._tell("UPDATE_ROLLBACK_COMPLETE")

    def delete(self, retained: Collection[str]) -> None:
        """Delete the stack's resources, but for those to retain, and the stack."""
        self._end_deletion(self._remove_all(is_new=False, retained=retained))

    def bring_in(self, plan: Plan) -> None:
        """Take existing resources into the stack; if one is not there, none is taken."""
        record = self._record
        before = dict(record.resources)
        try:
            for declared in plan.blueprint.resources.values():
                if declared.logical_id in plan.imports:
                    self._import(declared, plan)
        except StepError as error:
            self._tell("IMPORT_ROLLBACK_IN_PROGRESS", str(error))
            record.resources.clear()
            record.resources.update(before)
            self._tell("IMPORT_ROLLBACK_COMPLETE")
            return
        record.plan = plan
        self._tell("IMPORT_COMPLETE")

    def _build(self, plan: Plan) -> None:
        """Create, update and replace until every resource is as the plan says; StepError at the first failure."""
        for declared in plan.blueprint.resources.values():
            self._step(declared, plan)
        self._conclude(plan)

    def _conclude(self, plan: Plan) -> None:
        """Set what the stack tells and exports; StepError if other stacks use what would change."""
        record, outputs, exports = self._record, plan.blueprint.outputs, {}
        try:
            values = {key: str(self._resolve(body["Value"], plan)) for key, body in outputs.items()}
            for key, body in outputs.items():
                if "Export" in body:
                    exports[key] = str(self._resolve(body["Export"]["Name"], plan))
            self._exports.check(record, {name: values[key] for key, name in exports.items()})
        except ResourceError as error:
            self.cause = error
            raise StepError(f"{error}") from error
        record.outputs, record.exports = values, exports
        record.imports = frozenset(self._imports)
        record.plan = plan

    def _step(self, declared: Declared, plan: Plan) -> None:
        record, logical_id = self._record, declared.logical_id
        if record.cancelled.is_set():
            raise StepError("") if record.status == "UPDATE_IN_PROGRESS" else AbandonedError
        held = record.resources.get(logical_id)
        try:
            properties = with_tags(declared.type, self._resolve(dict(declared.properties), plan), plan.tags)
        except ResourceError as error:
            self._fail(held or self._blank(declared), "UPDATE" if held else "CREATE", error)
        if held is None or held.made is None:
            record.undo.setdefault(logical_id, self._blank(declared))
            self._create(self._blank(declared), self._given(declared, properties))
            return
        if properties == held.made.given.properties:
            record.resources[logical_id] = _with_policies(held, declared)
            return
        record.undo.setdefault(logical_id, held)
        if is_replaced(declared.type, held.made.given.properties, properties):
            self._replace(held, held.made, declared, properties)
        else:
            self._update(held, held.made, declared, held.made.given._replace(properties=properties))

    def _create(self, held: Held, given: Given) -> None:
        shown = json.dumps(given.properties)
        held = self._told(held, "CREATE_IN_PROGRESS", properties=shown)
        try:
            model = self._hands.create(given)
        except Exception as error:  # moto raises whatever its services raise
            self._fail(held, "CREATE", error)
        held = msgspec.structs.replace(held, physical_id=str(model.physical_resource_id), made=Made(model, given))
        held = self._told(held, "CREATE_IN_PROGRESS", "Resource creation Initiated", shown)
        self._told(held, "CREATE_COMPLETE", properties=shown)

    def _update(self, held: Held, made: Made, declared: Declared, given: Given) -> None:
        shown = json.dumps(given.properties)
        told = self._told(held, "UPDATE_IN_PROGRESS", properties=shown)
        try:
            model = self._hands.update(made.model, made.given, given)
        except Exception as error:  # moto raises whatever its services raise
            self._fail(told, "UPDATE", error)
        told = msgspec.structs.replace(_with_policies(told, declared), made=Made(model, given))
        self._told(told, "UPDATE_COMPLETE", properties=shown)

    def _replace(self, held: Held, made: Made, declared: Declared, properties: Mapping[str, Any]) -> None:
        shown = json.dumps(properties)
        key = name_property(declared.type)
        told = self._told(held, "UPDATE_IN_PROGRESS", _NEW, shown)
        if key in properties and properties[key] == made.given.properties.get(key):
            self._fail(told, "UPDATE", ResourceError(_CUSTOM.format(made.given.name)))
        given = self._given(declared, properties)
        try:
            model = self._hands.create(given)
        except Exception as error:  # moto raises whatever its services raise
            self._fail(told, "UPDATE", error)
        self._replaced.append(msgspec.structs.replace(held, update_replace_policy=declared.update_replace_policy))
        new = _with_policies(told, declared)
        new = msgspec.structs.replace(new, physical_id=str(model.physical_resource_id), made=Made(model, given))
        new = self._told(new, "UPDATE_IN_PROGRESS", "Resource creation Initiated", shown)
        self._told(new, "UPDATE_COMPLETE", properties=shown)

    def _restore(self, old: Held, new: Held) -> bool:
        """Make a resource what it was, if it changed; return whether that went well."""
        if old.made is None or new.made is None:
            return True
        if new.made.given.properties == old.made.given.properties:
            self._told(old, "UPDATE_COMPLETE")
            return True
        told = self._told(new, "UPDATE_IN_PROGRESS")
        try:
            model = self._hands.update(new.made.model, new.made.given, old.made.given)
        except Exception as error:  # moto raises whatever its services raise
            self._told(told, "UPDATE_FAILED", _reason(error))
            return False
        self._told(msgspec.structs.replace(old, made=Made(model, old.made.given)), "UPDATE_COMPLETE")
        return True

    def _import(self, declared: Declared, plan: Plan) -> None:
        identifier = plan.imports[declared.logical_id]
        held = self._told(self._blank(declared), "IMPORT_IN_PROGRESS")
        try:
            properties = self._resolve(dict(declared.properties), plan)
            given = self._given(declared, properties)._replace(name=_name_in(identifier))
            model = self._hands.find(given, identifier)
            if owner := self._exports.owner(declared.type, str(model.physical_resource_id)):
                raise ResourceError(f"{model.physical_resource_id} already exists in stack {owner}")
        except Exception as error:  # moto raises whatever its services raise
            self._fail(held, "IMPORT", error)
        held = msgspec.structs.replace(held, physical_id=str(model.physical_resource_id), made=Made(model, given))
        self._told(held, "IMPORT_COMPLETE", "Resource import completed.")

    def _remove_all(self, *, is_new: bool, retained: Collection[str]) -> list[str]:
        """Delete every resource of the stack; return the logical ids of those that could not be."""
        failed = []
        for held in _removal_order(self._record.resources.values()):
            policy = self._policy_of_new(held.deletion_policy) if is_new else held.deletion_policy
            if self._remove(held, "Retain" if held.logical_id in retained else policy, in_stack=True):
                continue
            failed.append(held.logical_id)
        return failed

    def _remove(self, held: Held, policy: str, *, in_stack: bool = False) -> bool:
        """Delete a resource, or skip that as its policy says; return whether it is no longer the stack's."""
        if held.made is None:
            return True
        tell = self._told if in_stack else self._told_of_old
        if policy in {"Retain", "RetainExceptOnCreate"}:
            tell(msgspec.structs.replace(held, made=None), "DELETE_SKIPPED")
            return True
        told = tell(held, "DELETE_IN_PROGRESS")
        try:
            self._hands.delete(*held.made)
        except Exception as error:  # moto raises whatever its services raise
            tell(told, "DELETE_FAILED", _reason(error))
            return False
        tell(msgspec.structs.replace(told, made=None), "DELETE_COMPLETE")
        return True

    def _policy_of_new(self, policy: str) -> str:
        """Return what a deletion policy says of a resource whose creation is rolled back."""
        return "Delete" if self._deletes_new or policy == "RetainExceptOnCreate" else policy

    def _end_deletion(self, failed: list[str]) -> None:
        if failed:
            self._tell("DELETE_FAILED", _failed("delete", failed))
            return
        record = self._record
        record.outputs, record.exports, record.imports = {}, {}, frozenset()
        self._tell("DELETE_COMPLETE")

    def _resolve(self, value: Any, plan: Plan) -> Any:
        record = self._record

        def imported(name: str) -> str:
            found = self._exports.value(name)
            self._imports.add(name)
            record.imports |= {name}
            return found

        def attribute(logical_id: str, name: str) -> Any:
            return read_attribute(record.resources, logical_id, name)

        blueprint = plan.blueprint
        return resolve(value, make_scope(blueprint.data, blueprint.parameters, record.arn, attribute, imported))

    def _given(self, declared: Declared, properties: Mapping[str, Any]) -> Given:
        record = self._record
        name = choose_name(declared.type, record.name, declared.logical_id, properties)
        account = record.arn.split(":")[4]
        return Given(declared.logical_id, declared.type, properties, name, account, REGION, record.arn)

    def _blank(self, declared: Declared) -> Held:
        return _with_policies(Held(logical_id=declared.logical_id, type=declared.type, status="", changed=0), declared)

    def _fail(self, held: Held, verb: str, error: Exception) -> Any:
        """Note that a resource failed, and end the building."""
        self.cause = error
        self._told(held, f"{verb}_FAILED", _reason(error))
        raise StepError(_failed(verb.lower(), [held.logical_id])) from error

    def _tell(self, status: str, reason: str = "") -> None:
        self._record.tell(self._operation, status, reason)

    def _told(self, held: Held, status: str, reason: str = "", properties: str = "") -> Held:
        """Note a new status of a resource that the stack has."""
        told = self._told_of_old(held, status, reason, properties)
        self._record.resources[held.logical_id] = told
        return told

    def _told_of_old(self, held: Held, status: str, reason: str = "", properties: str = "") -> Held:
        """Note what happens to a resource that the stack no longer counts as its own."""
        changed = msgspec.structs.replace(held, status=status, reason=reason)
        return self._record.tell_resource(self._operation, changed, properties)


def _with_policies(held: Held, declared: Declared) -> Held:
    return msgspec.structs.replace(
        held,
        needs=declared.needs,
        deletion_policy=declared.deletion_policy,
        update_replace_policy=declared.update_replace_policy,
    )


def _name_in(identifier: Mapping[str, str]) -> str:
    """Return the name of a resource that an import gives: what rights are asked for, whatever the template calls it."""
    value = next(iter(identifier.values()), "")
    if "://" in value:
        return value.rpartition("/")[2]
    return value.rpartition(":")[2] if value.startswith("arn:") else value


def _removal_order(held: Iterable[Held]) -> list[Held]:
    """Return resources so that each comes before those that it needs."""
    every = list(held)
    graph = {each.logical_id: each.needs for each in every}
    rank = {name: index for index, name in enumerate(TopologicalSorter(graph).static_order())}
    return sorted(every, key=lambda each: rank[each.logical_id], reverse=True)


def _failed(verb: str, logical_ids: Collection[str]) -> str:
    return f"The following resource(s) failed to {verb}: [{', '.join(logical_ids)}]. " if logical_ids else ""


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
