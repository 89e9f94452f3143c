"""What a template of ceap holds beyond what ceap writes."""

import functools
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import yaml

from ceap.cfn.lookup import FUNCTION, JOB, MACHINE, at, pointed_at, resources
from ceap.cfn.template import Template
from ceap.policy.finding import Fault
from ceap.policy.senders import has_triggers
from ceap.policy.vocabulary.kinds import StackKind, kind_of
from ceap.policy.vocabulary.specs import Judge, fault, read_spec
from templates.definition import WORKFLOW_BUCKET_TOKEN

DATA: Final = Path(__file__).with_name("stacks.yaml")


class Stack(msgspec.Struct, frozen=True):
    """A kind of stack: what judges its sections, and the types of its resources.

    A type has at most so many resources, any number, or as many as the definition has steps for; of `triggers` so many
    more where there is one.
    """

    sections: Judge
    types: dict[str, int | Literal["any", "steps"]]
    triggers: dict[str, int]

    def types_in(self, template: Template) -> dict[str, int | Literal["any", "steps"]]:
        """Return the types of resources that a template may have."""
        if not has_triggers(template):
            return self.types
        more = {name: number + _number(self.types.get(name)) for name, number in self.triggers.items()}
        return {**self.types, **more}


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
        StackKind(kind): Stack(read_spec(stack["sections"]), stack["resources"], stack.get("triggers", {}))
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
    counts, idle, types = Counter[str](), _idle(template), stack.types_in(template)
    for name, body in template.data["Resources"].items():
        place, type_ = f"/Resources/{name}", at(body, "Type")
        if isinstance(type_, str) and type_.endswith("::MODULE"):
            continue  # CFN04_NO_TRANSFORM
        if not isinstance(type_, str) or type_ not in types:
            what = type_ if isinstance(type_, str) else name
            yield fault(place, f"{what} is not among the resources of {kind.phrase}", "remove it")
            continue
        counts[type_] += 1
        most = types[type_]
        if isinstance(most, int) and counts[type_] > most:
            yield fault(place, f"{kind.phrase} has only {most} {type_}", "remove it")
        elif most == "steps" and name in idle:
            yield fault(place, f"{name} is not among the steps of the state machine", "remove it")
        else:
            yield from vocabulary.resources[type_](body, place, template)


def _number(most: int | str | None) -> int:
    return most if isinstance(most, int) else 0


def _idle(template: Template) -> set[str]:
    """Return the functions and jobs that no definition runs, where there are more than its substitutions."""
    workers = {each.logical_id for each in resources(template, FUNCTION, JOB)}
    substitutions = {
        token: value
        for machine in resources(template, MACHINE)
        for token, value in _items(machine.properties.get("DefinitionSubstitutions"))
        if token != WORKFLOW_BUCKET_TOKEN
    }
    run = {found.logical_id for value in substitutions.values() if (found := pointed_at(template, value))}
    return workers - run if substitutions and len(workers) > len(substitutions) else set()


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    return value.items() if isinstance(value, dict) else ()
