"""What a template of ceap holds beyond what ceap writes."""

import functools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from ceap.cfn.lookup import at
from ceap.cfn.template import Template
from ceap.policy.vocabulary.kinds import StackKind, kind_of
from ceap.policy.vocabulary.specs import Fault, Judge, fault, read_spec

DATA: Final = Path(__file__).with_name("stacks.yaml")


class Stack(msgspec.Struct, frozen=True):
    """A kind of stack: what judges its sections, and the types of its resources, each with the most allowed."""

    sections: Judge
    types: dict[str, float]


class Vocabulary(msgspec.Struct, frozen=True):
    """The stacks by kind, and what judges a resource of each type."""

    stacks: dict[StackKind, Stack]
    resources: dict[str, Judge]


def read_data() -> dict[str, Any]:
    """Return the content of `stacks.yaml`."""
    data: dict[str, Any] = yaml.load(DATA.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return data


@functools.cache
def load_vocabulary() -> Vocabulary:
    """Read `stacks.yaml`, once."""
    data = read_data()
    stacks = {
        StackKind(kind): Stack(
            read_spec(stack["sections"]),
            {name: float("inf") if most == "any" else most for name, most in stack["resources"].items()},
        )
        for kind, stack in data["stacks"].items()
    }
    return Vocabulary(stacks, {name: read_spec(spec) for name, spec in data["resources"].items()})


def unknown(template: Template) -> Iterator[Fault]:
    """Yield what a template of ceap's kinds holds that ceap does not write; nothing of another template."""
    kind = kind_of(template)
    if kind is None:
        return
    vocabulary = load_vocabulary()
    stack = vocabulary.stacks[kind]
    yield from stack.sections(template.data, "", template)
    counts = Counter[str]()
    for name, body in template.data["Resources"].items():
        place, type_ = f"/Resources/{name}", at(body, "Type")
        if isinstance(type_, str) and type_.endswith("::MODULE"):
            continue  # CFN04_NO_TRANSFORM
        if not isinstance(type_, str) or type_ not in stack.types:
            what = type_ if isinstance(type_, str) else name
            yield fault(place, f"{what} is not among the resources of {kind.phrase}", "remove it")
            continue
        counts[type_] += 1
        if counts[type_] > stack.types[type_]:
            yield fault(place, f"{kind.phrase} has only {stack.types[type_]} {type_}", "remove it")
        else:
            yield from vocabulary.resources[type_](body, place, template)
