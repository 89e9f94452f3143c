"""A task runs the function or job of its own stage, and the bucket that stages share is the workflow bucket.

A task names a token, which DefinitionSubstitutions fills in. The function of another stage would read and write this
stage's objects, which its role does not allow. The function of a generated name tells its stage by its log group.
Source: requirements 1.1 and 3.2; AWS::StepFunctions::StateMachine DefinitionSubstitutions.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple, assert_never

from ceap.cfn.lookup import (
    BUCKET,
    NAME_PROPERTY,
    Machine,
    Resource,
    at,
    has_generated_name,
    log_group_of,
    machines,
    pointed_at,
    reference,
)
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates import naming
from templates.definition import integration_of
from templates.model import StepKind

RULE: Final = "WIRE06_STAGE_RUNS_ITS_OWN"
ENTRY: Final = Entry(
    title="A task runs the function or job of its own stage",
    why="The function of another stage has that stage's role: S3 denies it this stage's input and output.",
    fix=(
        "In DefinitionSubstitutions, set the task's token to its function or job, e.g. `ETLFunction: !GetAtt "
        "ETLFunction.Arn` or `HeavyETLJob: !Ref HeavyETLJob`."
    ),
    requirement=("1.1", "3.2"),
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-stepfunctions-statemachine.html",
)


class _Worker(NamedTuple):
    """What does a step's work: its noun, the attributes that may name it, and how to name it."""

    noun: str
    attributes: tuple[str, ...]
    wanted: str


def _worker(kind: StepKind) -> _Worker:
    match kind:
        case StepKind.LAMBDA:
            return _Worker("function", ("Arn", ""), "!GetAtt of a function's Arn")
        case StepKind.GLUE:
            return _Worker("job", ("",), "!Ref of a job")
        case _:
            assert_never(kind)


def check(template: Template) -> Iterator[Fault]:
    for machine in machines(template):
        yield from _faults(template, machine)


def _faults(template: Template, machine: Machine) -> Iterator[Fault]:
    for stage, kind in machine.kinds().items():
        parameter, worker = integration_of(kind).parameter, _worker(kind)
        path = machine.path("States", stage, "Parameters", parameter)
        value = machine.substituted(at(machine.states, stage, "Parameters", parameter))
        target, run = reference(value), machine.runs(template, stage)
        if target is None:
            continue  # no token, or another stack's function
        if run is None or target[1] not in worker.attributes:
            what = f"the token is not a {worker.noun} of this template"
            yield Fault(path, what, f"{worker.wanted} in DefinitionSubstitutions")
        elif run.name is not None and not run.name.endswith(f"-{naming.purpose(stage)}"):
            fix = f"the {worker.noun} whose name ends in -{naming.purpose(stage)}"
            yield Fault(path, f"the stage runs {run.name}", fix)
        else:
            yield from _log_group_faults(template, stage, run)
    bucket = machine.substituted("${WorkflowBucket}")
    found = pointed_at(template, bucket)
    if found and found.type != BUCKET:
        path = machine.resource.path("DefinitionSubstitutions", "WorkflowBucket")
        yield Fault(path, f"{found.logical_id} is not a bucket", "the workflow bucket's name")


def _log_group_faults(template: Template, stage: str, run: Resource) -> Iterator[Fault]:
    """Yield a fault if a function whose name CloudFormation generates logs under the name of another stage."""
    group = log_group_of(template, run) if has_generated_name(template, run) else None
    if group and group.name is not None and not group.name.endswith(f"-{naming.purpose(stage)}"):
        place = group.path(NAME_PROPERTY[group.type])
        yield Fault(place, f"the stage {stage} logs to {group.name}", f"a name that ends in -{naming.purpose(stage)}")
