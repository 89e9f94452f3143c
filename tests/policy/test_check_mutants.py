from __future__ import annotations

from collections import Counter

import pytest

from ceap.policy.finding import Finding
from tests.policy.broken import CHECKS, found
from tests.policy.changes import Mutant, of
from tests.policy.check_mutants import CHECK_MUTANTS
from tests.proofs.rules import proves


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(mutant, id=f"{mutant.rule}, {mutant.kind}: {mutant.name}", marks=proves(mutant.rule))
        for mutant in CHECK_MUTANTS
    ],
)
def test_the_check_notices_the_change_and_says_where_and_what_to_do(mutant: Mutant) -> None:
    findings = found(mutant.rule, mutant.kind, mutant.change)
    assert findings != []
    for finding in findings:
        assert finding.rule == mutant.rule
        assert finding.what
        assert finding.fix
        assert finding.source
        assert finding.path.startswith("/")
        assert finding.line > 1


def test_every_check_has_at_least_three_mutants() -> None:
    counts = Counter(mutant.rule for mutant in CHECK_MUTANTS)
    assert {rule: counts[rule] for rule in CHECKS if counts[rule] < 3} == {}


def test_a_change_that_changes_nothing_is_no_mutant() -> None:
    with pytest.raises(ValueError, match="changes nothing"):
        found("P33_REDELIVERY", "express", of("Queue", "VisibilityTimeout", 1800))


def test_a_check_that_finds_something_anyway_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHECKS, "CFN01_NO_NULL", lambda template: [Finding("t.yaml", 1, "CFN01_NO_NULL", "always")])
    with pytest.raises(ValueError, match="in the unchanged template too"):
        found("CFN01_NO_NULL", "express", of("Queue", "VisibilityTimeout", None))
