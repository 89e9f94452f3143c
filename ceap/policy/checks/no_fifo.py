"""The queue that a pipe takes messages from is no FIFO queue: order would end at the execution, and failures block it.

Source: `docs/explanation/fifo.md`; EventBridge User Guide, "Amazon SQS queue as a source".
"""

from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import PIPE, QUEUE, pointed_at, resources
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault

RULE: Final = "WIRE17_NO_FIFO"
ENTRY: Final = Entry(
    title="The workflow's queue is no FIFO queue",
    why=(
        "In EXPRESS a failed message holds up its whole group until it is dead-lettered; in STANDARD the order ends "
        "when the pipe has started the execution."
    ),
    fix="Remove FifoQueue. Take the order from the data: a version in each record, `keeps_newest`, conditional writes.",
    source="docs/explanation/fifo.md",
)


def check(template: Template) -> Iterator[Fault]:
    for pipe in resources(template, PIPE):
        queue = pointed_at(template, pipe.properties.get("Source"))
        if queue and queue.type == QUEUE and queue.properties.get("FifoQueue") not in (None, False):
            what = "a failed message would hold up all that follow it, or order would end at the execution"
            fix = "remove it, and take the order from the data: docs/explanation/fifo.md says how"
            yield Fault(queue.path("FifoQueue"), what, fix)
