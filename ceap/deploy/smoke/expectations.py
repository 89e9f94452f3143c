"""What a deployed stack promises of one message: the checks of a smoke run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, TypeAlias, assert_never

import msgspec

from ceap.aws.deployed import DeployedStack
from ceap.cfn.lookup import (
    ALARM,
    JOB,
    PIPE,
    Machine,
    Resource,
    at,
    items,
    machines,
    pointed_at,
    resources,
)
from ceap.errors import UsageError
from ceap.iam.documents import documents
from ceap.iam.matching import has_wildcard, matches
from handlers.runtime.contract import INITIAL_FOLDER
from templates import naming
from templates.model import StepKind

PUBLISHES: Final = ("events:PutEvents", "sns:Publish")
"""What reaches consumers outside of the workflow."""

_STORES: Final = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem")


class RunsDefinition(msgspec.Struct, frozen=True, tag="definition"):
    """The state machine has the template's definition, and the execution ran it."""

    machine: str
    definition: dict[str, Any]


class Succeeds(msgspec.Struct, frozen=True, tag="execution"):
    """An execution takes the message and succeeds."""

    machine: str
    pipe: str


class StageObject(msgspec.Struct, frozen=True, tag="stage object"):
    """A stage's output is at its convention path and valid; that of `initial` is the message."""

    bucket: str
    stage: str

    @property
    def is_document(self) -> bool:
        return self.stage != INITIAL_FOLDER


class TableItems(msgspec.Struct, frozen=True, tag="table items"):
    """The execution wrote items; `stages` are those that may write to the table."""

    table: str
    stages: tuple[str, ...]


class LogLines(msgspec.Struct, frozen=True, tag="log lines"):
    """The function or the job, which is named, of a stage logged about the execution."""

    stage: str
    log_group: str
    job: str | None = None


class QuietAlarm(msgspec.Struct, frozen=True, tag="alarm"):
    """An alarm of the stack is OK."""

    name: str


class Traced(msgspec.Struct, frozen=True, tag="trace"):
    """X-Ray has the trace of the execution; `log_groups` are those of its functions."""

    machine: str
    log_groups: tuple[str, ...]


class NoDeadLetters(msgspec.Struct, frozen=True, tag="dead-letter queue"):
    """The dead-letter queue, a URL, got no message."""

    queue: str


Check: TypeAlias = RunsDefinition | Succeeds | StageObject | TableItems | LogLines | QuietAlarm | Traced | NoDeadLetters


class Expectations(msgspec.Struct, frozen=True, kw_only=True):
    """`checks` are in the order of a report; `publishers` are the stages that tell other systems."""

    checks: tuple[Check, ...]
    publishers: tuple[str, ...]
    machine: str
    queue: str
    dead_letter_queue: str
    log_group: str
    bucket: str
    stages: tuple[str, ...]
    is_express: bool


def expectations(stack: DeployedStack) -> Expectations:
    """Return what a stack promises; UsageError if it is not that of a workflow."""
    parts = _parts(stack)
    machine, arn = parts.machine, stack.physical[parts.machine.resource.logical_id]
    dead_letter_queue = stack.physical[parts.dead_letter_queue.logical_id]
    definition = stack.definition(machine.resource.logical_id)
    return Expectations(
        checks=(
            RunsDefinition(arn, definition),
            Succeeds(arn, stack.physical[parts.pipe.logical_id]),
            *_of_stages(stack, machine, parts.bucket),
            NoDeadLetters(dead_letter_queue),
            *(QuietAlarm(name) for alarm in resources(stack.template, ALARM) if (name := _name(stack, alarm))),
            *_trace(stack, machine, arn),
        ),
        publishers=tuple(stage for stage, run in _workers(stack, machine) if _grants(stack, run, PUBLISHES)),
        machine=arn,
        queue=stack.physical[parts.queue.logical_id],
        dead_letter_queue=dead_letter_queue,
        log_group=stack.physical[parts.log_group.logical_id],
        bucket=parts.bucket,
        stages=tuple(machine.stages()),
        is_express=machine.is_express,
    )


class _Parts(NamedTuple):
    pipe: Resource
    machine: Machine
    queue: Resource
    dead_letter_queue: Resource
    log_group: Resource
    bucket: str


def _parts(stack: DeployedStack) -> _Parts:
    template = stack.template
    pipe = next(resources(template, PIPE), None)
    target = pointed_at(template, at(pipe.properties, "Target")) if pipe else None
    machine = next((found for found in machines(template) if target and found.resource == target), None)
    queue = pointed_at(template, at(pipe.properties, "Source")) if pipe else None
    if pipe is None or machine is None or queue is None:
        raise UsageError(f"stack {stack.name} has no pipe from a queue to a state machine; name a workflow of ceap")
    dead_letters = pointed_at(template, at(queue.properties, "RedrivePolicy", "deadLetterTargetArn"))
    bucket = stack.value(at(machine.resource.properties, "DefinitionSubstitutions", "WorkflowBucket"))
    destination = at(machine.resource.properties, "LoggingConfiguration", "Destinations", 0, "CloudWatchLogsLogGroup")
    log_group = pointed_at(template, at(destination, "LogGroupArn"))
    if dead_letters is None or bucket is None or log_group is None:
        raise UsageError(
            f"stack {stack.name}: its dead-letter queue, workflow bucket or log group of executions is not known; "
            "deploy the foundation, then the generated template"
        )
    return _Parts(pipe, machine, queue, dead_letters, log_group, bucket)


def _name(stack: DeployedStack, resource: Resource) -> str | None:
    """Return the physical name of a resource that the stack has, which may depend on a condition."""
    return stack.physical.get(resource.logical_id)


def _workers(stack: DeployedStack, machine: Machine) -> Iterator[tuple[str, Resource]]:
    for stage in machine.stages():
        if run := machine.runs(stack.template, stage):
            yield stage, run


def _of_stages(stack: DeployedStack, machine: Machine, bucket: str) -> Iterator[Check]:
    if _begins_with_job(machine):
        yield StageObject(bucket, INITIAL_FOLDER)
    yield from (StageObject(bucket, stage) for stage in machine.stages())
    tables: dict[str, list[str]] = {}
    for stage, run in _workers(stack, machine):
        for table in _tables(stack, run):
            tables.setdefault(table, []).append(stage)
    yield from (TableItems(table, tuple(stages)) for table, stages in tables.items())
    for stage, run in _workers(stack, machine):
        job = stack.physical[run.logical_id] if run.type == JOB else None
        yield LogLines(stage, _log_group(stack, run), job)


def _begins_with_job(machine: Machine) -> bool:
    return bool(machine.stages()) and machine.kind(machine.stages()[0]) is StepKind.GLUE


def _log_group(stack: DeployedStack, worker: Resource) -> str:
    """Return the log group in which a worker writes what it does; of a job's two, that of its output."""
    name = stack.physical[worker.logical_id]
    if worker.type == JOB:
        prefix = stack.value(at(worker.properties, "DefaultArguments", "--custom-logGroup-prefix"))
        return f"{prefix or naming.JOB_LOGS}/output"
    return stack.value(at(worker.properties, "LoggingConfig", "LogGroup")) or f"{naming.FUNCTION_LOGS}{name}"


def _trace(stack: DeployedStack, machine: Machine, arn: str) -> Iterator[Traced]:
    if at(machine.resource.properties, "TracingConfiguration", "Enabled") is True:
        functions = (run for stage, run in _workers(stack, machine) if _is_function(machine, stage))
        yield Traced(arn, tuple(_log_group(stack, run) for run in functions))


def _is_function(machine: Machine, stage: str) -> bool:
    kind = machine.kind(stage)
    match kind:
        case StepKind.LAMBDA:
            return True
        case StepKind.GLUE | None:
            return False
        case _:
            assert_never(kind)


def _grants(stack: DeployedStack, worker: Resource, actions: tuple[str, ...]) -> list[Any]:
    """Return the resources on which a worker's role allows one of the actions."""
    role = pointed_at(stack.template, at(worker.properties, "Role"))
    return [
        resource.value
        for document in documents(stack.template)
        if role and document.resource == role and not document.is_trust
        for statement in document.statements
        if statement.body["Effect"] == "Allow"
        and any(matches(granted.value, action) for granted in statement.texts("Action") for action in actions)
        for resource in statement.entries("Resource")
    ]


def _tables(stack: DeployedStack, worker: Resource) -> Iterator[str]:
    """Yield the names of the tables that a worker's role lets it write to."""
    for value in items(_grants(stack, worker, _STORES)):
        arn = stack.value(value) or ""
        if ":table/" in arn and not has_wildcard(arn):
            yield arn.rpartition(":table/")[2]
