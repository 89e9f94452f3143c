"""No transform and no module writes a part of the template: what they write was not judged.

Neither a macro of one's own nor one of AWS, e.g. SAM's. Source: CloudFormation User Guide, "Template macros", "Using
modules".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ceap.cfn.document import walk_scalars
from ceap.cfn.lookup import at, items
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at

RULE: Final = "CFN04_NO_TRANSFORM"

_FIX: Final = "judge what `aws cloudformation get-template --template-stage Processed` prints"


def check(template: Template) -> list[Finding]:
    return [
        finding_at(template, RULE, f"[CFN04] {what}, and that was not judged | fix: {_FIX}", path)
        for path, what in (*_transforms(template), *_modules(template))
    ]


def _transforms(template: Template) -> Iterator[tuple[str, str]]:
    for index, item in enumerate(items(template.data.get("Transform"))):
        yield f"/Transform/{index}", f"{_name(item)} writes parts of the template when it is deployed"
    seen: set[str] = set()
    for path, _ in walk_scalars(template.data):
        place, transform, _below = path.partition("/Fn::Transform/")
        if transform and place not in seen:
            seen.add(place)
            name = _name(template.value(f"{place}/Fn::Transform"))
            yield f"{place}/Fn::Transform", f"{name} writes this part of the template when it is deployed"


def _name(transform: object) -> str:
    name = at(transform, "Name") if isinstance(transform, dict) else transform
    return name if isinstance(name, str) else "a transform"


def _modules(template: Template) -> Iterator[tuple[str, str]]:
    for name, resource in template.data["Resources"].items():
        kind = at(resource, "Type")
        if isinstance(kind, str) and kind.endswith("::MODULE"):
            yield f"/Resources/{name}/Type", f"the module {kind} becomes resources when it is deployed"
