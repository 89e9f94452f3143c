"""docs/reference/properties.md, written from the requirements, marks and rules: `python -m tests.proofs.page`."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Final

from tests.proofs.claims import Holder, holders
from tests.proofs.promises import KINDS, ROOT, Property, load_properties
from tests.proofs.rules import rules_by_property
from tests.proofs.sources import Sources

PAGE: Final = ROOT / "docs/reference/properties.md"

_INTRODUCTION: Final = """\
# Where the properties are held

For each of the [42 properties](requirements.md#properties): the requirements that it serves, and what holds it.
`make docs` writes this page from the requirements, the marks of the tests and the catalogue of rules.

- **M**, {M}: a test sees declarations refused.
- **G**, {G}: the [rules](rules.md) named hold it together.
  Each is seen to notice at least three faults, and to have its expected verdict on each generated template.
- **H**, {H}: at least 100 generated workflows or records.
- **E**, {E}: a generated template, deployed to the local engine and run.

A test named here proves its property alone, in its kind; tests of a part are not named.
A test of the suite fails when something promised is missing here, when a test named compares nothing,
and at the end of a whole run when one of them did not run.
Nothing was run on AWS.

{holders} tests and {rules} rules hold the {properties} properties.
"""


def properties_page(properties: Mapping[int, Property], found: list[Holder], rules: Mapping[int, list[str]]) -> str:
    """Return the page: a table of the properties and kinds, then a section on each."""
    introduction = _INTRODUCTION.format(
        **KINDS,
        holders=len({holder.case.id for holder in found}),
        rules=len({rule for named in rules.values() for rule in named}),
        properties=len(properties),
    )
    table = ["| property | requirements | M | G | H | E |", "|---|---|---|---|---|---|"]
    for number, each in properties.items():
        counts = [_count(number, kind, found, rules) for kind in KINDS]
        cells = " | ".join(str(count) if kind in each.kinds else "" for kind, count in zip(KINDS, counts, strict=True))
        table.append(f"| [{number}](#property-{number}) | {', '.join(each.requirements)} | {cells} |")
    sections = [line for each in properties.values() for line in _section(each, found, rules)]
    return "\n".join([introduction, *table, "", *sections])


def _count(number: int, kind: str, found: list[Holder], rules: Mapping[int, list[str]]) -> int:
    return len(rules.get(number, [])) if kind == "G" else sum(each[:2] == (number, kind) for each in found)


def _section(each: Property, found: list[Holder], rules: Mapping[int, list[str]]) -> list[str]:
    requirements = f"[Requirement](requirements.md#requirements) {', '.join(each.requirements)}."
    sentence = textwrap.wrap(f"{each.text[0].upper()}{each.text[1:]}.", 120, break_on_hyphens=False)
    lines = [f"## Property {each.number}", "", *sentence, requirements, ""]
    for kind in each.kinds:
        lines.append(f"- {kind}, {KINDS[kind]}:")
        if kind == "G":
            lines += [f"  - [{rule}](rules.md#{rule.lower()})" for rule in rules.get(each.number, [])]
        lines += [
            f"  - {_words(holder.case.name)}:\n    [{_short(holder.case.path)}](../../{holder.case.path})"
            for holder in found
            if holder[:2] == (each.number, kind)
        ]
    return [*lines, ""]


def _short(path: str) -> str:
    return path.removeprefix("tests/")


def _words(name: str) -> str:
    """Return the sentence that a test's name is."""
    return name.removeprefix("test_").replace("_", " ")


if __name__ == "__main__":
    text = properties_page(load_properties(), holders(Sources.load()), rules_by_property())
    PAGE.write_text(text, encoding="utf-8")
