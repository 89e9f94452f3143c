from __future__ import annotations

import json
from collections import Counter

import pytest

from ceap.policy.guard import Failure
from tests.policy.changes import Change, Mutant, of
from tests.policy.mutants import MUTANTS
from tests.policy.samples import changed, golden_data, results, rules


def failures(rule: str, kind: str, change: Change) -> list[Failure]:
    """Return what a rule finds in a changed golden template.

    Raises:
        ValueError: the change changes nothing, or the rule fails without it: then its failure would prove nothing.
    """
    data = json.dumps(changed(kind, change))
    if data == golden_data(kind):
        raise ValueError(f"the change for {rule} changes nothing")
    golden, mutant = results(rule, golden_data(kind), data)
    if golden.verdicts[rule] == "FAIL":
        raise ValueError(f"{rule} fails on the unchanged template too")
    return [failure for failure in mutant.failures if failure.rule == rule]


@pytest.mark.property(1)
@pytest.mark.property(7)
@pytest.mark.property(8)
@pytest.mark.property(12)
@pytest.mark.property(13)
@pytest.mark.property(15)
@pytest.mark.property(16)
@pytest.mark.property(17)
@pytest.mark.property(18)
@pytest.mark.property(19)
@pytest.mark.property(21)
@pytest.mark.property(22)
@pytest.mark.property(24)
@pytest.mark.property(27)
@pytest.mark.property(30)
@pytest.mark.property(32)
@pytest.mark.property(34)
@pytest.mark.property(35)
@pytest.mark.property(38)
@pytest.mark.property(40)
@pytest.mark.property(41)
@pytest.mark.property(42)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.rule}, {mutant.kind}: {mutant.name}")
def test_the_rule_notices_the_change_and_says_what_to_do(mutant: Mutant) -> None:
    found = failures(mutant.rule, mutant.kind, mutant.change)
    assert found != []
    prefix = f"[{mutant.rule.partition('_')[0]}] "
    assert [
        failure for failure in found if not failure.message.startswith(prefix) or "| fix: " not in failure.message
    ] == []
    assert any(failure.path for failure in found) or "no pipe" in mutant.name


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
        failures("P35_LOG_RETENTION", "express", of("ETLFunctionLogGroup", "RetentionInDays", 30))
