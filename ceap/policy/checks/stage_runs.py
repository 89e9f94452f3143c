"""A task runs the function or job of its own stage, and the bucket that stages share is the workflow bucket.

What a task names is a token, and what fills it in stands elsewhere: a function that another stage's task runs reads
and writes that stage's objects, which its role does not allow.
Source: requirements 1.1 and 3.2; AWS::StepFunctions::StateMachine DefinitionSubstitutions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import BUCKET, INVOKE, Machine, at, machines, pointed_at, reference
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at
from templates import naming

RULE: Final = "WIRE06_STAGE_RUNS_ITS_OWN"

_PARAMETERS: Final = {True: ("FunctionName", "function", ("Arn", "")), False: ("JobName", "job", ("",))}


def check(template: Template) -> list[Finding]:
    return [
        finding_at(template, RULE, f"[WIRE06] {message}", path)
        for machine in machines(template)
        for message, path in _faults(template, machine)
    ]


def _faults(template: Template, machine: Machine) -> Iterator[tuple[str, str]]:
    for stage in machine.stages():
        parameter, kind, attributes = _PARAMETERS[machine.states[stage].get("Resource") == INVOKE]
        path = machine.path("States", stage, "Parameters", parameter)
        value = machine.substituted(at(machine.states, stage, "Parameters", parameter))
        target, run = reference(value), machine.runs(template, stage)
        if target is None:
            continue  # no token, or another stack's function
        if run is None or target[1] not in attributes:
            wanted = "!Ref of a job" if kind == "job" else "!GetAtt of a function, Arn"
            yield f"the token stands for no {kind} of this template | fix: {wanted} in DefinitionSubstitutions", path
        elif run.name is not None and not run.name.endswith(f"-{naming.purpose(stage)}"):
            message = f"the stage runs {run.name} | fix: the {kind} whose name ends in -{naming.purpose(stage)}"
            yield message, path
    bucket = machine.substituted("${WorkflowBucket}")
    found = pointed_at(template, bucket)
    if found and found.type != BUCKET:
        path = machine.resource.path("DefinitionSubstitutions", "WorkflowBucket")
        yield f"{found.logical_id} is no bucket | fix: the workflow bucket's name", path
