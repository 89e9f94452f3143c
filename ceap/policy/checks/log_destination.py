"""A state machine, a pipe and a job write to log groups of their own, named after them.

Below `/aws/vendedlogs/` log delivery does not exceed the 5,120 characters of the log resource policy. A job creates a
missing group itself, without a retention. Functions: P01_FUNCTION_LOG_GROUP, which cannot tell whose a group is where
CloudFormation generates the function's name.
Source: requirements 9.2 and 9.3; Step Functions Developer Guide, "Logging using CloudWatch Logs"; AWS Glue Developer
Guide, "Logging for AWS Glue jobs".
"""

from collections.abc import Iterator
from typing import Final, assert_never

from ceap.cfn.lookup import (
    FUNCTION,
    LOG_GROUP,
    MACHINE,
    PIPE,
    Resource,
    at,
    has_generated_name,
    items,
    log_group_of,
    machines,
    pointed_at,
    reference,
    resources,
    text,
)
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates import naming
from templates.model import StepKind

RULE: Final = "WIRE02_LOG_DESTINATION"
ENTRY: Final = Entry(
    title="A state machine, pipe, function or job writes to log groups of its own, named after it",
    why=(
        "Logs of two owners in one group cannot be told apart. A group that the template does not create keeps "
        "logs for ever."
    ),
    fix=(
        "Name the log group after its owner, below /aws/vendedlogs/ or /aws-glue/jobs/, and set it as the "
        "owner's log destination."
    ),
    requirement=("9.2", "9.3"),
    source="https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html",
)

_DESTINATIONS: Final[dict[str, tuple[str, tuple[str | int, ...]]]] = {
    MACHINE: (
        naming.STATE_MACHINE_LOGS,
        ("LoggingConfiguration", "Destinations", 0, "CloudWatchLogsLogGroup", "LogGroupArn"),
    ),
    PIPE: (naming.PIPE_LOGS, ("LogConfiguration", "CloudwatchLogsLogDestination", "LogGroupArn")),
}
_PREFIX: Final = ("DefaultArguments", "--custom-logGroup-prefix")


def check(template: Template) -> Iterator[Fault]:
    for owner in resources(template, *_DESTINATIONS):
        yield from _destination_faults(template, owner)
    yield from _shared_faults(template)
    for machine in machines(template):
        for stage, kind in machine.kinds().items():
            match kind:
                case StepKind.GLUE:
                    job = machine.runs(template, stage)
                    yield from _job_faults(template, job) if job else ()
                case StepKind.LAMBDA:
                    pass  # P01_FUNCTION_LOG_GROUP checks LoggingConfig
                case _:
                    assert_never(kind)


def _destination_faults(template: Template, owner: Resource) -> Iterator[Fault]:
    prefix, place = _DESTINATIONS[owner.type]
    value = at(owner.properties, *place)
    group, target = pointed_at(template, value), reference(value)
    if group is None or target is None:
        return
    if group.type != LOG_GROUP or target[1] != "Arn":
        yield Fault(owner.path(*place), "LogGroupArn is not the ARN of a log group", "!GetAtt of its log group's Arn")
    elif group.name is not None and owner.name is not None and group.name != prefix + owner.name:
        what = f"{owner.logical_id} logs to {group.name}"
        yield Fault(owner.path(*place), what, f"a log group of the name {prefix}{owner.name}")


def _shared_faults(template: Template) -> Iterator[Fault]:
    """Yield the functions with generated names that log to the group of another function."""
    functions = list(resources(template, FUNCTION))
    groups = {function.logical_id: log_group_of(template, function) for function in functions}
    for function in functions:
        group = groups[function.logical_id]
        others = [name for name, found in groups.items() if found == group and name != function.logical_id]
        if group and others and has_generated_name(template, function):
            what = f"{' and '.join(others)} logs to {group.logical_id}, too"
            yield Fault(function.path("LoggingConfig", "LogGroup"), what, "!Ref of a log group of its own")


def _job_faults(template: Template, job: Resource) -> Iterator[Fault]:
    prefix = text(at(job.properties, *_PREFIX))
    if job.name is None:
        return
    right = f"{naming.JOB_LOGS}/{job.name}"
    if prefix != right:
        yield Fault(job.path(*_PREFIX), "the job does not log to groups of its own", f"{_PREFIX[1]} {right}")
        return
    groups = {group.name: group.logical_id for group in resources(template, LOG_GROUP)}
    awaited = items(at(template.data["Resources"], job.logical_id, "DependsOn"))
    for name in (f"{right}/output", f"{right}/error"):
        if name not in groups:
            what = f"the template has no log group {name}"
            yield Fault(job.path(*_PREFIX), what, "an AWS::Logs::LogGroup of that name")
        elif groups[name] not in awaited:
            what = f"the job may run before {groups[name]} exists"
            yield Fault(f"{job.path()}/DependsOn", what, "name it in DependsOn")
