"""The diff of two templates of a stack: what CloudFormation will do, and what that means for data and access."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ceap.cfn.lookup import Resource, at, references, resources, section, text
from ceap.cfn.template import Template
from ceap.deploy.diff.access import access_changes
from ceap.deploy.diff.change import (
    Added,
    AttributeChanged,
    Change,
    Diff,
    EntryChanged,
    ExportChanged,
    Failure,
    MayBeReplaced,
    Removed,
    Replaced,
    WillFail,
)
from ceap.deploy.diff.contracts import Handlers, contract_changes
from ceap.deploy.diff.differences import differences
from ceap.deploy.diff.evaluation import HIDDEN, Side, evaluate, is_secret
from ceap.deploy.diff.fate import subject_of, when_removed
from ceap.deploy.diff.figures import figure_changes
from ceap.deploy.diff.replacement import Pair, compare_resources
from ceap.deploy.diff.retention import retention_changes
from ceap.deploy.diff.stages import stage_changes


def compare(
    old: Template | None,
    new: Template | None,
    *,
    old_parameters: Mapping[str, str] | None = None,
    new_parameters: Mapping[str, str] | None = None,
    handlers: Handlers | None = None,
    name: str | None = None,
) -> Diff:
    """Return what changes from one template of a stack to another; None is a stack that does not exist.

    The values of parameters decide conditions and names; without them what depends on a parameter stays open. Without
    `handlers` no contracts are compared. `name` is what the diff is called, by default the file of the template.
    """
    sides = [
        Side(template, values) if template else None
        for template, values in ((old, old_parameters), (new, new_parameters))
    ]
    before, after = sides
    deployed = (evaluate(before, None) if before else None, evaluate(after, before) if after else None)
    called = name or (new or old or _nothing()).file
    resource_changes = list(_resource_changes(*deployed))
    changes = [
        *stage_changes(*deployed, replaced=_replaced(resource_changes)),
        *(contract_changes(*deployed, handlers) if handlers else ()),
        *resource_changes,
        *access_changes(*deployed),
        *_known_values(*deployed),
        *_entry_changes(before, after),
        *_value_changes(before, after),
    ]
    return Diff(called, old.file if old else None, new.file if new else None, tuple(changes))


def _known_values(old: Template | None, new: Template | None) -> Iterator[Change]:
    if old and new:
        yield from retention_changes(old, new)
        yield from figure_changes(old, new)


def _nothing() -> Template:
    raise ValueError("a diff needs at least one template")


def _resource_changes(old: Template | None, new: Template | None) -> Iterator[Change]:
    before, after = _by_id(old), _by_id(new)
    added = {name: resource for name, resource in after.items() if name not in before}
    removed = {name: resource for name, resource in before.items() if name not in after}
    if new:
        yield from (_added(old, new, resource) for resource in added.values())
    if old:
        yield from (Removed(subject_of(old, each), when_removed(old, each.logical_id)) for each in removed.values())
    if old and new:
        pairs = {name: Pair(before[name], after[name]) for name in after if name in before}
        yield from _paired_changes(old, new, pairs)


def _by_id(template: Template | None) -> dict[str, Resource]:
    return {resource.logical_id: resource for resource in resources(template)} if template else {}


def _added(old: Template | None, new: Template, resource: Resource) -> Added | WillFail:
    """Return the addition; it fails where another resource of the stack still has the name."""
    subject = subject_of(new, resource)
    others = [subject_of(old, each) for each in resources(old, resource.type)] if old else []
    holder = next((each.logical_id for each in others if subject.name and each.name == subject.name), None)
    if holder is None:
        return Added(subject)
    cure = f"keep the logical id {holder}, or give {resource.logical_id} another name"
    return WillFail(subject, Failure.NAME_TAKEN, (), cure)


def _paired_changes(old: Template, new: Template, pairs: Mapping[str, Pair]) -> Iterator[Change]:
    same_type = {name: pair for name, pair in pairs.items() if pair.old.type == pair.new.type}
    changes = compare_resources(old, new, same_type)
    for name, pair in pairs.items():
        subject = subject_of(new, pair.new)
        if name not in same_type:
            cure = f"give the {pair.new.type} another logical id: {name} is an {pair.old.type}"
            yield WillFail(subject, Failure.TYPE_CHANGED, (), cure)
        elif name in changes:
            yield changes[name]
        attributes = differences(_attributes(old, name), _attributes(new, name))
        yield from (AttributeChanged(subject, *found) for found in attributes)
    yield from _export_changes(old, new, _replaced(changes.values()))


def _replaced(changes: Iterable[Change]) -> set[str]:
    """Return the logical ids of what is, or may be, replaced."""
    return {change.subject.logical_id for change in changes if isinstance(change, Replaced | MayBeReplaced)}


def _attributes(template: Template, name: str) -> dict[str, Any]:
    body = template.data["Resources"][name]
    return {key: value for key, value in body.items() if key not in ("Type", "Properties")}


def _export_changes(old: Template, new: Template, replaced: set[str]) -> Iterator[ExportChanged]:
    """Yield the exports that go or get another value: importers hold the old one."""
    before, after = exports_of(old), exports_of(new)
    for name, value in before.items():
        if name not in after:
            yield ExportChanged(name, is_removed=True, is_certain=True)
        elif value != after[name]:
            yield ExportChanged(name, is_removed=False, is_certain=False)
        elif any(target in replaced for _, target, _ in references(after[name])):
            yield ExportChanged(name, is_removed=False, is_certain=True)


def exports_of(template: Template) -> dict[str, Any]:
    """Return the values of the exports of a template as it is deployed, by their names."""
    outputs = [output for output in section(template, "Outputs").values() if at(output, "Export")]
    named = {text(at(output, "Export", "Name")): at(output, "Value") for output in outputs}
    return {name: value for name, value in named.items() if name}


def _entry_changes(old: Side | None, new: Side | None) -> Iterator[EntryChanged]:
    """Yield what is otherwise outside the resources, of a stack that stays."""
    if old and new:
        yield from (EntryChanged(*found) for found in differences(_entries(old), _entries(new)))


def _entries(side: Side) -> dict[str, Any]:
    """Return a template without its resources, but with what a macro or `Fn::ForEach` will make resources of."""
    made = _by_id(side.template)
    others = {name: body for name, body in section(side.template, "Resources").items() if name not in made}
    return {**side.template.data, "Resources": others}


def _value_changes(old: Side | None, new: Side | None) -> Iterator[EntryChanged]:
    """Yield the parameters that get another value."""
    if not (old and new) or old.parameters is None or new.parameters is None:
        return
    before, after = old.values(), new.values()
    for name in dict.fromkeys((*before, *after)):
        values = [values.get(name) for values in (before, after)]
        if values[0] != values[1]:
            hidden = is_secret(new.template, name) or is_secret(old.template, name)
            shown = [HIDDEN if value and hidden else value for value in values]
            yield EntryChanged(("Parameters", name, "value"), *shown)
