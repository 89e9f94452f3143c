"""A pipe stopped and started by hand, and what follows from it.

CloudFormation does not start a stopped pipe again: an update leaves a property alone that the template does not set.
Source: EventBridge Pipes API Reference, "StopPipe", "UpdatePipe"; SQS API Reference, "GetQueueAttributes".
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ceap.aws.flow import RUNNING, STOPPED, Work, pipe_states, turn_pipe, work_of
from ceap.aws.moment import now_of
from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.aws.workflow import DeployedWorkflow
from ceap.cfn.adopted import queue_at
from ceap.cfn.lookup import EVENT_RULE, PIPE, SCHEDULE, Resource, at, items, resources, text
from ceap.operate.moments import span
from ceap.operate.status_metrics import read_ages
from templates.words import listed, plural


class Turned(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A pipe as it is now; `was_so` if it was before.

    `oldest_s` is how long the oldest message has been in the queue, None if CloudWatch does not know; `template_state`
    is the pipe's state that the template sets, if it sets one.
    """

    workflow: str
    pipe: str
    state: str
    was_so: bool
    work: Work
    oldest_s: float | None
    retention_s: int
    senders: tuple[str, ...]
    template_state: str | None


def pause(aws: Aws, workflow: DeployedWorkflow, pace: Pace) -> Turned:
    """Stop the pipe, and wait until it is stopped; CommandError with AWS's reason if it cannot be."""
    return _turned(aws, workflow, STOPPED, pace)


def resume(aws: Aws, workflow: DeployedWorkflow, pace: Pace) -> Turned:
    """Start the pipe, and wait until it runs; CommandError with AWS's reason if it cannot be."""
    return _turned(aws, workflow, RUNNING, pace)


def _turned(aws: Aws, workflow: DeployedWorkflow, state: str, pace: Pace) -> Turned:
    before = pipe_states(aws, workflow.pipe)
    turn_pipe(aws, workflow.pipe, state, pace)
    name = workflow.queue.rpartition("/")[2]
    pipe = next(resources(workflow.stack.template, PIPE))
    return Turned(
        workflow=workflow.name,
        pipe=workflow.pipe,
        state=state,
        was_so=before.is_so(state),
        work=work_of(aws, workflow.queue, None if workflow.is_express else workflow.machine),
        oldest_s=read_ages(aws, {"queue": name}, now_of(aws)).get("queue"),
        retention_s=_retention_s(aws, workflow.queue),
        senders=tuple(_senders(workflow)),
        template_state=text(pipe.properties.get("DesiredState")),
    )


def paused_lines(turned: Turned, call: str) -> Iterator[str]:
    """Yield what a stopped pipe means; `call` are options and file for other commands."""
    yield f"{turned.workflow}: the pipe {turned.pipe} {'was stopped already' if turned.was_so else 'is stopped'}"
    yield f"  {turned.work}; what runs goes on to its end"
    count = turned.work.messages.waiting + turned.work.messages.in_flight
    is_known = turned.oldest_s is not None and count
    oldest = f"; the oldest has been there for at least {span(turned.oldest_s or 0.0)}" if is_known else ""
    yield f"  a message stays in the queue for {span(turned.retention_s)}, then SQS deletes it{oldest}"
    if turned.senders:
        yield f"  {listed(turned.senders)} still send{'s' if len(turned.senders) == 1 else ''} messages"
    if turned.template_state == RUNNING:
        yield "  a deployment that changes the pipe starts it, as the template says DesiredState: RUNNING"
    else:
        yield "  `ceap deploy` leaves it stopped, and says so"
    yield f"  `ceap resume {call}` starts it"


def resumed_lines(turned: Turned) -> Iterator[str]:
    """Yield what a running pipe means."""
    yield f"{turned.workflow}: the pipe {turned.pipe} {'was running already' if turned.was_so else 'runs'}"
    waiting = turned.work.messages.waiting
    yield f"  it takes the {plural(waiting, 'message')} that wait" if waiting > 1 else f"  {turned.work}"
    if turned.template_state == STOPPED:
        yield "  a deployment that changes the pipe stops it again, as the template says DesiredState: STOPPED"


def _retention_s(aws: Aws, queue: str) -> int:
    name = "MessageRetentionPeriod"
    return int(aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=[name])["Attributes"][name])


def _senders(workflow: DeployedWorkflow) -> Iterator[str]:
    """Yield the schedules and event rules of the template that send to the queue."""
    stack = workflow.stack
    queue = queue_at(stack.template, next(resources(stack.template, PIPE)).properties.get("Source"))

    def sends(arns: list[object]) -> bool:
        return any(queue_at(stack.template, arn) == queue for arn in arns)

    def named(kind: str, sender: Resource) -> str:
        return f"{kind} {stack.physical.get(sender.logical_id, sender.logical_id)}"

    for schedule in resources(stack.template, SCHEDULE):
        if sends([at(schedule.properties, "Target", "Arn")]):
            yield named("schedule", schedule)
    for rule in resources(stack.template, EVENT_RULE):
        if sends([at(target, "Arn") for target in items(rule.properties.get("Targets"))]):
            yield named("rule", rule)
