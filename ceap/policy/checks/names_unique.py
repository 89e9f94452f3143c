"""No two resources of a type have the same name: CloudFormation makes the first and fails at the second.

Source: CloudFormation User Guide, "Name type".
"""

import json
from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import NAME_PROPERTY, at, resources
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault

RULE: Final = "CFN02_NAMES_UNIQUE"
ENTRY: Final = Entry(
    title="No two resources of a type have the same name",
    why="CloudFormation creates the first and fails at the second, in the middle of a deployment.",
    fix="Give each resource a name of its own.",
    requirement=("1.5",),
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html",
)


def check(template: Template) -> Iterator[Fault]:
    first: dict[tuple[str, str], str] = {}
    for resource in resources(template, *NAME_PROPERTY):
        name = resource.properties.get(NAME_PROPERTY[resource.type])
        if name is None or at(template.data["Resources"], resource.logical_id, "Condition") is not None:
            continue  # of two under conditions one may be there
        other = first.setdefault((resource.type, json.dumps(name, sort_keys=True)), resource.logical_id)
        if other != resource.logical_id:
            place = resource.path(NAME_PROPERTY[resource.type])
            yield Fault(place, f"{other} has the same name", "give it a name of its own")
