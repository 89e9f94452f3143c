"""What replaces a resource: its create-only properties that change, and those that refer to a replaced resource.

A resource that keeps its custom name cannot be replaced: CloudFormation makes the new one before it deletes the old.
Source: CloudFormation User Guide, "Update behaviors of stack resources" and "Name type".
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias, assert_never

from ceap.cfn import lookup
from ceap.cfn.lookup import Resource
from ceap.cfn.template import Template
from ceap.deploy.diff.change import (
    Consequence,
    Failure,
    MayBeReplaced,
    PropertyChange,
    Replaced,
    Subject,
    Updated,
    WillFail,
)
from ceap.deploy.diff.differences import Path, differences
from ceap.deploy.diff.fate import name_property, subject_of, when_replaced
from ceap.iam.arn import resolve
from templates.resource_schemas import ResourceSchema, load_schema

_SCOPES: Final = {
    "AWS::Events::Rule": ("EventBusName",),
    "AWS::Lambda::Alias": ("FunctionName",),
}
"""Names that are unique in what these properties name alone."""

_LASTING: Final = frozenset(
    ("", "Arn", "Name", "QueueName", "QueueUrl", "TopicArn", "TopicName", "KeyId", "RoleId", "DomainName")
)
"""The attributes that a resource keeps while it is changed in place; the empty one is that of `Ref`."""

_TOKEN: Final = re.compile(r"(?<!\$)\$\{([^{}]*)\}")


_PropertiesChanged: TypeAlias = Updated | Replaced | MayBeReplaced | WillFail


class Pair(NamedTuple):
    """A resource on both sides, in templates as they are deployed."""

    old: Resource
    new: Resource


class _Sides(NamedTuple):
    old: Template
    new: Template

    def texts(self, old: Any, new: Any) -> tuple[str, str]:
        return _text(self.old, old), _text(self.new, new)

    def surely_differ(self, old: Any, new: Any) -> bool:
        """Tell whether two values are different whatever the parameters and imports are."""
        before, after = self.texts(old, new)
        if "Fn::If" not in before + after and (not old or not new):
            return before != after
        if self._open(before) == self._open(after):
            return before != after
        heads, tails = ([_TOKEN.split(text)[end] for text in (before, after)] for end in (0, -1))
        begins = heads[0].startswith(heads[1]) or heads[1].startswith(heads[0])
        return not (begins and (tails[0].endswith(tails[1]) or tails[1].endswith(tails[0])))

    def _open(self, text: str) -> list[str]:
        """Return the tokens of a text that any text may replace: those of parameters and imports."""
        made = self.old.data["Resources"].keys() | self.new.data["Resources"].keys()
        tokens = _TOKEN.findall(text)
        return sorted(one for one in tokens if one.split(".")[0] not in made and not one.startswith("AWS::"))


def compare_resources(old: Template, new: Template, pairs: Mapping[str, Pair]) -> dict[str, _PropertiesChanged]:
    """Return the change of each resource that is on both sides and whose properties change, by logical id."""
    sides = _Sides(old, new)
    own = {name: _own_changes(sides, pair) for name, pair in pairs.items()}
    caused: dict[str, tuple[PropertyChange, ...]] = dict.fromkeys(pairs, ())
    while True:
        found = {name: _judged(sides, pairs[name], own[name] + caused[name]) for name in pairs}
        changes = {name: change for name, change in found.items() if change}
        # A text, such as that of a dashboard, refers to the same resource many times.
        after = {name: tuple(dict.fromkeys(_caused(pairs[name].new, changes, own[name]))) for name in pairs}
        if after == caused:
            return changes
        caused = after


def _own_changes(sides: _Sides, pair: Pair) -> tuple[PropertyChange, ...]:
    schema = load_schema(pair.new.type)
    return tuple(
        PropertyChange(path, before, after, _consequence(sides, schema, path, before, after))
        for path, before, after in differences(pair.old.properties, pair.new.properties)
    )


def _consequence(sides: _Sides, schema: ResourceSchema | None, path: Path, old: Any, new: Any) -> Consequence:
    """Return what a changed value does; a type without a schema may be replaced by any change."""
    if schema is None:
        return Consequence.MAY_REPLACE
    before, after = sides.texts(old, new)
    if before == after:
        return Consequence.IN_PLACE
    for only in schema.create_only:
        if (inside := _inside(only, path, old, new)) is not None:
            return Consequence.REPLACES if sides.surely_differ(*inside) else Consequence.MAY_REPLACE
    conditional = any(_inside(only, path, old, new) is not None for only in schema.conditional_create_only)
    return Consequence.MAY_REPLACE if conditional else Consequence.IN_PLACE


def _inside(only: Path, path: Path, old: Any, new: Any) -> tuple[Any, Any] | None:
    """Return the old and new value of a property of the schema, if it is at, above or below a changed place.

    None where it is elsewhere, or below the place and the same on both sides.
    """
    shared = min(len(only), len(path))
    if any(name not in ("*", step) for name, step in zip(only[:shared], path[:shared], strict=True)):
        return None
    before, after = (list(_below(value, only[shared:])) for value in (old, new))
    return None if before == after else (before, after)


def _below(value: Any, path: Path) -> Iterator[Any]:
    if not path or lookup.is_intrinsic(value):
        yield value
    elif path[0] == "*" and isinstance(value, list):
        for item in value:
            yield from _below(item, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from _below(value[path[0]], path[1:])


def _text(template: Template, value: Any) -> str:
    """Return a value's text, in which what is known only at deployment is a `${...}`."""
    if isinstance(value, dict) and not lookup.is_intrinsic(value):
        return "{" + ", ".join(f"{key}: {_text(template, value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_text(template, item) for item in value) + "]"
    return "" if value is None else resolve(template, value)


def _judged(sides: _Sides, pair: Pair, properties: tuple[PropertyChange, ...]) -> _PropertiesChanged | None:
    """Return what the changed properties of a resource do to it together; None without any."""
    if not properties:
        return None
    subject = subject_of(sides.new, pair.new)
    consequences = {change.consequence for change in properties}
    if consequences == {Consequence.IN_PLACE}:
        return Updated(subject, properties)
    stays = _name_stays(sides, pair, {one.path[0] for one in properties if one.consequence is not Consequence.IN_PLACE})
    fate = when_replaced(sides.old, sides.new, subject.logical_id)
    if Consequence.REPLACES not in consequences:
        return MayBeReplaced(subject, properties, fate, stays)
    if stays:
        return WillFail(subject, Failure.NAME_STAYS, properties, _cure(subject, properties))
    return Replaced(subject, properties, fate)


def _name_stays(sides: _Sides, pair: Pair, changed: Container[str]) -> bool:
    schema = load_schema(pair.new.type)
    name = name_property(schema) if schema else None
    if name is None or name not in pair.new.properties or name in changed:
        return False
    decisive = (name, *_SCOPES.get(pair.new.type, ()))
    old, new = ([resource.properties.get(key) for key in decisive] for resource in pair)
    before, after = sides.texts(old, new)
    return before == after


def _cure(subject: Subject, properties: tuple[PropertyChange, ...]) -> str:
    schema = load_schema(subject.type)
    name = (name_property(schema) if schema else None) or "name"
    ways = [f"change its {name} in the same deployment", "remove it in one deployment and add it in the next"]
    if not subject.is_stateful:
        ways.append("call `ceap destroy` and then `ceap deploy`: queues, tables and buckets stay")
    if any(change.cause for change in properties):
        ways.append("leave what it refers to as it is")
    return f"{', '.join(ways[:-1])}, or {ways[-1]}"


def _caused(
    resource: Resource, changes: Mapping[str, _PropertiesChanged], own: tuple[PropertyChange, ...]
) -> Iterator[PropertyChange]:
    """Yield the properties that change because of what becomes of the resources that they refer to."""
    schema = load_schema(resource.type)
    changed = {change.path for change in own}
    for path, target, attribute in lookup.references(resource.properties):
        cause = changes.get(target)
        known = any(path[: len(above)] == above for above in changed)
        if cause is None or known or target == resource.logical_id:
            continue
        match cause:
            case Replaced():
                yield _followed(schema, path, f"{target} is replaced", Consequence.REPLACES)
            case MayBeReplaced():
                yield _followed(schema, path, f"{target} may be replaced", Consequence.MAY_REPLACE)
            case Updated() if attribute not in _LASTING:
                yield _followed(schema, path, f"{target}.{attribute} may change", Consequence.MAY_REPLACE)
            case Updated() | WillFail():
                pass
            case _:
                assert_never(cause)


def _followed(schema: ResourceSchema | None, path: Path, cause: str, consequence: Consequence) -> PropertyChange:
    if schema is None or _is_within(schema.conditional_create_only, path):
        consequence = Consequence.MAY_REPLACE
    elif not _is_within(schema.create_only, path):
        consequence = Consequence.IN_PLACE
    return PropertyChange(path, None, None, consequence, cause)


def _is_within(properties: Iterable[Path], path: Path) -> bool:
    """Tell whether a place is that of one of these properties, or below it."""
    return any(
        len(each) <= len(path) and all(name in ("*", step) for name, step in zip(each, path, strict=False))
        for each in properties
    )
