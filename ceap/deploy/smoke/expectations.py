"""What a deployed stack promises of one message: the checks of a smoke run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias, assert_never

import msgspec

from ceap.aws.deployed import DeployedStack
from ceap.aws.workflow import DeployedWorkflow, Worker
from ceap.cfn.lookup import Resource, at, items, pointed_at
from ceap.iam.documents import documents
from ceap.iam.matching import has_wildcard, matches
from handlers.runtime.contract import INITIAL_FOLDER
from templates.model import StepKind

PUBLISHES: Final = ("events:PutEvents", "sns:Publish")
"""What reaches consumers outside of the workflow."""
_CALLS: Final = ("lambda:InvokeFunction",)

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
    """`checks` are in the order of a report; `publishers` are the stages that tell other systems.

    `callers` are the stages that call functions whose doings no role of the workflow tells.
    """

    checks: tuple[Check, ...]
    publishers: tuple[str, ...]
    callers: tuple[str, ...]


def expectations(workflow: DeployedWorkflow) -> Expectations:
    """Return what the stack of a workflow promises."""
    stack, machine = workflow.stack, workflow.machine
    return Expectations(
        checks=(
            RunsDefinition(machine, stack.definition(workflow.definition.resource.logical_id)),
            Succeeds(machine, workflow.pipe),
            *_of_stages(workflow),
            NoDeadLetters(workflow.dead_letter_queue),
            *map(QuietAlarm, workflow.alarms),
            *_trace(workflow),
        ),
        publishers=tuple(worker.stage for worker in workflow.workers if _grants(stack, worker.resource, PUBLISHES)),
        callers=tuple(worker.stage for worker in workflow.workers if _grants(stack, worker.resource, _CALLS)),
    )


def _of_stages(workflow: DeployedWorkflow) -> Iterator[Check]:
    if workflow.begins_with_job:
        yield StageObject(workflow.bucket, INITIAL_FOLDER)
    yield from (StageObject(workflow.bucket, stage) for stage in workflow.stages)
    tables: dict[str, list[str]] = {}
    for worker in workflow.workers:
        for table in _tables(workflow.stack, worker.resource):
            tables.setdefault(table, []).append(worker.stage)
    yield from (TableItems(table, tuple(stages)) for table, stages in tables.items())
    for worker in workflow.workers:
        # Of a job's two groups, that of its output.
        yield LogLines(worker.stage, worker.log_groups[0], None if _is_function(worker) else worker.name)


def _trace(workflow: DeployedWorkflow) -> Iterator[Traced]:
    if at(workflow.definition.resource.properties, "TracingConfiguration", "Enabled") is True:
        functions = filter(_is_function, workflow.workers)
        yield Traced(workflow.machine, tuple(function.log_groups[0] for function in functions))


def _is_function(worker: Worker) -> bool:
    match worker.kind:
        case StepKind.LAMBDA:
            return True
        case StepKind.GLUE:
            return False
        case _:
            assert_never(worker.kind)


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
