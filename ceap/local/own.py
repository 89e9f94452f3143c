"""A team's own resources on this machine: those that the engine treats as AWS does are made, the others are left out.

Nothing that decides who may do what is among the former: a policy that is stored and not enforced would seem to allow.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ceap.cfn.own import own_entries
from templates import words

MODELLED: Final = (
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::SNS::Topic",
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
)
_VARIABLE: Final = re.compile(r"\$\{(\w+)(?:\.[\w.]+)?\}")
_KEY_NOTE: Final = "local: the policy of the key {} is not enforced; on AWS every user of what it encrypts needs it"


class Reduced(NamedTuple):
    """A template with what can be made of it here, and what to tell about the rest; `refused` is why none can be."""

    template: dict[str, Any]
    notes: tuple[str, ...]
    refused: str = ""


def modelled(template: dict[str, Any]) -> Reduced:
    """Return a template without the own resources that the engine does not model.

    Own resources that refer to these go too, and parameters and conditions that nothing else uses.
    """
    own = own_entries(template)
    if not any(own.values()):
        return Reduced(template, ())
    resources = template["Resources"]
    unknown = {name for name in own["Resources"] if resources[name].get("Type") not in MODELLED}
    gone = set(unknown)
    while more := {name for name in own["Resources"] - gone if gone & set(_named(resources[name]))}:
        gone |= more
    for name, body in resources.items():
        if name not in own["Resources"] and (missing := sorted(gone & set(_named(body)))):
            kind = resources[missing[0]].get("Type")
            said = f"{name} refers to {missing[0]}, an {kind}, which the local engine does not model for own resources"
            return Reduced(template, (), f"{said}; it models {', '.join(MODELLED)}")
    kept = template | {"Resources": {name: body for name, body in resources.items() if name not in gone}}
    outputs = template.get("Outputs", {})
    kept["Outputs"] = {
        name: body for name, body in outputs.items() if name not in own["Outputs"] or not gone & set(_named(body))
    }
    for section in ("Conditions", "Parameters"):
        used = {name for other in ("Resources", "Outputs", "Conditions") for name in _named(kept.get(other, {}))}
        kept[section] = {
            name: body for name, body in template.get(section, {}).items() if name not in own[section] or name in used
        }
    return Reduced(
        {key: value for key, value in kept.items() if value}, tuple(_notes(resources, gone, own["Resources"]))
    )


def _notes(resources: Mapping[str, Any], gone: Iterable[str], own: Iterable[str]) -> Iterator[str]:
    if left_out := [f"{name} ({resources[name]['Type']})" for name in resources if name in set(gone)]:
        number = words.plural(len(left_out), "own resource")
        yield f"local: {number} left out, which nothing of ceap's refers to: {', '.join(left_out)}"
    for name in resources:
        if name in set(own) - set(gone) and resources[name]["Type"] == "AWS::KMS::Key":
            yield _KEY_NOTE.format(name)


def _named(value: Any) -> Iterator[str]:
    """Yield the names of resources, parameters and conditions that a value refers to."""
    match value:
        case {"Ref": str(name)} | {"Condition": str(name)} | {"Fn::If": [str(name), *_]} | {"DependsOn": str(name)}:
            yield name
        case {"DependsOn": [*names]}:
            yield from names
    if isinstance(value, dict):
        match value.get("Fn::GetAtt"):
            case str(text):
                yield text.partition(".")[0]
            case [str(name), *_]:
                yield name
        match value.get("Fn::Sub"):
            case str(text) | [str(text), *_]:
                yield from _VARIABLE.findall(text)
    if isinstance(value, dict | list):
        for below in value.values() if isinstance(value, dict) else value:
            yield from _named(below)
