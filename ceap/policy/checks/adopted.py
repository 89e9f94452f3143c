"""What the foundation adopts stays as it is: a resource that changes it exists only where the foundation makes it.

A policy or a subscription without that condition would replace or open what others own. Source: requirements 10.4 and
10.5; `templates/resources/adoption.py`.
"""

from collections.abc import Iterator
from typing import Any, Final

from ceap.cfn.lookup import Resource, at, exported, foundation_exports, references, resources
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates import naming

RULE: Final = "WIRE21_ADOPTED"
ENTRY: Final = Entry(
    title="The foundation changes nothing that it adopts",
    why="A policy or a subscription on an adopted topic or bucket would replace or open what another team owns.",
    fix=(
        "Give what the foundation makes, and all that refers to it, the condition under which it makes it, e.g. "
        "`Condition: CreateAlertTopic`, with `CreateAlertTopic: !Equals [!Ref AlertTopicArn, '']`."
    ),
    requirement=("10.4", "10.5"),
    source="docs/how-to/migrate.md",
)


def check(template: Template) -> Iterator[Fault]:
    for export in foundation_exports() if exported(template) else ():
        logical_id = export.removesuffix("Name")  # of a table the export is its name
        parameter = naming.adoption(logical_id)
        if at(template.data, "Parameters", parameter) is not None:
            yield from _condition_faults(template, logical_id, parameter)
            for found in resources(template):
                yield from _faults(template, found, logical_id, parameter)


def _condition_faults(template: Template, logical_id: str, parameter: str) -> Iterator[Fault]:
    name = naming.creation(logical_id)
    asked = {target for _, target, _ in references(at(template.data, "Conditions", name))}
    if asked - {parameter}:
        yield Fault(f"/Conditions/{name}", f"{name} does not test {parameter}", f"!Equals [!Ref {parameter}, '']")
    if at(template.data, "Parameters", parameter, "Default") not in (None, ""):
        what = f"with this default the stack makes no {logical_id}"
        yield Fault(f"/Parameters/{parameter}/Default", what, "Default: ''")


def _faults(template: Template, found: Resource, logical_id: str, parameter: str) -> Iterator[Fault]:
    named = {target for _, target, _ in references(found.properties)}
    condition, name = at(template.data["Resources"], found.logical_id, "Condition"), naming.creation(logical_id)
    if parameter in named:
        what = f"{found.logical_id} changes what {parameter} adopts"
        yield Fault(found.path(), what, f"name {logical_id} in place of it, with Condition: {name}")
    elif (found.logical_id == logical_id or logical_id in named) and not _implies(template, condition, name):
        what = f"{found.logical_id} is made also where {parameter} names what to adopt"
        yield Fault(found.path(), what, f"Condition: {name}")


def _implies(template: Template, condition: Any, wanted: str) -> bool:
    """Tell whether a condition holds only where another one does: it is that one, or that one and more."""
    if condition == wanted:
        return True
    parts = at(template.data, "Conditions", str(condition), "Fn::And")
    return isinstance(parts, list) and {"Condition": wanted} in parts
