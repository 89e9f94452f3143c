"""No transform and no module writes a part of the template: what they write was not judged.

Neither a macro of one's own nor one of AWS, e.g. SAM's. Source: CloudFormation User Guide, "Template macros", "Using
modules".
"""

from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import at, items
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates.document import walk_scalars

RULE: Final = "CFN04_NO_TRANSFORM"
ENTRY: Final = Entry(
    title="No transform and no module writes a part of the template",
    why="CloudFormation deploys what SAM, another macro, AWS::Include or a module writes, and that was not judged.",
    fix="Judge what `aws cloudformation get-template --template-stage Processed` prints, or write the resources out.",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros.html",
)

_FIX: Final = "judge what `aws cloudformation get-template --template-stage Processed` prints"


def check(template: Template) -> Iterator[Fault]:
    for path, what in (*_transforms(template), *_modules(template)):
        yield Fault(path, f"{what}, and that was not judged", _FIX)


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
