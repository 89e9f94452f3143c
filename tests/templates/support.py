"""Looking into templates, and declarations that are refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from templates.config import parse_workflow
from templates.errors import ConfigError
from templates.source import parse_source


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


VALID = """\
name: orders
type: EXPRESS
steps:
  - stage: TakeStage
    handler: take
  - stage: SiftStage
    handler: sift
"""


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_workflow(parse_source(text, "orders.yaml"))
    return str(caught.value)


def changed(old: str, new: str) -> str:
    assert old in VALID
    return VALID.replace(old, new, 1)
