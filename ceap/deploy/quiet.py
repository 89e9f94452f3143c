"""Bringing a workflow to rest: its pipe takes no more messages, and what it has begun ends.

Source: EventBridge Pipes API Reference, "StopPipe"; SQS Developer Guide, "ApproximateNumberOfMessages".
"""

import msgspec

from ceap.aws.flow import RUNNING, STOPPED, count_messages, pipe_states, turn_pipe, work_of
from ceap.aws.history import Operation
from ceap.cfn import lookup
from ceap.cfn.adopted import ADOPTED_QUEUE, queue_at
from ceap.cfn.template import Template, parse_template
from ceap.deploy.operation import DeploymentError, Means
from ceap.deploy.plan import Situation
from ceap.deploy.situation import read_situation
from ceap.errors import CommandError
from templates.model import WorkflowType
from templates.words import plural


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


def flow_of(now: Situation, template: Template) -> Flow | None:
    """Return the way of a message, if the stack still has a pipe from a queue of its own or from an adopted one."""
    resources = now.resources
    pipe = next(lookup.resources(template, lookup.PIPE), None)
    source = queue_at(template, pipe.properties.get("Source")) if pipe else None
    queue = _url(now, source) if source else None
    if pipe is None or queue is None or pipe.logical_id not in resources:
        return None
    machine = next(lookup.resources(template, lookup.MACHINE), None)
    is_listed = machine is not None and machine.properties.get("StateMachineType") != WorkflowType.EXPRESS
    return Flow(
        stack=now.name,
        pipe=resources[pipe.logical_id],
        state=str(pipe.properties.get("DesiredState", RUNNING)),
        queue=queue,
        machine=resources.get(machine.logical_id) if machine and is_listed else None,
    )


def _url(now: Situation, queue: lookup.Resource) -> str | None:
    return now.outputs.get("QueueUrl") if queue.type == ADOPTED_QUEUE else now.resources.get(queue.logical_id)


def bring_to_rest(means: Means, flow: Flow, *, leave_messages: bool, is_paused_by_us: bool) -> None:
    """Pause the pipe and wait for what it has begun.

    With `leave_messages` messages may stay in the queue; executions are waited for in any case where they have taken
    their message out of it. `is_paused_by_us`: an earlier call has done so, and was interrupted.

    Raises:
        DeploymentError: messages are in the queue; the pipe then runs as before.
    """
    was_running = is_paused_by_us or pipe_states(means.aws, flow.pipe).desired != STOPPED
    try:
        if not leave_messages:
            _refuse_waiting(means, flow, is_stopped=not was_running)
        if pipe_states(means.aws, flow.pipe).current != STOPPED:
            means.say(f"{flow.stack}: pausing the pipe {flow.pipe}")
            _turn(means, flow, STOPPED)
        _wait_for_work(means, flow, leave_messages=leave_messages)
        if not leave_messages:
            _refuse_waiting(means, flow, is_stopped=not was_running)
        _refuse_started(means, flow)
    except DeploymentError:
        if was_running and pipe_states(means.aws, flow.pipe).desired == STOPPED:
            means.say(f"{flow.stack}: starting the pipe again")
            _turn(means, flow, RUNNING)
        raise


def see_to_pipe(means: Means, stack: str) -> None:
    """Start the pipe of a deployed stack again if an interrupted destruction has paused it; say it if somebody has."""
    interrupted = means.journal.interrupted(Operation.DESTROY)
    now = read_situation(means.aws, stack)
    template = parse_template(now.template, f"{stack} as deployed") if now.template else None
    flow = flow_of(now, template) if template else None
    states = pipe_states(means.aws, flow.pipe) if flow else None
    if flow and states and {states.desired, states.current} != {flow.state}:
        if interrupted and flow.state == RUNNING:
            means.say(f"{stack}: an interrupted `ceap destroy` has paused the pipe {flow.pipe}: starting it again")
            _turn(means, flow, RUNNING)
        else:
            takes, cure = "may take no", "`ceap resume` starts it"
            if flow.state == STOPPED:
                takes, cure = "takes", "`ceap pause` stops it"
            means.say(
                f"{stack}: the pipe {flow.pipe} is {states.current}, not {flow.state} as the template has it, so it "
                f"{takes} messages; {cure}"
            )
    for record in interrupted:
        means.journal.end(record, is_done=False)


def _refuse_waiting(means: Means, flow: Flow, *, is_stopped: bool) -> None:
    messages = count_messages(means.aws, flow.queue)
    if messages.waiting:
        how = f"start the pipe {flow.pipe}, which is stopped (`ceap resume`)," if is_stopped else "wait"
        raise DeploymentError(
            f"{flow.stack}: {messages} in {flow.queue}, so nothing was deleted; {how} until they are processed, or "
            "give --leave-messages: they stay in the queue for the next deployment, 14 days at most"
        )


def _refuse_started(means: Means, flow: Flow) -> None:
    """Raise DeploymentError if the pipe takes messages: what they began would end with the stack."""
    if (state := pipe_states(means.aws, flow.pipe).current) != STOPPED:
        raise DeploymentError(
            f"{flow.stack}: somebody else has started the pipe {flow.pipe} again ({state}), so nothing was deleted; "
            "see that nobody deploys this stack meanwhile, and run this command again"
        )


def _wait_for_work(means: Means, flow: Flow, *, leave_messages: bool) -> None:
    told = ""
    for _ in means.pace:
        work = work_of(means.aws, flow.queue, flow.machine)
        executions, in_flight = work.executions or 0, 0 if leave_messages else work.messages.in_flight
        if not executions and not in_flight:
            return
        now = f"{plural(executions, 'execution')} and {plural(in_flight, 'message')} in flight"
        if now != told:
            means.say(f"{flow.stack}: waiting for {now}")
            told = now


def _turn(means: Means, flow: Flow, state: str) -> None:
    """Start or stop the pipe, and wait until it is so."""
    try:
        turn_pipe(means.aws, flow.pipe, state, means.pace)
    except CommandError as error:
        raise DeploymentError(f"{flow.stack}: {error}") from error
