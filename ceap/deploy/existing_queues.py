"""Whether the queues and the event bus that a workflow adopts can serve it: no template shows what they are like.

Sources: SQS API Reference, "SetQueueAttributes"; SQS Developer Guide, "Key management" and "Dead-letter queues";
EventBridge User Guide, "Adding Amazon EventBridge events with PutEvents".
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from ceap.aws.flow import RUNNING
from ceap.aws.session import Aws
from ceap.ceap_toml import NAME
from ceap.cfn.adopted import (
    adopted_by,
    adopted_event_buses,
    dead_letter_attributes,
    queue_attributes,
    tls_statement,
)
from ceap.cfn.lookup import PIPE, resources
from ceap.deploy.diff.evaluation import Side
from ceap.deploy.problem import Planned, Problem, look, unread
from ceap.deploy.resource_policies import denies_plain, other_denials, statements_of
from templates import naming
from templates.placeholders import fill

_SERVICE_KEY: Final = "alias/aws/sqs"
_REDRIVE: Final = "RedrivePolicy"
_LIMITS: Final = {"VisibilityTimeout": " or more", "MaximumMessageSize": " or less"}


class _Queue(NamedTuple):
    """An adopted queue as SQS describes it."""

    place: str
    url: str
    attributes: Mapping[str, str]

    @property
    def arn(self) -> str:
        return self.attributes["QueueArn"]


def find_unfit(aws: Aws, planned: Planned) -> Iterator[Problem]:
    """Yield what keeps a workflow from adopting the queues and the event bus that its parameters name."""
    values = Side(planned.template, planned.parameters).values()
    if adopted := adopted_by(planned.template):
        found = [_read(aws, values.get(each.logical_id, "")) for each in (adopted.queue, adopted.dead_letters)]
        yield from (each for each in found if isinstance(each, Problem))
        queue, dead = (each if isinstance(each, _Queue) else None for each in found)
        if queue and dead:
            yield from _problems(queue, dead, adopted.visibility_s, values)
        if queue:
            yield from _pipe_problems(aws, planned, queue)
    for parameter in adopted_event_buses(planned.template):
        yield from _bus_problems(aws, values.get(parameter, ""))


def _read(aws: Aws, name: str) -> _Queue | Problem | None:
    """Return a queue, or why it cannot be read; None for a name that is none, a problem of the parameter."""
    place = f"queue {name}"
    if not re.fullmatch(naming.QUEUE_NAME_PATTERN, name):
        return None
    url = look(lambda: aws.client("sqs").get_queue_url(QueueName=name))
    if isinstance(url, str):
        return unread(place, [url])
    if url is None:
        what = f"does not exist in {aws.region}, and the workflow adopts it"
        return Problem(place=place, what=what, cure=f"create it, or correct its name in {NAME}")
    said = look(lambda: aws.client("sqs").get_queue_attributes(QueueUrl=url["QueueUrl"], AttributeNames=["All"]))
    return _Queue(place, url["QueueUrl"], said["Attributes"]) if isinstance(said, dict) else unread(place, [str(said)])


def _problems(queue: _Queue, dead: _Queue, visibility_s: int, values: Mapping[str, str]) -> Iterator[Problem]:
    key = values.get(naming.KMS_KEY_PARAMETER) or ""
    for each, wanted in (
        (queue, queue_attributes(dead.arn, visibility_s)),
        (dead, dead_letter_attributes(queue.arn) | {_REDRIVE: ""}),
    ):
        wrong = {name: value for name, value in wanted.items() if not _fits(each, name, value)}
        if wrong:
            yield _attribute_problem(each, wrong)
        yield from _key_problems(each, key)
        yield from _policy_problems(each)


def _fits(queue: _Queue, name: str, wanted: str) -> bool:
    found = queue.attributes.get(name, "")
    match name:
        case "RedrivePolicy" | "RedriveAllowPolicy":
            return bool(_parsed(found) == _parsed(wanted))
        case "VisibilityTimeout":
            return int(found) >= int(wanted)
        case "MaximumMessageSize":
            return int(found) <= int(wanted)
        case "SqsManagedSseEnabled":
            return found == wanted or bool(queue.attributes.get("KmsMasterKeyId"))
        case _:
            return found == wanted


def _parsed(policy: str) -> Any:
    """Return what a policy of a queue says; SQS tells the count as a number or as a text."""
    said = json.loads(policy or "{}")
    return said | {"maxReceiveCount": int(said["maxReceiveCount"])} if "maxReceiveCount" in said else said


def _attribute_problem(queue: _Queue, wrong: Mapping[str, str]) -> Problem:
    said = (
        f"{name} must be {value or 'empty'}{_LIMITS.get(name, '')}, and is {queue.attributes.get(name) or 'not set'}"
        for name, value in wrong.items()
    )
    call = f"aws sqs set-queue-attributes --queue-url {queue.url} --attributes '{json.dumps(wrong)}'"
    return Problem(place=queue.place, what="; ".join(said), cure=f"call `{call}`")


def _key_problems(queue: _Queue, ours: str) -> Iterator[Problem]:
    """Yield that the roles of the workflow may not use a queue's key; an alias does not say which key it is of."""
    key = queue.attributes.get("KmsMasterKeyId", "")
    if not key or key.endswith(_SERVICE_KEY) or key == ours or ours.endswith(f":key/{key}"):
        return
    cure = f"set {naming.KMS_KEY_PARAMETER} in {NAME} to the ARN of this key, or encrypt the queue under SQS's own"
    if ours and ":alias/" in f":{key}":
        what = f"is encrypted under {key}, and whether that is {ours} is not known"
        yield Problem(place=queue.place, what=what, cure=f"{cure}, or go on if you know it", is_fatal=False)
    else:
        what = f"is encrypted under {key}, which the workflow may not use"
        yield Problem(place=queue.place, what=what, cure=cure)


def _policy_problems(queue: _Queue) -> Iterator[Problem]:
    statements = statements_of(queue.attributes.get("Policy"))
    if not denies_plain(statements, "sqs", queue.arn):
        what = "its policy allows requests without TLS"
        yield Problem(place=queue.place, what=what, cure=f"add the statement {json.dumps(tls_statement(queue.arn))}")
    cure = "see that it does not match the role of the pipe"
    yield from other_denials(queue.place, statements, "the workflow", cure)


def _pipe_problems(aws: Aws, planned: Planned, queue: _Queue) -> Iterator[Problem]:
    """Yield that another pipe takes messages from the queue, too, where that of the stack shall run."""
    own = [
        fill(pipe.name or "", planned.parameters)
        for pipe in resources(planned.template, PIPE)
        if pipe.properties.get("DesiredState", RUNNING) == RUNNING
    ]
    pages = aws.client("pipes").get_paginator("list_pipes").paginate(SourcePrefix=queue.arn, CurrentState=RUNNING)
    found = look(lambda: [pipe for page in pages for pipe in page["Pipes"]]) if own else []
    if isinstance(found, str):
        yield unread(queue.place, [found])
        return
    others = [pipe["Name"] for pipe in found if pipe["Source"] == queue.arn and pipe["Name"] not in own]
    for name in others:
        what = f"the pipe {name} takes messages from it, too, so that each pipe gets some"
        cure = f"stop it first: `aws pipes stop-pipe --name {name}`"
        yield Problem(place=queue.place, what=what, cure=cure, is_fatal=False)


def _bus_problems(aws: Aws, name: str) -> Iterator[Problem]:
    """Yield that an event bus does not exist: EventBridge takes events for it, and drops them."""
    place = f"event bus {name}"
    if not re.fullmatch(naming.EVENT_BUS_PATTERN, name):
        return  # a problem of the parameter
    found = look(lambda: aws.client("events").describe_event_bus(Name=name))
    if isinstance(found, str):
        yield unread(place, [found])
    elif found is None:
        what = f"does not exist in {aws.region}, and the workflow publishes to it"
        cure = f"call `aws events create-event-bus --name {name}`, or correct its name in {NAME}"
        yield Problem(place=place, what=what, cure=cure)
