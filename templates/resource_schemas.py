"""CloudFormation's resource schemas, as the pinned cfn-lint carries them: what replaces a resource, what holds data.

Read from the package's own files: cfn-lint itself would prefer a newer cache of the user's, and loads slowly.
Source: CloudFormation Command Line Interface User Guide, "Resource type definition schema".
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import msgspec

REGION: Final = "us-east-1"
"""Its schemas stand for those of all regions, which differ in what exists, not in what replaces a resource."""


class ResourceSchema(msgspec.Struct, frozen=True, kw_only=True):
    """What the schema of a resource type says; each property is a path in keys, `*` for any item of a list.

    `create_only` properties replace the resource when they change, `conditional_create_only` may, `read_only` come
    from AWS. Tags are a list of Key and Value, or else a mapping. `permissions` are the actions of its handlers, by
    operation: create, read, update, delete, list.
    """

    type: str
    create_only: tuple[tuple[str, ...], ...]
    conditional_create_only: tuple[tuple[str, ...], ...]
    read_only: tuple[tuple[str, ...], ...]
    primary_identifier: tuple[tuple[str, ...], ...]
    permissions: Mapping[str, tuple[str, ...]]
    tagging_permissions: tuple[str, ...]
    tag_property: tuple[str, ...] | None
    has_tag_list: bool
    is_stateful: bool


@cache
def load_schema(resource_type: str) -> ResourceSchema | None:
    """Return the schema of a resource type; None for one that CloudFormation does not have."""
    name = _providers().get(resource_type)
    if name is None:
        return None
    data = _read(f"schemas/resources/{name}.json")
    tagging = data.get("tagging", {})
    return ResourceSchema(
        type=resource_type,
        create_only=_paths(data.get("createOnlyProperties", ())),
        conditional_create_only=_paths(data.get("conditionalCreateOnlyProperties", ())),
        read_only=_paths(data.get("readOnlyProperties", ())),
        primary_identifier=_paths(data.get("primaryIdentifier", ())),
        permissions={name: tuple(each.get("permissions", ())) for name, each in data.get("handlers", {}).items()},
        tagging_permissions=tuple(tagging.get("permissions", ())),
        tag_property=_path(tagging["tagProperty"]) if "tagProperty" in tagging else None,
        has_tag_list=data["properties"].get("Tags", {}).get("type") == "array",
        is_stateful=resource_type in _stateful(),
    )


def _paths(pointers: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(map(_path, pointers))


def _path(pointer: str) -> tuple[str, ...]:
    return tuple(pointer.removeprefix("/properties/").split("/"))


@cache
def _providers() -> Mapping[str, str]:
    providers: dict[str, str] = _read(f"schemas/providers/{REGION}.json")
    return providers


@cache
def _stateful() -> frozenset[str]:
    return frozenset(_read("AdditionalSpecs/StatefulResources.json")["ResourceTypes"])


def _read(name: str) -> dict[str, Any]:
    spec = find_spec("cfnlint")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("cfnlint")
    data: dict[str, Any] = json.loads(Path(spec.origin).with_name("data").joinpath(name).read_bytes())
    return data
