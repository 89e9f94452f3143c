"""A deployed workflow: the names, URLs and ARNs of its parts, read from its stack's own template."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any, Final, NamedTuple, assert_never

import msgspec
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.deployed import SETTLED, DeployedStack, load_stack
from ceap.aws.errors import is_absent
from ceap.aws.flow import RUNNING
from ceap.aws.session import Aws
from ceap.cfn.adopted import ADOPTED_QUEUE, queue_at
from ceap.cfn.lookup import ALARM, PIPE, Machine, Resource, at, machines, number, pointed_at, resources, text
from ceap.errors import SetupError, UsageError
from templates import naming
from templates.model import StepKind, WorkflowType

QUEUE_DEFAULT_S: Final = 30
"""The visibility timeout of a queue whose template says none. Source: AWS::SQS::Queue."""


class Worker(NamedTuple):
    """What does the work of a stage: a function or a Glue job, by its name, and where it logs; a job has two groups."""

    stage: str
    kind: StepKind
    name: str
    log_groups: tuple[str, ...]
    resource: Resource


class Queues(NamedTuple):
    """The queues of a workflow: their URLs, and how the first hides a message and gives it up.

    `receives_max` is after how many receives a message goes to the dead-letter queue; None where only AWS knows it.
    """

    queue: str
    dead_letter_queue: str
    visibility_timeout_s: float
    receives_max: int | None


class DeployedWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """`machine` is an ARN, queues are URLs, all else are names; `workers` are in the order of their stages.

    `pipe_state` is what the template says that the pipe shall be; the queues and what they do are those of `Queues`.
    """

    stack: DeployedStack
    workflow: str
    environment: str
    type: WorkflowType
    definition: Machine
    machine: str
    machine_log_group: str
    pipe: str
    pipe_state: str
    pipe_log_group: str | None
    queue: str
    dead_letter_queue: str
    visibility_timeout_s: float
    receives_max: int | None
    bucket: str
    workers: tuple[Worker, ...]
    alarms: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.stack.name

    @property
    def stages(self) -> tuple[str, ...]:
        return tuple(self.definition.stages())

    @property
    def is_express(self) -> bool:
        return self.type is WorkflowType.EXPRESS

    @property
    def begins_with_job(self) -> bool:
        return bool(self.workers) and self.workers[0].kind is StepKind.GLUE

    def machine_of(self, definition: dict[str, Any]) -> Machine:
        """Return the state machine with another definition, e.g. the one that an execution ran."""
        return Machine(self.definition.resource, definition, definition["States"])


def load_deployed(aws: Aws, workflow: str, environment: str, states: Collection[str] = SETTLED) -> DeployedWorkflow:
    """Read a deployed workflow; LIVE are the states of one that may be changing.

    Raises:
        SetupError: its stack or the foundation is missing, in no such state, or has not all of its resources yet.
        UsageError: it is not the stack of a workflow.
    """
    stack = load_stack(aws, workflow, environment, states)
    try:
        return deployed_workflow(stack, workflow, environment, _adopted_queues(aws, stack))
    except KeyError as error:
        raise SetupError(f"stack {stack.name} has no {error.args[0]} yet; wait until it is deployed") from None


def deployed_workflow(
    stack: DeployedStack, workflow: str, environment: str, adopted: Queues | None = None
) -> DeployedWorkflow:
    """Return the workflow of a stack, with the queues that it adopts; UsageError if it is not that of a workflow."""
    template = stack.template
    pipe = next(resources(template, PIPE), None)
    target = pointed_at(template, at(pipe.properties, "Target")) if pipe else None
    machine = next((found for found in machines(template) if target and found.resource == target), None)
    queue = pointed_at(template, at(pipe.properties, "Source")) if pipe else None
    if pipe is None or machine is None or (queue is None and adopted is None):
        raise UsageError(f"stack {stack.name} has no pipe from a queue to a state machine; name a workflow of ceap")
    queues = _queues(stack, queue) if queue else adopted
    bucket = stack.value(at(machine.resource.properties, "DefinitionSubstitutions", "WorkflowBucket"))
    destination = at(machine.resource.properties, "LoggingConfiguration", "Destinations", 0, "CloudWatchLogsLogGroup")
    log_group = pointed_at(template, at(destination, "LogGroupArn"))
    if queues is None or bucket is None or log_group is None:
        raise UsageError(
            f"stack {stack.name}: its dead-letter queue, workflow bucket or log group of executions is not known; "
            "deploy the foundation, then the generated template"
        )
    pipe_group = pointed_at(
        template, at(pipe.properties, "LogConfiguration", "CloudwatchLogsLogDestination", "LogGroupArn")
    )
    names = (stack.physical.get(alarm.logical_id) for alarm in resources(template, ALARM))
    return DeployedWorkflow(
        stack=stack,
        workflow=workflow,
        environment=environment,
        type=WorkflowType.EXPRESS if machine.is_express else WorkflowType.STANDARD,
        definition=machine,
        machine=stack.physical[machine.resource.logical_id],
        machine_log_group=stack.physical[log_group.logical_id],
        pipe=stack.physical[pipe.logical_id],
        pipe_state=text(pipe.properties.get("DesiredState")) or RUNNING,
        pipe_log_group=stack.physical.get(pipe_group.logical_id) if pipe_group else None,
        **queues._asdict(),
        bucket=bucket,
        workers=tuple(_workers(stack, machine)),
        alarms=tuple(name for name in names if name),
    )


def _queues(stack: DeployedStack, queue: Resource) -> Queues | None:
    """Return a queue of the stack with its dead-letter queue; None if the template does not say which that is."""
    dead_letters = pointed_at(stack.template, at(queue.properties, "RedrivePolicy", "deadLetterTargetArn"))
    if dead_letters is None:
        return None
    visibility = number(queue.properties.get("VisibilityTimeout"))
    receives = number(at(queue.properties, "RedrivePolicy", "maxReceiveCount"))
    return Queues(
        queue=stack.physical[queue.logical_id],
        dead_letter_queue=stack.physical[dead_letters.logical_id],
        visibility_timeout_s=QUEUE_DEFAULT_S if visibility is None else float(visibility),
        receives_max=None if receives is None else int(receives),
    )


def _adopted_queues(aws: Aws, stack: DeployedStack) -> Queues | None:
    """Return the queues that a stack adopts, as SQS says of them; None if it has queues of its own.

    Raises:
        SetupError: the queue does not exist.
    """
    pipe = next(resources(stack.template, PIPE), None)
    source = queue_at(stack.template, at(pipe.properties, "Source")) if pipe else None
    if source is None or source.type != ADOPTED_QUEUE:
        return None
    queue = stack.outputs["QueueUrl"]
    names = ["VisibilityTimeout", "RedrivePolicy"]
    try:
        said = aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    except ClientError as error:
        if is_absent(error):
            raise SetupError(f"stack {stack.name} adopts {queue}, which does not exist; create it again") from None
        raise
    receives = json.loads(said.get("RedrivePolicy", "{}")).get("maxReceiveCount")
    return Queues(
        queue=queue,
        dead_letter_queue=stack.outputs["DeadLetterQueueUrl"],
        visibility_timeout_s=float(said["VisibilityTimeout"]),
        receives_max=None if receives is None else int(receives),
    )


def _workers(stack: DeployedStack, machine: Machine) -> Iterator[Worker]:
    for stage, kind in machine.kinds().items():
        if resource := machine.runs(stack.template, stage):
            name = stack.physical[resource.logical_id]
            yield Worker(stage, kind, name, _log_groups(stack, kind, resource, name), resource)


def _log_groups(stack: DeployedStack, kind: StepKind, resource: Resource, name: str) -> tuple[str, ...]:
    match kind:
        case StepKind.LAMBDA:
            group = stack.value(at(resource.properties, "LoggingConfig", "LogGroup"))
            return (group or f"{naming.FUNCTION_LOGS}{name}",)
        case StepKind.GLUE:
            prefix = stack.value(at(resource.properties, "DefaultArguments", "--custom-logGroup-prefix"))
            return tuple(f"{prefix or naming.JOB_LOGS}/{ending}" for ending in ("output", "error"))
        case _:
            assert_never(kind)
