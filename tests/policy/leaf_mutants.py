"""Leaf mutants: every scalar of the reference's templates is changed, one at a time, and something has to notice.

A text becomes MUTATED, a number one more, a truth value its opposite, null a text; scalars inside a state machine's
definition are changed in it. `make mutants` prints, per template, how many changes `ceap check` notices, and ends with
code 1 if it misses one that `leaf_mutants.yaml` does not allow, or if an entry there allows nothing.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
import yaml

import tests.conftest  # noqa: F401  # what a workflow names is among the handlers, in each process
from ceap.cfn.template import Template, find_definitions
from ceap.policy.checks import load_checks
from ceap.policy.verdict import judge, load_all_rules
from tests.policy.samples import KINDS, MORE, golden

ALLOWED: Final = Path(__file__).with_suffix(".yaml")
BATCH: Final = 32

Leaf: TypeAlias = tuple[str, str]
"""The kind of place, as `leaf_mutants.yaml` calls it, and the very place."""


class Mutant(NamedTuple):
    """A template with one scalar changed; `leaf` names the kind of place, `path` the very place."""

    leaf: str
    path: str
    template: Template


def load_allowed() -> dict[str, str]:
    """Return the leaves that may change unnoticed, each with the reason why that does no harm."""
    allowed: dict[str, str] = yaml.safe_load(ALLOWED.read_text(encoding="utf-8"))
    return allowed


def leaf_mutants(template: Template) -> Iterator[Mutant]:
    """Yield one mutant per scalar of a template, and per scalar of the definitions in it."""
    for keys, value in _scalars(template.data):
        if "/" + "/".join(map(str, keys)) in template.definitions:
            definition = json.loads(value)
            for inner, scalar in _scalars(definition):
                text = json.dumps(_changed(definition, inner, _mutated(scalar)))
                yield _mutant(template, (*keys, *inner), _changed(template.data, keys, text))
        else:
            yield _mutant(template, keys, _changed(template.data, keys, _mutated(value)))


def find_unnoticed(mutants: Sequence[Mutant]) -> list[Mutant]:
    """Return the mutants that nothing of `ceap check` notices, tried from the fastest part to the slowest."""
    rules = load_all_rules()
    left = [mutant for mutant in mutants if not any(check.check(mutant.template) for check in load_checks())]
    for lint in (False, True):
        judgements = judge([mutant.template for mutant in left], rules, lint=lint)
        left = [mutant for mutant, judgement in zip(left, judgements, strict=True) if not judgement.findings]
    return left


def leaf_name(data: dict[str, Any], keys: Sequence[str | int]) -> str:
    """Return what a leaf is called among those allowed: the type of its resource, or the section, and the path below.

    A `*` stands for the place in a list, and for the name of a state, of a label's parameter or of what lies in another
    section.
    """
    section, *rest = keys
    named = ("States", "ParameterLabels", section)
    names = ["*" if isinstance(key, int) or above in named else key for above, key in pairwise(keys)]
    if section == "Resources":
        section, names = data["Resources"][rest[0]]["Type"], names[1:]
    return f"{section} {'/'.join(map(str, names))}".rstrip()


def _mutant(template: Template, keys: tuple[str | int, ...], data: dict[str, Any]) -> Mutant:
    path = "/" + "/".join(map(str, keys))
    definitions = find_definitions(data["Resources"])
    changed = msgspec.structs.replace(
        template,
        file=f"{template.file}{path}",
        text=json.dumps(data),
        data=data,
        definitions=definitions,
        written_definitions=definitions,
        lines={},
    )
    return Mutant(leaf_name(template.data, keys), path, changed)


def _scalars(value: Any, keys: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, dict | list):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _scalars(below, (*keys, key))
    else:
        yield keys, value


def _mutated(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int | float) else "MUTATED"


def _changed(value: Any, keys: Sequence[str | int], new: Any) -> Any:
    """Return a copy of a value in which one place is new; the rest is shared."""
    if not keys:
        return new
    copy = value.copy()
    copy[keys[0]] = _changed(value[keys[0]], keys[1:], new)
    return copy


def refuse_faulty(template: Template) -> None:
    """Raise ValueError if something is found in the template as it is: then every change of it would seem noticed."""
    [judgement] = judge([template], load_all_rules())
    if judgement.findings:
        raise ValueError(f"{judgement.findings[0]}: mend it first, or no mutant proves anything")


def shortfalls(unnoticed: Sequence[Leaf], allowed: Mapping[str, str]) -> list[str]:
    """Return what is wrong: leaves that are not noticed and not allowed, and entries that allow nothing."""
    idle = sorted(allowed.keys() - {leaf for leaf, _ in unnoticed})
    return [
        *(f"missed: {leaf} [{path}]" for leaf, path in unnoticed if leaf not in allowed),
        *(f"allows nothing, remove it from {ALLOWED.name}: {leaf}" for leaf in idle),
    ]


def _unnoticed_leaves(mutants: Sequence[Mutant]) -> list[Leaf]:
    return [(mutant.leaf, mutant.path) for mutant in find_unnoticed(mutants)]


def main() -> int:
    """Print the score; return 1 if something falls short."""
    total, unnoticed, allowed = 0, list[Leaf](), load_allowed()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for template in map(golden, (*KINDS, *MORE)):
            refuse_faulty(template)
            mutants = list(leaf_mutants(template))
            batches = [mutants[start : start + BATCH] for start in range(0, len(mutants), BATCH)]
            found = [leaf for leaves in pool.map(_unnoticed_leaves, batches) for leaf in leaves]
            print(f"{template.file}: {_score(len(mutants), len(found))}", flush=True)
            total, unnoticed = total + len(mutants), unnoticed + found
    faults = shortfalls(unnoticed, allowed)
    score = _score(total, len(unnoticed))
    summary = f"all: {score}; {len(allowed)} entries in {ALLOWED.name}, {len(faults)} shortfalls"
    print(*faults, summary, sep="\n")
    return 1 if faults else 0


def _score(total: int, unnoticed: int) -> str:
    return f"{total - unnoticed} of {total} leaf mutants noticed ({100 * (1 - unnoticed / total):.1f} %)"


if __name__ == "__main__":
    sys.exit(main())
