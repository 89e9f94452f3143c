"""Looking into templates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"] for name, resource in template["Resources"].items() if resource["Type"] == kind
    }


def one(template: dict[str, Any], kind: str) -> dict[str, Any]:
    [properties] = of_type(template, kind).values()
    return properties


def values(node: Any) -> Iterator[Any]:
    yield node
    if isinstance(node, dict):
        for value in node.values():
            yield from values(value)
    elif isinstance(node, list):
        for value in node:
            yield from values(value)


def statements(role: dict[str, Any]) -> dict[str, dict[str, Any]]:
    policy, if_key = role["Policies"]
    assert if_key["Fn::If"][0] == "HasKmsKey"
    return {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}
