"""The policy documents of a template: in roles, policies of their own, and on buckets, queues, topics and keys."""

from collections.abc import Iterator
from typing import Any

import msgspec

from ceap.cfn.lookup import Resource, resources
from ceap.cfn.template import Template


class PlacedValue(msgspec.Struct, frozen=True):
    """A value with its place, and the conditions under which it is there, `!` before one that must not hold."""

    path: str
    value: Any
    when: tuple[str, ...] = ()


class Statement(msgspec.Struct, frozen=True):
    """A statement of a policy document."""

    path: str
    body: dict[str, Any]
    when: tuple[str, ...]

    def entries(self, key: str) -> list[PlacedValue]:
        """Return the entries of Action, Resource or the like: the items of a list, or the one value."""
        return list(entries(self.body.get(key), f"{self.path}/{key}", self.when))

    def texts(self, key: str) -> list[PlacedValue]:
        """Return those entries that are plain texts."""
        return [entry for entry in self.entries(key) if isinstance(entry.value, str)]


class PolicyDocument(msgspec.Struct, frozen=True):
    """A policy document, and the resource in which it stands."""

    resource: Resource
    path: str
    body: dict[str, Any]
    statements: list[Statement]

    @property
    def is_trust(self) -> bool:
        """Tell whether it says who may assume a role, which is the resource of all its statements."""
        return self.path.endswith("/AssumeRolePolicyDocument")


def documents(template: Template) -> Iterator[PolicyDocument]:
    """Yield every policy document: each mapping with a Statement that has an Effect."""
    for resource in resources(template):
        yield from _walk(resource, PlacedValue(f"{resource.path()}/Properties", resource.properties))


def entries(value: Any, path: str, when: tuple[str, ...] = ()) -> Iterator[PlacedValue]:
    """Yield the items of a list, or the one value, on both sides of every `Fn::If`."""
    match value:
        case None | {"Ref": "AWS::NoValue"}:
            return
        case {"Fn::If": [str(condition), yes, no]}:
            yield from entries(yes, f"{path}/Fn::If/1", (*when, condition))
            yield from entries(no, f"{path}/Fn::If/2", (*when, f"!{condition}"))
        case list():
            for index, item in enumerate(value):
                yield from entries(item, f"{path}/{index}", when)
        case _:
            yield PlacedValue(path, value, when)


def _walk(resource: Resource, place: PlacedValue) -> Iterator[PolicyDocument]:
    for entry in entries(place.value, place.path, place.when):
        if not isinstance(entry.value, dict):
            continue
        found = [
            Statement(statement.path, statement.value, statement.when)
            for statement in entries(entry.value.get("Statement"), f"{entry.path}/Statement", entry.when)
            if isinstance(statement.value, dict) and "Effect" in statement.value
        ]
        if found:
            yield PolicyDocument(resource, entry.path, entry.value, found)
            continue
        for key, below in entry.value.items():
            if isinstance(below, dict | list):
                yield from _walk(resource, PlacedValue(f"{entry.path}/{key}", below, entry.when))
