"""The queues and the event bus that a workflow adopts, as a local run makes them: as ceap's own would be."""

import json
from collections.abc import Callable
from typing import Any

from ceap.cfn.adopted import (
    Adopted,
    adopted_by,
    adopted_event_buses,
    dead_letter_attributes,
    queue_attributes,
    tls_statement,
)
from ceap.cfn.template import parse_template


def make_existing(client: Callable[[str], Any], text: str) -> dict[str, str]:
    """Make what a workflow's template adopts, and return the names by parameter; nothing for one that adopts nothing.

    Each is called as its parameter without `Name`.
    """
    template, names = parse_template(text, "the workflow's template"), dict[str, str]()
    if adopted := adopted_by(template):
        names |= _make_queues(client("sqs"), adopted)
    for parameter in adopted_event_buses(template):
        names[parameter] = parameter.removesuffix("Name")
        client("events").create_event_bus(Name=names[parameter])
    return names


def _make_queues(sqs: Any, adopted: Adopted) -> dict[str, str]:
    queue, dead = (each.logical_id.removesuffix("Name") for each in (adopted.queue, adopted.dead_letters))
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in (queue, dead)]
    arns = [_arn(sqs, url) for url in urls]
    wanted = (queue_attributes(arns[1], adopted.visibility_s), dead_letter_attributes(arns[0]))
    for url, arn, attributes in zip(urls, arns, wanted, strict=True):
        policy = {"Version": "2012-10-17", "Statement": [tls_statement(arn)]}
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes | {"Policy": json.dumps(policy)})
    return {adopted.queue.logical_id: queue, adopted.dead_letters.logical_id: dead}


def _arn(sqs: Any, url: str) -> str:
    found: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return found
