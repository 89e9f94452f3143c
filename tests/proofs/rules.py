"""The rules and checks that hold a property together, and the marks of the tests that show that they notice faults."""

from __future__ import annotations

import pytest

from tests.policy.samples import entries
from tests.proofs.promises import load_properties


def rules_by_property() -> dict[int, list[str]]:
    """Return the ids of the rules and checks that hold each property for which the requirements promise rules."""
    return {
        number: sorted(rule for rule, entry in entries().items() if number in (entry.property, *entry.shares))
        for number, promised in load_properties().items()
        if "G" in promised.kinds
    }


def proves(rule: str) -> tuple[pytest.MarkDecorator, ...]:
    """Return the marks of a test that shows that a rule or check notices faults: its properties."""
    return tuple(
        pytest.mark.property(number, "G", rule) for number, rules in rules_by_property().items() if rule in rules
    )
