"""Workflows that adopt queues and an event bus: no rule or check blames them, and none is quiet that can judge them."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings

from ceap.cfn.template import parse_template
from ceap.policy.verdict import judge
from templates.model import Adoption, Workflow, WorkflowType
from templates.render import render
from templates.stacks import workflow_stack
from tests.policy.engines import FASTEST
from tests.policy.samples import catalogue, golden, rules
from tests.strategies import all_workflows

QUEUES = Adoption(queue="OrdersQueueName", dead_letter_queue="OrdersDeadLetterQueueName")
OF_THE_QUEUE = {"P32_DEAD_LETTER_QUEUE", "SEC01_VISIBILITY", "SEC01_MESSAGE_SIZE", "SEC01_DEAD_LETTER_SOURCES"}
"""The rules on attributes of the queue: they skip an adopted one, which `ceap deploy` asks SQS about."""


def test_the_workflow_of_the_reference_is_clean_for_cfn_lint_too() -> None:
    [judgement] = judge([golden("adopting")], rules(), engine=FASTEST)
    assert judgement.findings == []
    expected = {rule: entry["expect"]["express"] for rule, entry in catalogue()["rules"].items()}
    skipped = {rule for rule, verdict in judgement.verdicts.items() if verdict == "SKIP" != expected[rule]}
    assert skipped == OF_THE_QUEUE


@settings(deadline=None)
@given(workflow=all_workflows())
def test_no_rule_or_check_finds_anything_in_a_workflow_with_adopted_queues(workflow: Workflow) -> None:
    adopting = msgspec.structs.replace(workflow, adopt=QUEUES)
    template = parse_template(render(workflow_stack(adopting)), "workflow.template.yaml")
    [judgement] = judge([template], rules(), lint=False, engine=FASTEST)
    assert judgement.findings == []
    assert {judgement.verdicts[rule] for rule in OF_THE_QUEUE} == {"SKIP"}
    watched = {"P41_PIPE", "P41_PIPE_PASSES_ALL", "P41_ONE_CONSUMER", "SEC08_WATCHED", "SEC08_ALARMS"}
    assert {judgement.verdicts[rule] for rule in watched} == {"PASS"}
    if workflow.type is WorkflowType.STANDARD:  # it has a queue for alerts
        assert judgement.verdicts["SEC01_QUEUE_ENCRYPTION"] == judgement.verdicts["SEC01_RETENTION"] == "PASS"
