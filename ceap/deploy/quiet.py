"""Bringing a workflow to rest: its pipe takes no more messages, and what it has begun ends.

Source: EventBridge Pipes API Reference, "StopPipe"; SQS Developer Guide, "ApproximateNumberOfMessages".
"""

from typing import Final

import msgspec

from ceap.cfn import lookup
from ceap.cfn.template import Template
from ceap.deploy.aws import Aws
from ceap.deploy.deployment import DeploymentError, Means
from templates.model import WorkflowType
from templates.words import plural

RUNNING: Final = "RUNNING"
STOPPED: Final = "STOPPED"


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """The way of a message through a deployed workflow: names, ARN and URL of what exists.

    `machine` is None for EXPRESS, whose executions nobody can list: a message is in flight as long as it is processed.
    """

    stack: str
    pipe: str
    queue: str
    machine: str | None


class Messages(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages a queue has: those that wait, also with a delay, and those that somebody has received."""

    waiting: int
    in_flight: int

    def __str__(self) -> str:
        return f"{plural(self.waiting, 'message')} waiting and {self.in_flight} in flight"


def flow_of(stack: str, template: Template, resources: dict[str, str]) -> Flow | None:
    """Return the way of a message, if the stack still has a pipe from a queue of its own."""
    pipe = next(lookup.resources(template, lookup.PIPE), None)
    source = lookup.reference(pipe.properties.get("Source")) if pipe else None
    if pipe is None or source is None or pipe.logical_id not in resources or source[0] not in resources:
        return None
    machine = next(lookup.resources(template, lookup.MACHINE), None)
    is_listed = machine is not None and machine.properties.get("StateMachineType") != WorkflowType.EXPRESS
    return Flow(
        stack=stack,
        pipe=resources[pipe.logical_id],
        queue=resources[source[0]],
        machine=resources.get(machine.logical_id) if machine and is_listed else None,
    )


def count_messages(aws: Aws, queue: str) -> Messages:
    """Return how many messages a queue has, by its URL; SQS counts approximately."""
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "Delayed", "NotVisible")]
    found = aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    ready, delayed, hidden = (int(found.get(name, 0)) for name in names)
    return Messages(waiting=ready + delayed, in_flight=hidden)


def bring_to_rest(means: Means, flow: Flow, *, leave_messages: bool) -> None:
    """Pause the pipe and wait for what it has begun.

    With `leave_messages` messages may stay in the queue; executions are waited for in any case where they have taken
    their message out of it.

    Raises:
        DeploymentError: messages are in the queue; the pipe then runs as before.
    """
    was_running = _state(means.aws, flow) != STOPPED
    if not leave_messages:
        _refuse_waiting(means, flow, is_stopped=not was_running)
    if was_running:
        means.say(f"{flow.stack}: pausing the pipe {flow.pipe}")
        _turn(means, flow, STOPPED)
    _wait_for_work(means, flow, leave_messages=leave_messages)
    if leave_messages:
        return
    try:
        _refuse_waiting(means, flow, is_stopped=False)
    except DeploymentError:
        if was_running:
            means.say(f"{flow.stack}: starting the pipe again")
            _turn(means, flow, RUNNING)
        raise


def _refuse_waiting(means: Means, flow: Flow, *, is_stopped: bool) -> None:
    messages = count_messages(means.aws, flow.queue)
    if messages.waiting:
        how = f"start the pipe, which is stopped (aws pipes start-pipe --name {flow.pipe})," if is_stopped else "wait"
        raise DeploymentError(
            f"{flow.stack}: {messages} in {flow.queue}, so nothing was deleted; {how} until they are processed, or "
            "give --leave-messages: they stay in the queue for the next deployment, 14 days at most"
        )


def _wait_for_work(means: Means, flow: Flow, *, leave_messages: bool) -> None:
    told = ""
    for _ in means.pace:
        executions = _running(means.aws, flow.machine) if flow.machine else 0
        in_flight = 0 if leave_messages else count_messages(means.aws, flow.queue).in_flight
        if not executions and not in_flight:
            return
        now = f"{plural(executions, 'execution')} and {plural(in_flight, 'message')} in flight"
        if now != told:
            means.say(f"{flow.stack}: waiting for {now}")
            told = now


def _running(aws: Aws, machine: str) -> int:
    pages = aws.client("stepfunctions").get_paginator("list_executions")
    found = pages.paginate(stateMachineArn=machine, statusFilter=RUNNING)
    return sum(len(page["executions"]) for page in found)


def _state(aws: Aws, flow: Flow) -> str:
    return str(aws.client("pipes").describe_pipe(Name=flow.pipe)["CurrentState"])


def _turn(means: Means, flow: Flow, state: str) -> None:
    """Start or stop the pipe, and wait until it is so."""
    client = means.aws.client("pipes")
    (client.stop_pipe if state == STOPPED else client.start_pipe)(Name=flow.pipe)
    for _ in means.pace:
        now = _state(means.aws, flow)
        if now == state:
            return
        if now.endswith("_FAILED"):
            raise DeploymentError(f"{flow.stack}: the pipe {flow.pipe} is {now}; see its reason in the console of AWS")
