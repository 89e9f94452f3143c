"""The queues that a workflow uses and its template does not make: parameters give their names.

What ceap's own queues are by their template, they must be, too: rules P32, P33 and SEC01 say why.
"""

import json
import re
from typing import Any, Final, NamedTuple

from ceap.cfn.lookup import PIPE, QUEUE, Machine, Resource, at, machines, pointed_at, resources, section
from ceap.cfn.template import Template
from templates import budget, naming

ADOPTED_QUEUE: Final = "an adopted queue"
"""Stands for the type of a queue that is no resource of the template; its logical id is that of the parameter."""

_NAME: Final = re.compile(naming.QUEUE_NAME_PARAMETER)


def adopted_queues(template: Template) -> list[Resource]:
    """Return the queues whose names are parameters of the template."""
    return [Resource(name, ADOPTED_QUEUE, {}) for name in section(template, "Parameters") if _NAME.fullmatch(name)]


def queue_at(template: Template, arn: Any) -> Resource | None:
    """Return the queue of the template that a value points at, or the adopted one whose ARN it is."""
    found = pointed_at(template, arn)
    if found:
        return found if found.type == QUEUE else None
    return next((queue for queue in adopted_queues(template) if arn == adopted_arn(queue)), None)


def adopted_arn(queue: Resource) -> dict[str, str]:
    """Return how a template writes the ARN of an adopted queue."""
    return {"Fn::Sub": naming.adopted_queue_arn(queue.logical_id)}


def adopted_url(queue: Resource) -> dict[str, str]:
    """Return how a template writes the URL of an adopted queue."""
    return {"Fn::Sub": naming.adopted_queue_url(queue.logical_id)}


def named_queue(template: Template, name: Any) -> Resource | None:
    """Return the queue whose name a value is: of the template by `Fn::GetAtt`, or adopted by `Ref`."""
    found = pointed_at(template, name)
    if found:
        return found if found.type == QUEUE else None
    return next((queue for queue in adopted_queues(template) if name == {"Ref": queue.logical_id}), None)


def dead_letter_queue_of(template: Template, queue: Resource) -> Resource | None:
    """Return the queue that takes the dead letters of another; of an adopted one the only other that is adopted."""
    if queue.type == QUEUE:
        return pointed_at(template, at(queue.properties, "RedrivePolicy", "deadLetterTargetArn"))
    others = [other for other in adopted_queues(template) if other != queue]
    return others[0] if len(others) == 1 else None


class Adopted(NamedTuple):
    """The queues that a workflow adopts, and how long the first must at least hide a message."""

    queue: Resource
    dead_letters: Resource
    visibility_s: int


def adopted_by(template: Template) -> Adopted | None:
    """Return the queues that a workflow adopts; None for one that makes its own."""
    known = {machine.resource.logical_id: machine for machine in machines(template)}
    for pipe in resources(template, PIPE):
        queue = queue_at(template, pipe.properties.get("Source"))
        target = pointed_at(template, pipe.properties.get("Target"))
        dead_letters = dead_letter_queue_of(template, queue) if queue else None
        if queue and queue.type == ADOPTED_QUEUE and dead_letters and target and target.logical_id in known:
            return Adopted(queue, dead_letters, visibility_needed_s(template, known[target.logical_id]))
    return None


def adopted_event_buses(template: Template) -> list[str]:
    """Return the parameters that give the names of event buses."""
    return [name for name in section(template, "Parameters") if re.fullmatch(naming.EVENT_BUS_PARAMETER, name)]


def visibility_needed_s(template: Template, machine: Machine) -> int:
    """Return how long a queue must hide a message while the state machine works on it."""
    if machine.is_express:
        return budget.express_visibility_s(machine.functions_s(template) or 0)
    return budget.STANDARD_VISIBILITY_S


def queue_attributes(dead_letters_arn: str, visibility_s: int) -> dict[str, str]:
    """Return the attributes that an adopted queue must have, as SQS's API has them; times and sizes are limits."""
    redrive = {"deadLetterTargetArn": dead_letters_arn, "maxReceiveCount": budget.MAX_RECEIVES}
    return {
        "MessageRetentionPeriod": str(budget.RETENTION_S),
        "SqsManagedSseEnabled": "true",
        "RedrivePolicy": json.dumps(redrive),
        "VisibilityTimeout": str(visibility_s),
        "MaximumMessageSize": str(budget.MAX_MESSAGE_BYTES),
    }


def dead_letter_attributes(queue_arn: str) -> dict[str, str]:
    """Return the attributes that an adopted dead-letter queue must have.

    From a queue that others fill, `ceap replay` would send their messages, too.
    """
    allow = {"redrivePermission": "byQueue", "sourceQueueArns": [queue_arn]}
    return {
        "MessageRetentionPeriod": str(budget.RETENTION_S),
        "SqsManagedSseEnabled": "true",
        "RedriveAllowPolicy": json.dumps(allow),
    }


TLS_ONLY: Final = {"Bool": {"aws:SecureTransport": "false"}}


def tls_statement(arn: str) -> dict[str, Any]:
    """Return the statement of a queue's policy that denies all requests without TLS."""
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": arn,
        "Condition": TLS_ONLY,
    }
