"""A workflow imports the right export of the foundation in each place.

CloudFormation accepts any export that exists, also a bucket's name in place of a topic's ARN.
Source: `templates/naming.py`, the one place of names; CloudFormation User Guide, "Fn::ImportValue".
"""

from collections.abc import Iterator
from typing import Any, Final

from ceap.cfn.lookup import (
    ALARM,
    EVENT_RULE,
    FUNCTION,
    MACHINE,
    at,
    foundation_exports,
    imported,
    items,
    resources,
)
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates import naming

RULE: Final = "WIRE10_IMPORTS"
ENTRY: Final = Entry(
    title="A workflow imports the right export of the foundation in each place",
    why="CloudFormation accepts any export that exists, also a bucket's name in place of a topic's ARN.",
    fix=(
        "Import WorkflowBucket for data, ArtifactBucket for code, AlertTopic for alarms and alerts, e.g. "
        "`Fn::ImportValue: !Sub ceap-foundation-${Environment}-AlertTopic`."
    ),
    requirement=("11.2",),
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-importvalue.html",
)

_PREFIX: Final = naming.export("")


def check(template: Template) -> Iterator[Fault]:
    found = dict(_imports(template.data, ""))
    if not any((name or "").startswith(_PREFIX) for name in found.values()):
        return  # no workflow on our foundation
    wanted = {path: naming.export(export) for path, export in _places(template)}
    known = {naming.export(export) for export in foundation_exports()}
    for path, name in found.items():
        right = wanted.get(path)
        is_wrong = name != right if right else (name or "").startswith(_PREFIX) and name not in known
        if name is not None and is_wrong:
            cure = right or f"{_PREFIX} and one of {', '.join(foundation_exports())}"
            yield Fault(path, f"{name} is the wrong import here", f"import {cure}")


def _imports(value: Any, path: str) -> Iterator[tuple[str, str | None]]:
    """Yield the place of each import, and its name."""
    if isinstance(value, dict):
        if "Fn::ImportValue" in value:
            yield path, imported(value)
        for key, below in value.items():
            yield from _imports(below, f"{path}/{key}")
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _imports(below, f"{path}/{index}")


def _places(template: Template) -> Iterator[tuple[str, str]]:
    """Yield the places that take one export only; WIRE08 checks those that take tables."""
    for function in resources(template, FUNCTION):
        yield function.path("Code", "S3Bucket"), "ArtifactBucket"
    for machine in resources(template, MACHINE):
        yield machine.path("DefinitionSubstitutions", "WorkflowBucket"), "WorkflowBucket"
    for alarm in resources(template, ALARM):
        for index, _ in enumerate(items(alarm.properties.get("AlarmActions"))):
            yield alarm.path("AlarmActions", index), "AlertTopic"
    for rule in resources(template, EVENT_RULE):
        for index, target in enumerate(items(rule.properties.get("Targets"))):
            if at(target, "Arn") is not None:
                yield rule.path("Targets", index, "Arn"), "AlertTopic"
