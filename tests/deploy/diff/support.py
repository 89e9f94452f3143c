"""Templates that differ."""

import json
from collections.abc import Mapping
from typing import Any, Final, get_args

from ceap.cfn.template import Template, parse_template
from ceap.deploy.diff.change import Diff, ResourceChange
from ceap.deploy.diff.compare import compare
from templates.config import parse_workflow
from templates.render import render
from templates.source import Source
from templates.stacks import workflow_stack

RESOURCE_CHANGES: Final = get_args(ResourceChange)


def template(resources: Mapping[str, Any], **sections: Any) -> Template:
    return parse_template(json.dumps({**sections, "Resources": resources}), "t.json")


def resource(kind: str, attributes: Mapping[str, Any] | None = None, /, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties, **(attributes or {})}


def diff_of(old: Mapping[str, Any], new: Mapping[str, Any], **sections: Any) -> Diff:
    """Return the diff of two mappings of resources, in templates with the same other sections."""
    return compare(template(old, **sections), template(new, **sections))


def resource_changes(diff: Diff) -> list[Any]:
    """Return what happens to the resources, without what is said of it besides."""
    return [change for change in diff.changes if isinstance(change, RESOURCE_CHANGES)]


def synthesized(declaration: Mapping[str, Any]) -> Template:
    """Return the template of a declaration."""
    text = render(workflow_stack(parse_workflow(Source("declaration", dict(declaration), {}))))
    return parse_template(text, "t.yaml")
