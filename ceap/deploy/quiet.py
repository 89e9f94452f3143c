"""Bringing a workflow to rest: its pipe takes no more messages, and what it has begun ends.

Source: EventBridge Pipes API Reference, "StopPipe"; SQS Developer Guide, "ApproximateNumberOfMessages".
"""

from typing import Final

import msgspec

from ceap.aws.history import Operation
from ceap.aws.session import Aws
from ceap.cfn import lookup
from ceap.cfn.template import Template, parse_template
from ceap.deploy.operation import DeploymentError, Means
from ceap.deploy.situation import read_situation
from templates.model import WorkflowType
from templates.words import plural

RUNNING: Final = "RUNNING"
STOPPED: Final = "STOPPED"


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """The way of a message through a deployed workflow: names, ARN and URL of what exists.

    `state` is that of the pipe as the template says it.
    `machine` is None for EXPRESS, whose executions nobody can list: a message is in flight as long as it is processed.
    """

    stack: str
    pipe: str
    state: str
    queue: str
    machine: str | None


class Messages(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages a queue has: those that wait, also with a delay, and those that somebody has received."""

    waiting: int
    in_flight: int

    def __str__(self) -> str:
        return f"{plural(self.waiting, 'message')} waiting and {self.in_flight} in flight"


class States(msgspec.Struct, frozen=True, kw_only=True):
    """What a pipe shall be, and what it is, e.g. STOPPING."""

    desired: str
    current: str


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
        state=str(pipe.properties.get("DesiredState", RUNNING)),
        queue=resources[source[0]],
        machine=resources.get(machine.logical_id) if machine and is_listed else None,
    )


def count_messages(aws: Aws, queue: str) -> Messages:
    """Return how many messages a queue has, by its URL; SQS counts approximately."""
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "Delayed", "NotVisible")]
    found = aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    ready, delayed, hidden = (int(found.get(name, 0)) for name in names)
    return Messages(waiting=ready + delayed, in_flight=hidden)


def bring_to_rest(means: Means, flow: Flow, *, leave_messages: bool, is_paused_by_us: bool) -> None:
    """Pause the pipe and wait for what it has begun.

    With `leave_messages` messages may stay in the queue; executions are waited for in any case where they have taken
    their message out of it. `is_paused_by_us`: an earlier call has done so, and was interrupted.

    Raises:
        DeploymentError: messages are in the queue; the pipe then runs as before.
    """
    was_running = is_paused_by_us or _states(means.aws, flow).desired != STOPPED
    try:
        if not leave_messages:
            _refuse_waiting(means, flow, is_stopped=not was_running)
        if _states(means.aws, flow).current != STOPPED:
            means.say(f"{flow.stack}: pausing the pipe {flow.pipe}")
            _turn(means, flow, STOPPED)
        _wait_for_work(means, flow, leave_messages=leave_messages)
        if not leave_messages:
            _refuse_waiting(means, flow, is_stopped=not was_running)
        _refuse_started(means, flow)
    except DeploymentError:
        if was_running and _states(means.aws, flow).desired == STOPPED:
            means.say(f"{flow.stack}: starting the pipe again")
            _turn(means, flow, RUNNING)
        raise


def see_to_pipe(means: Means, stack: str) -> None:
    """Start the pipe of a deployed stack again if an interrupted destruction has paused it; say it if somebody has."""
    interrupted = means.journal.interrupted(Operation.DESTROY)
    now = read_situation(means.aws, stack)
    template = parse_template(now.template, f"{stack} as deployed") if now.template else None
    flow = flow_of(stack, template, dict(now.resources)) if template else None
    states = _states(means.aws, flow) if flow else None
    if flow and states and states != States(desired=flow.state, current=flow.state):
        if interrupted and flow.state == RUNNING:
            means.say(f"{stack}: an interrupted `ceap destroy` has paused the pipe {flow.pipe}: starting it again")
            _turn(means, flow, RUNNING)
        else:
            verb, takes = ("stop", "takes") if flow.state == STOPPED else ("start", "may take no")
            means.say(
                f"{stack}: the pipe {flow.pipe} is {states.current}, not {flow.state} as the template has it, so it "
                f"{takes} messages; `aws pipes {verb}-pipe --name {flow.pipe}` {verb}s it"
            )
    for record in interrupted:
        means.journal.end(record, is_done=False)


def _refuse_waiting(means: Means, flow: Flow, *, is_stopped: bool) -> None:
    messages = count_messages(means.aws, flow.queue)
    if messages.waiting:
        how = f"start the pipe, which is stopped (aws pipes start-pipe --name {flow.pipe})," if is_stopped else "wait"
        raise DeploymentError(
            f"{flow.stack}: {messages} in {flow.queue}, so nothing was deleted; {how} until they are processed, or "
            "give --leave-messages: they stay in the queue for the next deployment, 14 days at most"
        )


def _refuse_started(means: Means, flow: Flow) -> None:
    """Raise DeploymentError if the pipe takes messages: what they began would end with the stack."""
    if (state := _states(means.aws, flow).current) != STOPPED:
        raise DeploymentError(
            f"{flow.stack}: somebody else has started the pipe {flow.pipe} again ({state}), so nothing was deleted; "
            "see that nobody deploys this stack meanwhile, and run this command again"
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


def _states(aws: Aws, flow: Flow) -> States:
    found = aws.client("pipes").describe_pipe(Name=flow.pipe)
    return States(desired=found["DesiredState"], current=found["CurrentState"])


def _turn(means: Means, flow: Flow, state: str) -> None:
    """Start or stop the pipe, and wait until it is so."""
    client, before = means.aws.client("pipes"), _states(means.aws, flow)
    if before.desired != state or before.current.endswith("_FAILED"):
        (client.stop_pipe if state == STOPPED else client.start_pipe)(Name=flow.pipe)
    for _ in means.pace:
        now = _states(means.aws, flow).current
        if now == state:
            return
        if now.endswith("_FAILED"):
            raise DeploymentError(f"{flow.stack}: the pipe {flow.pipe} is {now}; see its reason in the console of AWS")
