"""What is wrong with what a declaration adopts, each with its place and the cure."""

from collections.abc import Iterator

from templates import discovery
from templates.model import Workflow
from templates.source import KeyPath

Problem = tuple[KeyPath, str]


def adoption_problems(workflow: Workflow) -> Iterator[Problem]:
    """Yield the problems of adopted queues and event bus, in the order in which to correct them."""
    adopted = workflow.adopt
    for one, other in (("queue", "dead_letter_queue"), ("dead_letter_queue", "queue")):
        given = getattr(adopted, one)
        if given and not getattr(adopted, other):
            yield (
                ("adopt", one),
                f"is {given!r} without {other}: a queue is adopted with the queue that takes its dead letters; "
                f"add {other}, or remove {one}",
            )
    if adopted.queue and adopted.queue == adopted.dead_letter_queue:
        yield ("adopt", "dead_letter_queue"), f"is {adopted.queue!r}, as queue is; give each queue its own parameter"
    if adopted.queue and workflow.s3_events:
        yield (
            ("s3_events",),
            "needs a queue whose policy lets an event rule send, and the policy of an adopted queue stays as it is; "
            "remove s3_events and let a rule of your own send, or let ceap make the queue: remove adopt.queue",
        )
    if adopted.event_bus and not any(discovery.load_needs(step.handler).events for step in workflow.lambda_steps):
        yield (
            ("adopt", "event_bus"),
            f"is {adopted.event_bus!r}, but no stage publishes events; remove it, or declare `events` in NEEDS of the "
            "handler that does",
        )
