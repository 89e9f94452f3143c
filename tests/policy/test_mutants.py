from __future__ import annotations

import json
from collections import Counter

import pytest

from ceap.policy.guard.rule_files import RuleFailure
from tests.policy.changes import Change, of
from tests.policy.mutants import MUTANTS
from tests.policy.samples import changed, golden_data, results, rules
from tests.proofs.rules import proves


def failures(rule: str, kind: str, *changes: Change) -> list[list[RuleFailure]]:
    """Return what a rule finds in each of the changed golden templates.

    Raises:
        ValueError: a change changes nothing, or the rule fails without it: then its failure would prove nothing.
    """
    mutants = [json.dumps(changed(kind, change)) for change in changes]
    if golden_data(kind) in mutants:
        raise ValueError(f"a change for {rule} changes nothing")
    golden, *judged = results(rule, golden_data(kind), *mutants)
    if golden.verdicts[rule] == "FAIL":
        raise ValueError(f"{rule} fails on the unchanged template too")
    return [[failure for failure in mutant.failures if failure.rule == rule] for mutant in judged]


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        pytest.param(rule, kind, marks=proves(rule))
        for rule, kind in sorted({(mutant.rule, mutant.kind) for mutant in MUTANTS})
    ],
)
def test_the_rule_notices_each_change_and_says_what_to_do(rule: str, kind: str) -> None:
    mutants = [mutant for mutant in MUTANTS if (mutant.rule, mutant.kind) == (rule, kind)]
    for mutant, found in zip(mutants, failures(rule, kind, *(mutant.change for mutant in mutants)), strict=True):
        assert found != [], mutant.name
        assert [failure for failure in found if not (failure.fault.what and failure.fault.fix)] == [], mutant.name
        assert any(failure.fault.place for failure in found) or "no pipe" in mutant.name, mutant.name
        repeated = [what for what, times in Counter(failure.fault.what for failure in found).items() if times > 1]
        assert repeated == [], mutant.name


def test_every_rule_has_at_least_three_mutants() -> None:
    counts = Counter(mutant.rule for mutant in MUTANTS)
    assert {rule: counts[rule] for file in rules() for rule in file.rules if counts[rule] < 3} == {}


def test_a_change_that_changes_nothing_is_no_mutant() -> None:
    with pytest.raises(ValueError, match="changes nothing"):
        failures("P41_PIPE", "express", of("Pipe", "SourceParameters", "SqsQueueParameters", "BatchSize", 1))


def test_a_rule_that_fails_anyway_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = json.dumps(changed("express", of("PipeLogGroup", "RetentionInDays", 30)))
    monkeypatch.setattr("tests.policy.test_mutants.golden_data", lambda kind: wrong)
    with pytest.raises(ValueError, match="fails on the unchanged template too"):
        failures("P35_LOG_RETENTION", "express", of("TakeFunctionLogGroup", "RetentionInDays", 30))
