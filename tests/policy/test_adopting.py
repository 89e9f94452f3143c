"""A workflow that adopts queues and an event bus: no rule, check or cfn-lint blames it, and few rules skip it."""

from __future__ import annotations

from ceap.policy.verdict import judge
from tests.policy.engines import FASTEST
from tests.policy.samples import catalogue, golden, rules
from tests.policy.test_rules import OF_THE_QUEUE


def test_the_workflow_of_the_reference_is_clean_for_cfn_lint_too() -> None:
    [judgement] = judge([golden("adopting")], rules(), engine=FASTEST)
    assert judgement.findings == []
    expected = {rule: entry["expect"]["express"] for rule, entry in catalogue()["rules"].items()}
    skipped = {rule for rule, verdict in judgement.verdicts.items() if verdict == "SKIP" != expected[rule]}
    assert skipped == OF_THE_QUEUE
