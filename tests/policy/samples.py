"""The templates that the policy tests judge and break, one per kind, and the catalogue of what is expected of them."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable
from typing import Any

import yaml

from ceap import project
from ceap.policy.guard import RuleFile, Verdict, evaluate, load_rules
from ceap.policy.template import Template, load_template, parse_template
from ceap.policy.verdict import GUARD_RULES

Json = dict[str, Any]

KINDS = ("foundation", "express", "standard")


def golden(kind: str) -> Template:
    """Return a committed template; the STANDARD one is the EXPRESS one with the two types turned."""
    if kind == "standard":
        return parse_template(standard_text(), "standard.template.yaml")
    return load_template(project.GENERATED / f"{'realtime' if kind == 'express' else kind}.template.yaml")


def standard_text() -> str:
    text = (project.GENERATED / "realtime.template.yaml").read_text(encoding="utf-8")
    return text.replace("StateMachineType: EXPRESS", "StateMachineType: STANDARD").replace(
        "InvocationType: REQUEST_RESPONSE", "InvocationType: FIRE_AND_FORGET"
    )


@functools.cache
def rules() -> tuple[RuleFile, ...]:
    return load_rules(GUARD_RULES)


@functools.cache
def catalogue() -> Json:
    text = (GUARD_RULES / "catalogue.yaml").read_text(encoding="utf-8")
    loaded: Json = yaml.safe_load(text)
    return loaded


@functools.cache
def golden_data(kind: str) -> str:
    return json.dumps(golden(kind).data)


def changed(kind: str, change: Callable[[Json], None]) -> Json:
    """Return a golden template's content with a change made to it."""
    data: Json = copy.deepcopy(json.loads(golden_data(kind)))
    change(data)
    return data


def verdict(rule: str, data: str) -> Verdict:
    """Return one rule's verdict on a template in JSON."""
    [rule_file] = [file for file in rules() if rule in file.rules]
    return evaluate(data, rule_file, "template")[0][rule]
