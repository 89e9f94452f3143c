"""Changes that make a golden template wrong, and what a mutant is: a change that a rule must notice."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.policy.samples import Json

Change = Callable[[Json], None]
FOUNDATION = "ceap-foundation-${Environment}-"


class Mutant(NamedTuple):
    rule: str
    kind: str
    name: str
    change: Change


def put(*place: Any) -> Change:
    """Return the change that sets a value: the keys that lead to it, then the value."""
    *keys, last, value = place

    def change(data: Json) -> None:
        inner(data, keys)[last] = value

    return change


def drop(*keys: Any) -> Change:
    """Return the change that removes a key."""

    def change(data: Json) -> None:
        del inner(data, keys[:-1])[keys[-1]]

    return change


def inner(data: Any, keys: Any) -> Any:
    for key in keys:
        data = data[key]
    return data


def asl(change: Change) -> Change:
    """Return the change made inside the definition of the state machine."""

    def change_definition(data: Json) -> None:
        properties = data["Resources"]["StateMachine"]["Properties"]
        definition = json.loads(properties["DefinitionString"])
        change(definition)
        properties["DefinitionString"] = json.dumps(definition)

    return change_definition


def of(resource: str, *place: Any) -> Change:
    return put("Resources", resource, "Properties", *place)


def without(resource: str, *keys: Any) -> Change:
    return drop("Resources", resource, "Properties", *keys)


def state(name: str, *place: Any) -> Change:
    return asl(put("States", name, *place))


def state_without(name: str, *keys: Any) -> Change:
    return asl(drop("States", name, *keys))


def rename(data: Json, old: str, new: str) -> None:
    data[new] = data.pop(old)


def arn(resource: str) -> Json:
    return {"Fn::GetAtt": [resource, "Arn"]}


def sub(text: str) -> Json:
    return {"Fn::Sub": text}


def imports(export: str) -> Json:
    return {"Fn::ImportValue": sub(FOUNDATION + export)}


def in_bucket(export: str, text: str) -> Json:
    """Return a text with the name of one of the foundation's buckets, e.g. in place of `${WorkflowBucket}`."""
    return {"Fn::Sub": [text, {export: imports(export)}]}


def data_arn(objects: str) -> Json:
    """Return the ARN of objects in the workflow bucket; `objects` begins with a slash."""
    return in_bucket("WorkflowBucket", f"arn:${{AWS::Partition}}:s3:::${{WorkflowBucket}}{objects}")


def code_url(key: str) -> Json:
    """Return the URL of an object in the artifact bucket; the key begins with a slash."""
    return in_bucket("ArtifactBucket", f"s3://${{ArtifactBucket}}{key}")


def swap(first: str, second: str, *place: Any) -> Change:
    def change(data: Json) -> None:
        one, two = (data["Resources"][name]["Properties"] for name in (first, second))
        for key in place[:-1]:
            one, two = one[key], two[key]
        one[place[-1]], two[place[-1]] = two[place[-1]], one[place[-1]]

    return change
