"""Each engine is the oracle of the other: they give equal verdicts, and the same findings at the same places."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from ceap import project
from ceap.cfn.template import load_template
from ceap.policy.guard import cfn_guard, library
from ceap.policy.guard.engine import Engine, Verdict
from ceap.policy.guard.rule_files import RuleFailure, RuleFile, evaluate
from tests.policy.broken import base
from tests.policy.changes import Mutant
from tests.policy.check_mutants import CHECK_MUTANTS
from tests.policy.engines import needs_library
from tests.policy.mutants import MUTANTS
from tests.policy.samples import KINDS, Json, cases, golden_data, rules

pytestmark = needs_library

Said = list[tuple[dict[str, Verdict], list[RuleFailure]]]


def said(engine: Engine, data: Sequence[str], files: Sequence[RuleFile]) -> Said:
    """Return what an engine says; the order of findings, which the binary changes at random, is left out."""
    names = [f"template {number}" for number in range(len(data))]
    results = evaluate(data, files, names, engine)
    return [(result.verdicts, sorted(result.failures, key=repr)) for result in results]


def mutated(mutant: Mutant) -> str:
    data: Json = json.loads(json.dumps(base(mutant.kind).data))
    mutant.change(data)
    return json.dumps(data)


@pytest.mark.usefixtures("own_project")
def test_they_agree_on_every_committed_template() -> None:
    data = [json.dumps(load_template(file).data) for file in sorted(project.GENERATED.glob("*.template.yaml"))]
    assert data != []
    assert said(library, data, rules()) == said(cfn_guard, data, rules())


def test_they_agree_on_every_template_of_the_reference() -> None:
    data = [golden_data(kind) for kind in KINDS]
    assert said(library, data, rules()) == said(cfn_guard, data, rules())


@pytest.mark.parametrize("rule_file", rules(), ids=lambda rule_file: Path(rule_file.file).stem)
def test_they_agree_on_every_case_and_mutant_of_a_rule_file(rule_file: RuleFile) -> None:
    data = [json.dumps(case["input"]) for case in cases(rule_file)]
    data += [mutated(mutant) for mutant in MUTANTS if mutant.rule in rule_file.rules]
    assert said(library, data, [rule_file]) == said(cfn_guard, data, [rule_file])


def _together() -> list[str]:
    """Return templates with the first mutant of each check, as many in one as go together: each takes half a second."""
    first = {mutant.rule: mutant for mutant in reversed(CHECK_MUTANTS)}
    del first["ASL04_DEFINITION_IS_JSON"]  # reaches no engine: a check in Python finds it first
    data: list[tuple[str, Json]] = []
    for _, mutant in sorted(first.items()):
        for number, (kind, before) in enumerate(data):
            after: Json = json.loads(json.dumps(before))
            with suppress(AttributeError, IndexError, KeyError, TypeError, ValueError):  # another took what it changes
                mutant.change(after)
                if kind == mutant.kind and after != before:
                    data[number] = (kind, after)
                    break
        else:
            data.append((mutant.kind, json.loads(mutated(mutant))))
    return [json.dumps(each) for _, each in data]


def test_they_agree_on_a_mutant_of_each_check() -> None:
    data = _together()
    assert said(library, data, rules()) == said(cfn_guard, data, rules())
