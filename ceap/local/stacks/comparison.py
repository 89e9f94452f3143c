"""What an update would do to each resource, as DescribeChangeSet tells it.

Source: CloudFormation API Reference, "ResourceChange", "ResourceChangeDetail", "ResourceTargetDefinition".
"""

import json
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, Final

from ceap.cfn.lookup import references
from ceap.local.stacks.blueprint import Declared
from ceap.local.stacks.intrinsics import resolve
from ceap.local.stacks.records import Held, Plan, StackRecord
from ceap.local.stacks.scopes import make_scope, read_attribute
from ceap.local.stacks.tags import with_tags
from templates.resource_schemas import ResourceSchema, load_schema

UNKNOWN: Final = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""What AWS shows for a value that only the execution of the change set yields."""

Change = dict[str, Any]
_POLICIES: Final = ("DeletionPolicy", "UpdateReplacePolicy")


class _Becoming(Enum):
    """What becomes of a resource that others refer to."""

    ADDED = "added"
    MODIFIED = "modified"
    MAY_BE_REPLACED = "may be replaced"
    REPLACED = "replaced"


def is_replaced(resource_type: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Return whether a change of properties, without intrinsic functions, needs another physical resource."""
    schema = load_schema(resource_type)
    return schema is not None and any(
        _at(old, path) != _at(new, path) for path in (*schema.create_only, *schema.conditional_create_only)
    )


class Comparison:
    """A stack compared with a plan for it: `changes` as the API has them, in the order in which they are made."""

    def __init__(self, record: StackRecord, plan: Plan, imported: Callable[[str], str]) -> None:
        new, held = plan.blueprint, record.resources
        self.changes: Final[list[Change]] = []
        self._arn: Final = record.arn
        self._old: Final = record.plan.blueprint if record.plan else None
        self._held: Final = held
        self._new: Final = new
        self._imported: Final = imported
        self._tags: Final = plan.tags
        self._becoming: Final[dict[str, _Becoming]] = {}
        for declared in new.resources.values():
            self._compare(declared)
        gone = [each for each in held.values() if each.logical_id not in new.resources and each.made]
        self.changes.extend(_removal(each) for each in gone)
        outputs = {name: self._output(body) for name, body in new.outputs.items()}
        before = {key: (value, record.exports.get(key, "")) for key, value in record.outputs.items()}
        is_same = record.plan is not None and record.plan.tags == plan.tags and outputs == before
        self.is_empty: Final = is_same and not self.changes

    def _output(self, body: Mapping[str, Any]) -> tuple[str, str]:
        """Return the value of an output, and the name of its export, if it has one."""
        export = body.get("Export", {}).get("Name", "")
        return str(self._resolve(body["Value"])), str(self._resolve(export))

    def _compare(self, declared: Declared) -> None:
        held = self._held.get(declared.logical_id)
        if held is None or held.made is None:
            self._resolve(declared.properties)
            self._becoming[declared.logical_id] = _Becoming.ADDED
            self.changes.append(_change("Add", declared.logical_id, declared.type))
            return
        details = list(self._details(declared, held, held.made.given.properties))
        if not details:
            return
        replacement = _replacement(details)
        self._becoming[declared.logical_id] = {
            "True": _Becoming.REPLACED,
            "Conditional": _Becoming.MAY_BE_REPLACED,
            "False": _Becoming.MODIFIED,
        }[replacement]
        change = _change("Modify", declared.logical_id, declared.type, held.physical_id)
        change |= {
            "Replacement": replacement,
            "Scope": list(dict.fromkeys(detail["Target"]["Attribute"] for detail in details)),
            "Details": details,
        }
        if replacement == "True":
            retains = declared.update_replace_policy != "Delete"
            change["PolicyAction"] = "ReplaceAndRetain" if retains else "ReplaceAndDelete"
        self.changes.append(change)

    def _details(self, declared: Declared, held: Held, before: Mapping[str, Any]) -> Iterator[Change]:
        schema = load_schema(declared.type)
        after = with_tags(declared.type, self._resolve(dict(declared.properties)), self._tags)
        for name in dict.fromkeys((*before, *after)):
            sources = list(self._sources(declared, name))
            if before.get(name) == after.get(name):
                # A value that an attribute of a changing resource yields may change, or not.
                sources = [source for source in sources if source["Evaluation"] == "Dynamic"]
            elif not sources:
                sources = [_source("DirectModification", "Static")]
            for source in sources:
                yield {"Target": _target(schema, name, before, after), **source}
        for policy, old, new in (
            (_POLICIES[0], held.deletion_policy, declared.deletion_policy),
            (_POLICIES[1], held.update_replace_policy, declared.update_replace_policy),
        ):
            if old != new:
                target = {"Attribute": policy, "RequiresRecreation": "Never"}
                yield {"Target": target, **_source("DirectModification", "Static")}

    def _sources(self, declared: Declared, name: str) -> Iterator[Change]:
        """Yield why a property may change: what stands there, a parameter, or a resource that it refers to."""
        raw = declared.properties.get(name)
        old = self._old.resources.get(declared.logical_id) if self._old else None
        if old is None or old.properties.get(name) != raw:
            yield _source("DirectModification", "Static")
        for referred, attribute in dict.fromkeys((name, attribute) for _, name, attribute in references(raw)):
            becoming = self._becoming.get(referred)
            if self._old and referred in self._new.parameters:
                if self._old.parameters.get(referred) != self._new.parameters[referred]:
                    yield _source("ParameterReference", "Static", referred)
            elif attribute and becoming is not None and becoming is not _Becoming.ADDED:
                evaluation = "Static" if becoming is _Becoming.REPLACED else "Dynamic"
                yield _source("ResourceAttribute", evaluation, f"{referred}.{attribute}")
            elif becoming in (_Becoming.REPLACED, _Becoming.MAY_BE_REPLACED):
                yield _source("ResourceReference", "Static" if becoming is _Becoming.REPLACED else "Dynamic", referred)

    def _resolve(self, value: Any) -> Any:
        def attribute(logical_id: str, name: str) -> Any:
            if self._becoming.get(logical_id) in (_Becoming.ADDED, _Becoming.REPLACED):
                return UNKNOWN
            return read_attribute(self._held, logical_id, name)

        new = self._new
        return resolve(value, make_scope(new.data, new.parameters, self._arn, attribute, self._imported))


def _target(
    schema: ResourceSchema | None, name: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, Any]:
    target = {"Attribute": "Properties", "Name": name, "RequiresRecreation": _recreation(schema, name, before, after)}
    if schema and schema.tag_property == (name,):
        return {"Attribute": "Tags", "RequiresRecreation": "Never"}
    for key, side in (("BeforeValue", before), ("AfterValue", after)):
        if name in side:
            target[key] = side[name] if isinstance(side[name], str) else json.dumps(side[name])
    return {**target, "Path": f"/Properties/{name}"}


def _recreation(schema: ResourceSchema | None, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    def concerns(path: tuple[str, ...]) -> bool:
        is_same = _at(before, path) == _at(after, path)
        return path[0] == name and (not is_same or before.get(name) == after.get(name))

    if schema and any(map(concerns, schema.create_only)):
        return "Always"
    return "Conditionally" if schema and any(map(concerns, schema.conditional_create_only)) else "Never"


def _replacement(details: list[Change]) -> str:
    needs = {(detail["Target"]["RequiresRecreation"], detail["Evaluation"]) for detail in details}
    if ("Always", "Static") in needs:
        return "True"
    return "Conditional" if any(recreation != "Never" for recreation, _ in needs) else "False"


def _source(source: str, evaluation: str, entity: str = "") -> Change:
    return {"Evaluation": evaluation, "ChangeSource": source} | ({"CausingEntity": entity} if entity else {})


def _change(action: str, logical_id: str, kind: str, physical_id: str = "") -> Change:
    known = {"PhysicalResourceId": physical_id} if physical_id else {}
    return {
        "Action": action,
        "LogicalResourceId": logical_id,
        **known,
        "ResourceType": kind,
        "Scope": [],
        "Details": [],
    }


def _removal(held: Held) -> Change:
    change = _change("Remove", held.logical_id, held.type, held.physical_id)
    return {**change, "PolicyAction": "Delete" if held.deletion_policy == "Delete" else "Retain"}


def import_change(declared: Declared, identifier: Mapping[str, str]) -> Change:
    """Return the change that takes an existing resource into a stack."""
    return _change("Import", declared.logical_id, declared.type, next(iter(identifier.values()), ""))


def _at(value: Any, path: tuple[str, ...]) -> Any:
    """Return what stands at the path of a schema, all of it where items of a list are meant."""
    for index, key in enumerate(path):
        if key == "*":
            items = value if isinstance(value, list) else []
            return [_at(item, path[index + 1 :]) for item in items]
        if not isinstance(value, dict | Mapping) or key not in value:
            return None
        value = value[key]
    return value
