from __future__ import annotations

from tests.policy.broken import said
from tests.policy.changes import of
from tests.policy.own_mutants import own

RULE = "WIRE17_NO_FIFO"


def test_a_fifo_queue_is_answered_with_the_page_on_what_to_do_instead() -> None:
    assert said(RULE, "express", of("Queue", "FifoQueue", True)) == [
        (
            "a failed message would hold up all that follow it, or order would end at the execution | "
            "fix: remove it, and take the order from the data: docs/explanation/fifo.md says how",
            "/Resources/Queue/Properties/FifoQueue",
        )
    ]


def test_a_queue_that_says_that_it_is_none_and_queues_of_others_may_be() -> None:
    assert said(RULE, "express", of("Queue", "FifoQueue", False)) == []
    assert said(RULE, "owned", own("AWS::SQS::Queue", FifoQueue=True)) == []
