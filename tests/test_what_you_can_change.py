"""The page on what a team can change: it names every key, and its overrides pass or need the waivers that it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
import pytest
import yaml

from ceap.cfn.template import parse_template
from ceap.policy.verdict import judge, load_all_rules
from ceap.project import ROOT
from handlers.runtime.needs import Needs
from templates.model import STEP_CLASSES, Declaration
from templates.render import render
from templates.stacks import workflow_stack
from tests.policy.engines import FASTEST
from tests.strategies import workflow_of

PAGE = ROOT / "docs/reference/what-you-can-change.md"
DECLARATION = ROOT / "docs/reference/synth.md"
HANDLER = ROOT / "docs/how-to/write-a-handler.md"
STEPS = [{"stage": "ETLStage", "handler": "take"}, {"stage": "HeavyETLStage", "glue": "heavy"}]


def keys(struct: type[msgspec.Struct]) -> Iterator[str]:
    """Yield the keys of a Struct, and of those inside it."""
    for field in msgspec.structs.fields(struct):
        yield field.encode_name
        for kind in kinds(field.type):
            yield from keys(kind)


def kinds(annotated: Any) -> Iterator[type[msgspec.Struct]]:
    """Yield the Structs that a field may hold."""
    plain = getattr(annotated, "__origin__", annotated) if hasattr(annotated, "__metadata__") else annotated
    if isinstance(plain, type) and issubclass(plain, msgspec.Struct):
        yield plain
    elif get_origin(plain) in (Union, UnionType):
        for each in get_args(plain):
            yield from kinds(each)


def code(text: str) -> set[str]:
    """Return every word that stands in the code of a page."""
    return {word for piece in re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL) for word in re.findall(r"\w+", piece)}


def test_a_struct_inside_a_field_is_found_with_its_keys() -> None:
    found = set(keys(Declaration))
    assert {"name", "steps", "lambda", "interval_s", "value", "expression", "suffix"} - found == {"steps"}


@pytest.mark.parametrize("page", [PAGE, DECLARATION], ids=lambda page: page.name)
def test_every_key_of_a_declaration_is_on_the_page(page: Any) -> None:
    known = {"steps", *keys(Declaration), *(key for kind in STEP_CLASSES.values() for key in keys(kind))}
    assert known - code(page.read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize("page", [PAGE, HANDLER], ids=lambda page: page.name)
def test_every_field_of_needs_is_on_the_page(page: Any) -> None:
    assert set(Needs.__struct_fields__) - code(page.read_text(encoding="utf-8")) == set()


def overrides(section: str) -> list[tuple[str, set[str]]]:
    """Return the overrides in the table of a section, each with the rules that its line names."""
    [_, text] = PAGE.read_text(encoding="utf-8").split(f"\n## {section}\n")
    rows = [line.split(" | ", 1)[1] for line in text.split("\n## ")[0].splitlines() if line.startswith("| ")][1:]
    found = []
    for row in rows:
        [override, *others] = re.findall(r"`([^`]+)`", row)
        rules = {name for name in others if re.fullmatch(r"[A-Z]+\d\d_[A-Z_]+", name)}
        found.append((override.removeprefix("overrides: ").replace("arn:...", "arn:aws:lambda:x:1:layer:a:1"), rules))
    return found


PASSING, WAIVED = overrides("Overrides that pass"), overrides("Overrides with a waiver")


@pytest.fixture(scope="module")
def found() -> dict[str, set[str]]:
    """The rules that find something, by override."""
    given = [override for override, _ in (*PASSING, *WAIVED)]
    templates = []
    for override in given:
        text = override if override.startswith("{") else f"{{{override}}}"
        declared = {"name": "orders", "type": "STANDARD", "steps": STEPS, "overrides": yaml.safe_load(text)}
        templates.append(parse_template(render(workflow_stack(workflow_of(declared))), f"{override}.yaml"))
    judgements = judge(templates, load_all_rules(), lint=False, engine=FASTEST)
    return {name: {each.rule for each in one.findings} for name, one in zip(given, judgements, strict=True)}


@pytest.mark.parametrize(
    ("override", "rules"), [*PASSING, *WAIVED], ids=[override for override, _ in (*PASSING, *WAIVED)]
)
def test_an_override_of_the_page_needs_the_waivers_that_it_names(
    override: str, rules: set[str], found: dict[str, set[str]]
) -> None:
    assert found[override] == rules
