"""The templates that policy tests judge and break, those of `tests/reference`, and the catalogue of rules."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from ceap import project
from ceap.cfn.template import Template, parse_template
from ceap.policy.catalogue import Entry
from ceap.policy.guard.rule_files import Result, RuleFile, evaluate, load_rules
from ceap.policy.verdict import GUARD_RULES, load_all_entries
from tests import reference
from tests.policy.engines import FASTEST

Json = dict[str, Any]

KINDS = ("foundation", "express", "standard", "deploy")
MORE = ("triggered", "mixed", "adopting")
"""Other templates of the reference, of which the catalogue has no verdicts."""


@functools.cache
def golden(kind: str) -> Template:
    """Return the template of a kind that the reference's declarations generate."""
    return parse_template(_texts()[kind], f"{kind}.template.yaml")


@functools.cache
def _texts() -> dict[str, str]:
    more = (reference.TRIGGERED, reference.MIXED, reference.ADOPTING)
    workflows = project.load_workflows([reference.EXPRESS, reference.STANDARD, *more])
    return {name.partition(".")[0]: text for name, text in project.build_all_templates(workflows)}


@functools.cache
def rules() -> tuple[RuleFile, ...]:
    return load_rules(GUARD_RULES)


def cases(rule_file: RuleFile) -> list[Json]:
    """Return the cases of cfn-guard's own test file of a rule file."""
    path = GUARD_RULES / "tests" / f"{Path(rule_file.file).stem}_tests.yaml"
    loaded: list[Json] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return loaded


@functools.cache
def catalogue() -> Json:
    text = (GUARD_RULES / "catalogue.yaml").read_text(encoding="utf-8")
    loaded: Json = yaml.safe_load(text)
    return loaded


@functools.cache
def entries() -> dict[str, Entry]:
    """Return what is known of each rule and check."""
    return load_all_entries(rules())


@functools.cache
def golden_data(kind: str) -> str:
    return json.dumps(golden(kind).data)


def changed(kind: str, change: Callable[[Json], None]) -> Json:
    """Return a golden template's content with a change made to it."""
    data: Json = copy.deepcopy(json.loads(golden_data(kind)))
    change(data)
    return data


def results(rule: str, *data: str) -> list[Result]:
    """Return what the file that declares a rule says of templates in JSON."""
    [rule_file] = [file for file in rules() if rule in file.rules]
    return evaluate(data, [rule_file], [f"template {number}" for number in range(len(data))], FASTEST)
