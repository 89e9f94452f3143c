"""The queues that a workflow uses and its template does not make: parameters give their names."""

import re
from typing import Any, Final

from ceap.cfn.lookup import QUEUE, Machine, Resource, at, pointed_at, section
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


def visibility_needed_s(template: Template, machine: Machine) -> int:
    """Return how long a queue must hide a message while the state machine works on it."""
    if machine.is_express:
        return budget.express_visibility_s(machine.functions_s(template) or 0)
    return budget.STANDARD_VISIBILITY_S
